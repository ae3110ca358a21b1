#ifndef LATCHKEY_SERVER_ACCOUNT_ACCOUNT_H_
#define LATCHKEY_SERVER_ACCOUNT_ACCOUNT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "client/base/ids.h"

namespace latchkey {

// Limits of what an account may be; stated in account.proto, enforced at the
// edge, trusted below.
constexpr size_t kMaxAccountNameBytes = 64;
constexpr size_t kMaxAccountRoles = 64;
constexpr size_t kMaxAccountRoleBytes = 64;
constexpr size_t kMaxPasswordBytes = 1024;

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
  absl::Time create_time;
  absl::Time update_time;

  friend bool operator==(const Account&, const Account&) = default;
};

// IsAccountName tells whether `name` is spelled as an account name must be.
bool IsAccountName(absl::string_view name);

// IsRoleName tells whether `role` may be a role: 1 to 64 of [A-Za-z0-9._:/-].
bool IsRoleName(absl::string_view role);

// SessionsHold tells whether sessions made under `uid` and `generation` are
// still good by what the account is now.
bool SessionsHold(const Account& account, const AccountUid& uid,
                  uint64_t generation);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_ACCOUNT_ACCOUNT_H_
