#include "server/account/account.h"

namespace latchkey {
namespace {

bool IsLowerOrDigit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

}  // namespace

bool IsAccountName(absl::string_view name) {
  if (name.empty() || name.size() > kMaxAccountNameBytes) return false;
  if (!IsLowerOrDigit(name[0])) return false;
  for (const char c : name) {
    if (!IsLowerOrDigit(c) && c != '.' && c != '_' && c != '-') return false;
  }
  return true;
}

bool IsRoleName(absl::string_view role) {
  if (role.empty() || role.size() > kMaxAccountRoleBytes) return false;
  for (const char c : role) {
    const bool allowed =
        IsLowerOrDigit(c) || (c >= 'A' && c <= 'Z') ||
        absl::string_view("._:/-").find(c) != absl::string_view::npos;
    if (!allowed) return false;
  }
  return true;
}

bool SessionsHold(const Account& account, const AccountUid& uid,
                  uint64_t generation) {
  return !account.disabled && account.uid == uid &&
         account.generation == generation;
}

}  // namespace latchkey
