#ifndef LATCHKEY_CLIENT_METHOD_RULE_H_
#define LATCHKEY_CLIENT_METHOD_RULE_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "client/principal.h"

namespace latchkey {

// MethodRule is who may call a method of a guarded server. It is made by one
// of the functions, so that nothing is open because something was left out.
struct MethodRule {
  enum class Access { kNobody, kPublic, kAnyAccount, kRoles };

  // Public lets everybody call, and asks for no credential: health checks.
  static MethodRule Public();
  // AnyAccount lets everybody call whose credential is good.
  static MethodRule AnyAccount();
  // AllOf lets those call who have every one of `roles`, at least one.
  static MethodRule AllOf(std::vector<std::string> roles);

  Access access = Access::kNobody;
  std::vector<std::string> roles;
  // Whom the credential must be for; absent: the guard's audience.
  std::optional<std::string> audience;
  // The caller's last proof must not be older.
  std::optional<absl::Duration> max_auth_age;
  // A call is no activity of the caller: what a program does by itself.
  bool passive = false;
};

// MethodRules finds the rule of a method. Immutable; safe from any thread.
class MethodRules {
 public:
  // Create takes rules by full method name, "/pkg.Service/Method", or for all
  // other methods of a service, "/pkg.Service/*".
  //   kInvalidArgument  another spelling of a name; AllOf without a role; an
  //                     audience over 256 bytes; a rule for nobody, which is
  //                     what a method without a rule has
  static absl::StatusOr<MethodRules> Create(
      const std::map<std::string, MethodRule>& rules);

  // Find returns the rule of `method`, or null: nobody may call it. Valid as
  // long as this.
  const MethodRule* Find(absl::string_view method) const;

 private:
  explicit MethodRules(const std::map<std::string, MethodRule>& rules);

  absl::flat_hash_map<std::string, MethodRule> by_method_;
  // By "/pkg.Service/".
  absl::flat_hash_map<std::string, MethodRule> by_service_;
};

// HasRoles tells whether `who` has all `roles`.
bool HasRoles(const Principal& who, const std::vector<std::string>& roles);

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_METHOD_RULE_H_
