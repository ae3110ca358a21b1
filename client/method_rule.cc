#include "client/method_rule.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "client/verify/token_limits.h"

namespace latchkey {
namespace {

// Returns "/pkg.Service/" of "/pkg.Service/Method"; empty if it is no such
// name.
absl::string_view ServiceOf(absl::string_view method) {
  const size_t end = method.rfind('/');
  if (end == absl::string_view::npos || end < 2) return {};
  return method.substr(0, end + 1);
}

bool IsFullName(absl::string_view method) {
  const std::vector<absl::string_view> parts = absl::StrSplit(method, '/');
  return parts.size() == 3 && parts[0].empty() && !parts[1].empty() &&
         !parts[2].empty() && !absl::StrContains(parts[1], '*') &&
         (parts[2] == "*" || !absl::StrContains(parts[2], '*'));
}

absl::Status CheckRule(const std::string& method, const MethodRule& rule) {
  if (!IsFullName(method)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "not /pkg.Service/Method or /pkg.Service/*: \"", method, "\""));
  }
  if (rule.access == MethodRule::Access::kNobody) {
    return absl::InvalidArgumentError(
        absl::StrCat("a rule that says nothing: ", method));
  }
  if ((rule.access == MethodRule::Access::kRoles) == rule.roles.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("roles are for AllOf, which needs one: ", method));
  }
  if (rule.audience.has_value() && rule.audience->size() > kMaxAudienceBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("an audience is at most 256 bytes: ", method));
  }
  return absl::OkStatus();
}

}  // namespace

MethodRule MethodRule::Public() { return {.access = Access::kPublic}; }

MethodRule MethodRule::AnyAccount() { return {.access = Access::kAnyAccount}; }

MethodRule MethodRule::AllOf(std::vector<std::string> roles) {
  return {.access = Access::kRoles, .roles = std::move(roles)};
}

absl::StatusOr<MethodRules> MethodRules::Create(
    const std::map<std::string, MethodRule>& rules) {
  for (const auto& [method, rule] : rules) {
    const absl::Status status = CheckRule(method, rule);
    if (!status.ok()) return status;
  }
  return MethodRules(rules);
}

MethodRules::MethodRules(const std::map<std::string, MethodRule>& rules) {
  for (const auto& [method, rule] : rules) {
    if (absl::EndsWith(method, "/*")) {
      by_service_.emplace(ServiceOf(method), rule);
    } else {
      by_method_.emplace(method, rule);
    }
  }
}

const MethodRule* MethodRules::Find(absl::string_view method) const {
  const auto exact = by_method_.find(method);
  if (exact != by_method_.end()) return &exact->second;
  const auto service = by_service_.find(ServiceOf(method));
  return service == by_service_.end() ? nullptr : &service->second;
}

bool HasRoles(const Principal& who, const std::vector<std::string>& roles) {
  return std::all_of(
      roles.begin(), roles.end(), [&who](const std::string& role) {
        return std::binary_search(who.roles.begin(), who.roles.end(), role);
      });
}

}  // namespace latchkey
