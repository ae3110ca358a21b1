#ifndef LATCHKEY_SERVER_AUTH_POLICY_H_
#define LATCHKEY_SERVER_AUTH_POLICY_H_

#include "absl/time/time.h"

namespace latchkey {

// SessionPolicy is how long sessions may live.
struct SessionPolicy {
  // Life of a session whose login asks for none.
  absl::Duration session_ttl = absl::Hours(12);
  // Dies after this long without activity.
  absl::Duration idle_ttl = absl::Minutes(30);
  // What a login may ask for at most.
  absl::Duration max_session_ttl = absl::Hours(24 * 30);
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_AUTH_POLICY_H_
