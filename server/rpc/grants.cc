#include "server/rpc/grants.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "client/base/status_macros.h"
#include "server/account/account.h"

namespace latchkey {
namespace {

constexpr size_t kMaxDnsNameBytes = 253;
constexpr size_t kMaxDnsLabelBytes = 63;
constexpr absl::string_view kSpiffeScheme = "spiffe";

constexpr char kForm[] =
    "must be IDENTITY=ROLE[,ROLE]; IDENTITY is uri:URI, uri:URI/*, dns:NAME or "
    "account:NAME";

std::optional<Permission> ReadRole(absl::string_view role) {
  if (role == "validator") return Permission::kValidate;
  if (role == "admin") return Permission::kAdminister;
  if (role == "reason") return Permission::kSeeReason;
  if (role == "on_behalf") return Permission::kLoginOnBehalf;
  return std::nullopt;
}

absl::StatusOr<PermissionSet> ReadRoles(absl::string_view text) {
  PermissionSet permissions;
  for (const absl::string_view name : absl::StrSplit(text, ',')) {
    const std::optional<Permission> role = ReadRole(name);
    if (!role.has_value()) {
      return absl::InvalidArgumentError(
          "roles are validator, admin, reason and on_behalf");
    }
    if (permissions.Has(*role)) {
      return absl::InvalidArgumentError("a role stands there twice");
    }
    permissions = permissions.With(*role);
  }
  return permissions;
}

bool IsSegment(absl::string_view segment) {
  if (segment.empty() || segment == "." || segment == "..") return false;
  return std::all_of(segment.begin(), segment.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-';
  });
}

// A URI taken apart: scheme://authority/path.
struct UriParts {
  absl::string_view scheme;
  absl::string_view authority;
  absl::string_view path;  // with its first slash; empty if there is none
};

std::optional<UriParts> SplitUri(absl::string_view uri) {
  const size_t colon = uri.find("://");
  if (colon == absl::string_view::npos) return std::nullopt;
  UriParts parts;
  parts.scheme = uri.substr(0, colon);
  const absl::string_view rest = uri.substr(colon + 3);
  const size_t slash = std::min(rest.find('/'), rest.size());
  parts.authority = rest.substr(0, slash);
  parts.path = rest.substr(slash);
  return parts;
}

// Whether what a URI lies below can be told from its text alone.
bool HasPlainPath(absl::string_view path) {
  if (!absl::ConsumePrefix(&path, "/")) return false;
  int segments = 0;
  for (const absl::string_view segment : absl::StrSplit(path, '/')) {
    if (!IsSegment(segment) || ++segments > kMaxUriSegments) return false;
  }
  return true;
}

bool IsScheme(absl::string_view scheme) {
  if (scheme.empty() || !absl::ascii_islower(scheme.front())) return false;
  return std::all_of(scheme.begin(), scheme.end(), [](unsigned char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '+' ||
           c == '-' || c == '.';
  });
}

bool IsTrustDomain(absl::string_view domain) {
  return !domain.empty() && domain.size() <= 255 &&
         std::all_of(domain.begin(), domain.end(), [](unsigned char c) {
           return absl::ascii_islower(c) || absl::ascii_isdigit(c) ||
                  c == '.' || c == '_' || c == '-';
         });
}

// A URI as it may be granted to; `below`: what stands before a `/*`.
absl::Status CheckUri(absl::string_view uri, bool below) {
  const bool plain = std::all_of(uri.begin(), uri.end(), [](unsigned char c) {
    return absl::ascii_isgraph(c) && c != '*';
  });
  if (!plain || uri.size() > kMaxGrantedUriBytes) {
    return absl::InvalidArgumentError(
        "a URI is at most 2048 visible ASCII characters, with a * only as its "
        "last path segment");
  }
  if (!IsScheme(uri.substr(0, uri.find(':'))) || !absl::StrContains(uri, ':')) {
    return absl::InvalidArgumentError(
        "a URI begins with its scheme in lower case, as spiffe://");
  }
  const std::optional<UriParts> parts = SplitUri(uri);
  const bool spiffe = absl::StartsWith(uri, absl::StrCat(kSpiffeScheme, ":"));
  if (!below && !spiffe) return absl::OkStatus();
  if (!parts.has_value() || parts->authority.empty() ||
      (!parts->path.empty() && !HasPlainPath(parts->path))) {
    return absl::InvalidArgumentError(
        "needs scheme://host and a path of segments of [A-Za-z0-9._-], none of "
        "them . or .., none empty");
  }
  if (spiffe && !IsTrustDomain(parts->authority)) {
    return absl::InvalidArgumentError(
        "a SPIFFE trust domain is 1 to 255 of [a-z0-9._-]");
  }
  return absl::OkStatus();
}

bool IsDnsName(absl::string_view name) {
  if (name.empty() || name.size() > kMaxDnsNameBytes) return false;
  for (const absl::string_view label : absl::StrSplit(name, '.')) {
    if (label.empty() || label.size() > kMaxDnsLabelBytes ||
        label.front() == '-' || label.back() == '-') {
      return false;
    }
    for (const unsigned char c : label) {
      if (!absl::ascii_islower(c) && !absl::ascii_isdigit(c) && c != '-') {
        return false;
      }
    }
  }
  return true;
}

PermissionSet Look(const absl::flat_hash_map<std::string, PermissionSet>& table,
                   absl::string_view key) {
  const auto found = table.find(key);
  return found == table.end() ? PermissionSet() : found->second;
}

// What a message shows of a grant that is not one: in one line, and not all of
// a text that may be long.
std::string Shown(absl::string_view grant) {
  constexpr size_t kEnough = 120;
  return absl::CEscape(grant.substr(0, kEnough));
}

}  // namespace

absl::Status Grants::Add(absl::string_view grant) {
  // URIs may have a `=`, roles may not.
  const size_t equals = grant.rfind('=');
  absl::Status problem;
  if (equals == absl::string_view::npos) {
    problem = absl::InvalidArgumentError(kForm);
  } else if (uris_.size() + uris_below_.size() + dns_names_.size() +
                 accounts_.size() >=
             kMaxGrants) {
    problem = absl::InvalidArgumentError(
        absl::StrCat("more than ", kMaxGrants, " identities"));
  } else {
    const auto permissions = ReadRoles(grant.substr(equals + 1));
    problem = permissions.ok()
                  ? AddIdentity(grant.substr(0, equals), *permissions)
                  : permissions.status();
  }
  if (problem.ok()) return problem;
  return absl::InvalidArgumentError(
      absl::StrCat(Shown(grant), ": ", problem.message()));
}

absl::Status Grants::AddIdentity(absl::string_view identity,
                                 PermissionSet permissions) {
  Table* table = nullptr;
  if (absl::ConsumePrefix(&identity, "uri:")) {
    const bool below = absl::ConsumeSuffix(&identity, "/*");
    LATCHKEY_RETURN_IF_ERROR(CheckUri(identity, below));
    table = below ? &uris_below_ : &uris_;
  } else if (absl::ConsumePrefix(&identity, "dns:")) {
    if (!IsDnsName(identity)) {
      return absl::InvalidArgumentError(
          "a DNS name is in lower case, without * and trailing dot");
    }
    table = &dns_names_;
  } else if (absl::ConsumePrefix(&identity, "account:")) {
    if (!IsAccountName(identity)) {
      return absl::InvalidArgumentError(
          "an account name is 1 to 64 of [a-z0-9._-], the first a letter or "
          "digit");
    }
    table = &accounts_;
    any_account_ = any_account_.And(permissions);
  } else {
    return absl::InvalidArgumentError(kForm);
  }
  any_ = any_.And(permissions);
  std::string key(identity);
  if (table == &uris_below_) key += '/';
  PermissionSet& has = (*table)[std::move(key)];
  has = has.And(permissions);
  return absl::OkStatus();
}

PermissionSet Grants::OfUri(absl::string_view uri) const {
  if (uri.size() > kMaxGrantedUriBytes) return PermissionSet();
  PermissionSet permissions = Look(uris_, uri);
  if (uris_below_.empty()) return permissions;
  const std::optional<UriParts> parts = SplitUri(uri);
  if (!parts.has_value() || !HasPlainPath(parts->path)) return permissions;
  for (size_t slash = uri.size() - parts->path.size();
       slash != absl::string_view::npos; slash = uri.find('/', slash + 1)) {
    permissions = permissions.And(Look(uris_below_, uri.substr(0, slash + 1)));
  }
  return permissions;
}

PermissionSet Grants::OfDns(absl::string_view name) const {
  if (name.size() > kMaxDnsNameBytes || dns_names_.empty()) {
    return PermissionSet();
  }
  const bool upper = std::any_of(name.begin(), name.end(), [](unsigned char c) {
    return absl::ascii_isupper(c);
  });
  return upper ? Look(dns_names_, absl::AsciiStrToLower(name))
               : Look(dns_names_, name);
}

PermissionSet Grants::OfAccount(absl::string_view account) const {
  return Look(accounts_, account);
}

}  // namespace latchkey
