#ifndef LATCHKEY_SERVER_RPC_METHOD_H_
#define LATCHKEY_SERVER_RPC_METHOD_H_

#include <array>

#include "absl/strings/string_view.h"

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
  kGetServerInfo,
  kPing,  // served with --benchmark only
};

// MethodRule says where a method may be called.
struct MethodRule {
  Method method;
  absl::string_view name;  // for logs; of an RPC as in the .proto
  bool on_network;
  bool on_admin_socket;
};

// The one table of who may call what. A method that is not in it is refused.
inline constexpr std::array<MethodRule, 27> kMethodRules = {{
    {Method::kLogin, "Login", true, true},
    {Method::kValidate, "Validate", true, true},
    {Method::kBatchValidate, "BatchValidate", true, true},
    {Method::kRefresh, "Refresh", true, true},
    {Method::kLogout, "Logout", true, true},
    {Method::kLogoutByName, "Logout by name", false, true},
    {Method::kGetSession, "GetSession", false, true},
    {Method::kListSessions, "ListSessions", false, true},
    {Method::kRevokeSession, "RevokeSession", false, true},
    {Method::kCreateAccount, "CreateAccount", false, true},
    {Method::kGetAccount, "GetAccount", false, true},
    {Method::kListAccounts, "ListAccounts", false, true},
    {Method::kUpdateAccount, "UpdateAccount", false, true},
    {Method::kDisableAccount, "DisableAccount", false, true},
    {Method::kEnableAccount, "EnableAccount", false, true},
    {Method::kDeleteAccount, "DeleteAccount", false, true},
    {Method::kSetPassword, "SetPassword", false, true},
    {Method::kAddClientSecret, "AddClientSecret", false, true},
    {Method::kListClientSecrets, "ListClientSecrets", false, true},
    {Method::kRemoveClientSecret, "RemoveClientSecret", false, true},
    {Method::kSetJwks, "SetJwks", false, true},
    {Method::kSetCertificateNames, "SetCertificateNames", false, true},
    {Method::kGetJwks, "GetJwks", true, true},
    {Method::kListKeys, "ListKeys", false, true},
    {Method::kRotateKey, "RotateKey", false, true},
    {Method::kGetServerInfo, "GetServerInfo", false, true},
    {Method::kPing, "Ping", true, false},
}};

// IsPermitted tells whether `method` may be called through `listener`.
constexpr bool IsPermitted(Method method, Listener listener) {
  for (const MethodRule& rule : kMethodRules) {
    if (rule.method != method) continue;
    return listener == Listener::kAdminSocket ? rule.on_admin_socket
                                              : rule.on_network;
  }
  return false;
}

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_METHOD_H_
