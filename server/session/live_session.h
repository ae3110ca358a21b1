#ifndef LATCHKEY_SERVER_SESSION_LIVE_SESSION_H_
#define LATCHKEY_SERVER_SESSION_LIVE_SESSION_H_

#include <algorithm>

#include "absl/time/time.h"

#include "client/base/ids.h"
#include "server/session/session.h"
#include "server/session/session_profile.h"

namespace latchkey {

// LiveSession is a Session as it is handed out of memory: its own id and
// times, and a share in the rest. Copying one allocates nothing.
struct LiveSession {
  SessionId id;
  absl::Time create_time;
  absl::Time expire_time;
  absl::Time last_seen_time;
  Interned<SessionProfile> profile;  // null only in a default-made one

  absl::Time auth_time() const {
    return create_time + absl::Microseconds(profile->auth_delay_micros);
  }
  absl::Time idle_expire_time() const {
    return last_seen_time + profile->idle_ttl;
  }
  absl::Time end_time() const {
    return std::min(expire_time, idle_expire_time());
  }

  // ToSession returns the same as a value of its own.
  Session ToSession() const {
    return {.id = id,
            .form = profile->form,
            .account_kind = profile->account_kind,
            .account = profile->account,
            .account_uid = profile->account_uid,
            .generation = profile->generation,
            .create_time = create_time,
            .auth_time = auth_time(),
            .expire_time = expire_time,
            .idle_ttl = profile->idle_ttl,
            .last_seen_time = last_seen_time,
            .audiences = profile->traits->audiences,
            .roles = profile->traits->roles,
            .amr = profile->traits->amr,
            .client = profile->traits->client};
  }
};

// IsAlive as of a Session.
inline bool IsAlive(const LiveSession& session, absl::Time now) {
  return now < session.end_time();
}

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SESSION_LIVE_SESSION_H_
