#ifndef LATCHKEY_CLIENT_FOLLOW_PRINCIPAL_H_
#define LATCHKEY_CLIENT_FOLLOW_PRINCIPAL_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "client/base/ids.h"

namespace latchkey {

// Principal is who stands behind a credential that was found good: what a
// handler decides by. It holds no secret.
struct Principal {
  std::string account;  // the bare name: alice
  // Never used again, unlike the name: what to keep data under. All zero if an
  // older server was asked, which does not tell.
  AccountUid account_uid;
  uint64_t account_generation = 0;
  SessionId session_id;
  // When the holder last proved who they are, and how (RFC 8176).
  absl::Time auth_time;
  std::vector<std::string> amr;
  // Whom the credential is for; empty: for anybody.
  std::vector<std::string> audiences;
  std::vector<std::string> roles;  // sorted
  // The credential is good until then at most; an opaque one's session may have
  // been used since, and live longer.
  absl::Time expire_time;

  // By what else it can be taken back. The key that signed the JWT; empty: an
  // opaque credential.
  std::string kid;
  // In which the server said so, see Revision; all zero: not known.
  Epoch epoch;

  friend bool operator==(const Principal&, const Principal&) = default;
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_FOLLOW_PRINCIPAL_H_
