#ifndef LATCHKEY_SERVER_SESSION_SESSION_H_
#define LATCHKEY_SERVER_SESSION_SESSION_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "client/base/fixed_bytes.h"
#include "client/base/ids.h"
#include "server/base/account_kind.h"

namespace latchkey {

// SessionKey is what a session is stored under: SHA-256 of the text of its
// opaque credential or, for a JWT session, of its refresh credential. It says
// nothing about the credential, and is itself no credential.
using SessionKey = FixedBytes<32, struct SessionKeyTag>;

// CredentialForm is what the holder of a session carries.
// On disk: never reuse a number.
enum class CredentialForm : uint8_t { kOpaque = 1, kJwt = 2 };

// ClientInfo is what a client said of itself at login; recorded as claimed.
struct ClientInfo {
  std::string user_agent;  // at most 256 bytes each
  std::string ip_address;
  std::string device_label;

  friend bool operator==(const ClientInfo&, const ClientInfo&) = default;
};

// Session is one login of one account. All times are whole microseconds.
struct Session {
  SessionId id;
  CredentialForm form = CredentialForm::kOpaque;
  AccountKind account_kind = AccountKind::kPerson;
  std::string account;      // the account's name at login
  AccountUid account_uid;   // and what it was under that name, as read
  uint64_t generation = 0;  //   before the proof was checked
  absl::Time create_time;
  absl::Time auth_time;       // when the proof was checked
  absl::Time expire_time;     // absolute end
  absl::Duration idle_ttl;    // dies after this long without activity
  absl::Time last_seen_time;  // newest activity noted; at least create_time
  std::vector<std::string> audiences;  // empty: not bound to any
  std::vector<std::string> roles;      // of the account at login
  std::vector<std::string> amr;        // RFC 8176 method names: "pwd"
  ClientInfo client;

  absl::Time idle_expire_time() const { return last_seen_time + idle_ttl; }
  // When the session ends if it is not used before.
  absl::Time end_time() const {
    return std::min(expire_time, idle_expire_time());
  }

  friend bool operator==(const Session&, const Session&) = default;
};

// IsAlive tells whether the session is good at `now` by time alone; equality
// with either end is expired. Whether its account still stands behind it is
// another question (see SessionsHold in account.h).
inline bool IsAlive(const Session& session, absl::Time now) {
  return now < session.end_time();
}

// Activity says that the session under `key` was used at `seen`.
struct Activity {
  SessionKey key;
  absl::Time seen;
  absl::Time expire_time;  // of the session: when the note may be freed
  // The store has nothing newer, as far as it was asked through the object
  // that says so: it need not look.
  bool is_newest = false;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SESSION_SESSION_H_
