#include "server/account/account.h"

#include "absl/strings/strip.h"

namespace latchkey {
namespace {

bool IsLowerOrDigit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

// A URI of RFC 3986 has a scheme, and nothing but printable ASCII.
bool IsUri(absl::string_view text) {
  const absl::string_view::size_type colon = text.find(':');
  if (colon == absl::string_view::npos || colon == 0) return false;
  for (const char c : text) {
    if (c <= ' ' || c > '~') return false;
  }
  return true;
}

bool IsHostName(absl::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    if (!IsLowerOrDigit(c) && c != '.' && c != '-' && c != '_') return false;
  }
  return true;
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

bool IsCertificateName(absl::string_view name) {
  if (name.size() > kMaxCertificateNameBytes) return false;
  if (absl::ConsumePrefix(&name, "uri:")) return IsUri(name);
  return absl::ConsumePrefix(&name, "dns:") && IsHostName(name);
}

bool HasSecret(const Account& account, const ClientSecretDigest& digest) {
  bool found = false;
  for (const ClientSecret& secret : account.secrets) {
    unsigned difference = 0;
    for (size_t i = 0; i < ClientSecretDigest::kSize; ++i) {
      difference |= secret.digest.array()[i] ^ digest.array()[i];
    }
    found |= difference == 0;
  }
  return found;
}

bool SessionsHold(const Account& account, const AccountUid& uid,
                  uint64_t generation) {
  return !account.disabled && account.uid == uid &&
         account.generation == generation;
}

}  // namespace latchkey
