#ifndef LATCHKEY_SERVER_RPC_METHOD_H_
#define LATCHKEY_SERVER_RPC_METHOD_H_

#include <array>
#include <optional>

#include "absl/strings/string_view.h"

#include "server/base/origin.h"

namespace latchkey {

// Listener is where a call came in.
enum class Listener {
  kNetwork,      // the port: anybody who reaches it
  kAdminSocket,  // the Unix socket in the data directory: its owner
};

// Method is one RPC of ours; the value is its row in kMethodRules.
enum class Method {
  kLogin,
  kValidate,
  kBatchValidate,
  kRefresh,
  kLogout,
  kLogoutByName,  // Logout with a session's name: a right of its own
  kGetSession,
  kListSessions,
  kRevokeSession,
  kCreateAccount,
  kGetAccount,
  kListAccounts,
  kUpdateAccount,
  kDisableAccount,
  kEnableAccount,
  kDeleteAccount,
  kSetPassword,
  kAddClientSecret,
  kListClientSecrets,
  kRemoveClientSecret,
  kSetJwks,
  kSetCertificateNames,
  kGetJwks,
  kListKeys,
  kRotateKey,
  kRevokeKey,
  kWatchRevocations,
  kGetServerInfo,
  kPing,  // served with --benchmark only
};

// MethodRule says who may call a method.
struct MethodRule {
  Method method;
  absl::string_view name;  // for logs; of an RPC as in the .proto
  // What its caller must have; absent: nothing, anyone may call it.
  std::optional<Permission> needs;
  // What else of its caller makes a difference to what it does.
  std::optional<Permission> heeds = std::nullopt;
};

// The one table of who may call what. A method that is not in it is refused.
// (Health and reflection are gRPC's own: anyone, as far as they are served.)
inline constexpr std::array<MethodRule, 29> kMethodRules = {{
    {Method::kLogin, "Login", std::nullopt, Permission::kLoginOnBehalf},
    {Method::kValidate, "Validate", Permission::kValidate,
     Permission::kSeeReason},
    {Method::kBatchValidate, "BatchValidate", Permission::kValidate,
     Permission::kSeeReason},
    {Method::kRefresh, "Refresh", std::nullopt},
    {Method::kLogout, "Logout", std::nullopt},
    {Method::kLogoutByName, "Logout by name", Permission::kAdminister},
    {Method::kGetSession, "GetSession", Permission::kAdminister},
    {Method::kListSessions, "ListSessions", Permission::kAdminister},
    {Method::kRevokeSession, "RevokeSession", Permission::kAdminister},
    {Method::kCreateAccount, "CreateAccount", Permission::kAdminister},
    {Method::kGetAccount, "GetAccount", Permission::kAdminister},
    {Method::kListAccounts, "ListAccounts", Permission::kAdminister},
    {Method::kUpdateAccount, "UpdateAccount", Permission::kAdminister},
    {Method::kDisableAccount, "DisableAccount", Permission::kAdminister},
    {Method::kEnableAccount, "EnableAccount", Permission::kAdminister},
    {Method::kDeleteAccount, "DeleteAccount", Permission::kAdminister},
    {Method::kSetPassword, "SetPassword", Permission::kAdminister},
    {Method::kAddClientSecret, "AddClientSecret", Permission::kAdminister},
    {Method::kListClientSecrets, "ListClientSecrets", Permission::kAdminister},
    {Method::kRemoveClientSecret, "RemoveClientSecret",
     Permission::kAdminister},
    {Method::kSetJwks, "SetJwks", Permission::kAdminister},
    {Method::kSetCertificateNames, "SetCertificateNames",
     Permission::kAdminister},
    {Method::kGetJwks, "GetJwks", std::nullopt},
    {Method::kListKeys, "ListKeys", Permission::kAdminister},
    {Method::kRotateKey, "RotateKey", Permission::kAdminister},
    {Method::kRevokeKey, "RevokeKey", Permission::kAdminister},
    {Method::kWatchRevocations, "WatchRevocations", Permission::kValidate},
    {Method::kGetServerInfo, "GetServerInfo", Permission::kAdminister},
    {Method::kPing, "Ping", std::nullopt},
}};

// FindRule returns the row of `method`; null: there is none, so it is refused.
constexpr const MethodRule* FindRule(Method method) {
  for (const MethodRule& rule : kMethodRules) {
    if (rule.method == method) return &rule;
  }
  return nullptr;
}

// NameOf returns the name of `method` for logs; empty: there is none.
constexpr absl::string_view NameOf(Method method) {
  const MethodRule* const rule = FindRule(method);
  return rule == nullptr ? absl::string_view() : rule->name;
}

// MayCall tells whether a caller with `permissions` may call `method`.
constexpr bool MayCall(Method method, PermissionSet permissions) {
  const MethodRule* const rule = FindRule(method);
  if (rule == nullptr) return false;
  return !rule->needs.has_value() || permissions.Has(*rule->needs);
}

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_METHOD_H_
