#ifndef LATCHKEY_SERVER_ACCOUNT_ACCOUNT_H_
#define LATCHKEY_SERVER_ACCOUNT_ACCOUNT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "client/base/fixed_bytes.h"
#include "client/base/ids.h"
#include "server/base/account_kind.h"

namespace latchkey {

// Limits of what an account may be; stated in account.proto, enforced at the
// edge, trusted below.
constexpr size_t kMaxAccountNameBytes = 64;
constexpr size_t kMaxAccountRoles = 64;
constexpr size_t kMaxAccountRoleBytes = 64;
constexpr size_t kMaxPasswordBytes = 1024;
// The one in use and the one that takes its place.
constexpr size_t kMaxClientSecrets = 2;
// The keys of a service, a next and a current one of each kind, with room for
// members that nobody reads. Parsed at each login by assertion.
constexpr size_t kMaxAccountKeys = 8;
constexpr size_t kMaxAccountJwksBytes = 16 * 1024;
// An instance each, or a name in each of a few trust domains.
constexpr size_t kMaxCertificateNames = 16;
constexpr size_t kMaxCertificateNameBytes = 256;

// ClientSecretId names a client secret in public; it says nothing about it.
using ClientSecretId = FixedBytes<8, struct ClientSecretIdTag>;
// ClientSecretDigest is SHA-256 of a client secret's text: all that is kept.
using ClientSecretDigest = FixedBytes<32, struct ClientSecretDigestTag>;

struct ClientSecret {
  ClientSecretId id;
  ClientSecretDigest digest;
  absl::Time create_time;

  friend bool operator==(const ClientSecret&, const ClientSecret&) = default;
};

// Account is a person or a service that may log in.
//
// `generation` counts up with every change that must end the account's
// sessions. A session carries the uid and generation it was made under and is
// alive only while the account exists, is enabled and still has both; no clock
// takes part, so no race and no clock step can save a session.
struct Account {
  std::string name;  // [a-z0-9._-], 1 to 64, first a letter or digit
  AccountUid uid;
  uint64_t generation = 1;
  bool disabled = false;
  std::string password_phc;        // PHC string; never shown, never logged
  std::vector<std::string> roles;  // sorted, no duplicates
  AccountKind kind = AccountKind::kPerson;

  // Of a service account only, which has no password.
  // Counts up with every change that takes a proof away: a login whose proof
  // was checked before loses against it. Sessions that were opened go on.
  uint64_t proof_generation = 1;
  std::vector<ClientSecret> secrets;           // oldest first
  std::string jwks;                            // as KeySet::ToJwks; empty: none
  std::vector<std::string> certificate_names;  // sorted, no duplicates

  absl::Time create_time;
  absl::Time update_time;

  friend bool operator==(const Account&, const Account&) = default;
};

// IsAccountName tells whether `name` is spelled as an account name must be.
bool IsAccountName(absl::string_view name);

// IsRoleName tells whether `role` may be a role: 1 to 64 of [A-Za-z0-9._:/-].
bool IsRoleName(absl::string_view role);

// IsCertificateName tells whether `name` is spelled as a name of a client
// certificate is: "uri:" and a URI, or "dns:" and a host name in lower case.
bool IsCertificateName(absl::string_view name);

// HasSecret tells whether one of the account's client secrets has that digest,
// in time that depends on their number alone.
bool HasSecret(const Account& account, const ClientSecretDigest& digest);

// SessionsHold tells whether sessions made under `uid` and `generation` are
// still good by what the account is now.
bool SessionsHold(const Account& account, const AccountUid& uid,
                  uint64_t generation);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_ACCOUNT_ACCOUNT_H_
