#include "server/rpc/caller_finder.h"

#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "grpc/grpc_security_constants.h"

#include "client/base/status_macros.h"
#include "server/base/error.h"
#include "server/rpc/fields.h"
#include "server/rpc/peer_certificate.h"

namespace latchkey {
namespace {

constexpr char kAuthorization[] = "authorization";
constexpr absl::string_view kScheme = "bearer ";

absl::string_view ViewOf(const grpc::string_ref& text) {
  return {text.data(), text.size()};
}

// The names in a client certificate. Views live as long as the AuthContext.
struct Sans {
  explicit Sans(const grpc::AuthContext& peer)
      : uris(peer.FindPropertyValues(GRPC_PEER_URI_PROPERTY_NAME)),
        dns_names(peer.FindPropertyValues(GRPC_PEER_DNS_PROPERTY_NAME)) {}

  std::vector<grpc::string_ref> uris;
  std::vector<grpc::string_ref> dns_names;
};

PermissionSet OfUri(const Grants& grants, const Sans& sans,
                    absl::string_view uri) {
  if (!IsVouchedFor(uri, sans.uris.size())) return PermissionSet();
  return grants.OfUri(uri);
}

PermissionSet PermissionsOf(const Grants& grants, const Sans& sans) {
  PermissionSet permissions;
  for (const grpc::string_ref& uri : sans.uris) {
    permissions = permissions.And(OfUri(grants, sans, ViewOf(uri)));
  }
  for (const grpc::string_ref& name : sans.dns_names) {
    permissions = permissions.And(grants.OfDns(ViewOf(name)));
  }
  return permissions;
}

// What to call a certificate: the first name that gives it a permission, or
// the first of all.
std::string NameOf(const Grants& grants, const Sans& sans) {
  for (const grpc::string_ref& uri : sans.uris) {
    if (OfUri(grants, sans, ViewOf(uri)) != PermissionSet()) {
      return absl::StrCat("uri:", ViewOf(uri));
    }
  }
  for (const grpc::string_ref& name : sans.dns_names) {
    if (grants.OfDns(ViewOf(name)) != PermissionSet()) {
      return absl::StrCat("dns:", ViewOf(name));
    }
  }
  if (!sans.uris.empty()) return absl::StrCat("uri:", ViewOf(sans.uris[0]));
  if (sans.dns_names.empty()) return "";
  return absl::StrCat("dns:", ViewOf(sans.dns_names[0]));
}

absl::Status CallerRefused() {
  return MakeError(absl::StatusCode::kUnauthenticated, Reason::kCallerRefused,
                   "the credential in authorization is not accepted");
}

PermissionSet AnyoneOf(const CallerFinder::Options& options) {
  if (options.listener == Listener::kAdminSocket) return PermissionSet::All();
  return options.open_validate ? PermissionSet().With(Permission::kValidate)
                               : PermissionSet();
}

}  // namespace

CallerFinder::CallerFinder(Options options)
    : options_(std::move(options)), anyone_(AnyoneOf(options_)) {}

bool CallerFinder::MayHave(Permission permission) const {
  return anyone_.Has(permission) || options_.grants.OfAny().Has(permission);
}

PermissionSet CallerFinder::OfCertificate(const grpc::AuthContext& peer) const {
  return anyone_.And(PermissionsOf(options_.grants, Sans(peer)));
}

absl::StatusOr<Caller> CallerFinder::Find(const MethodRule& rule,
                                          const grpc::AuthContext& peer,
                                          const Metadata& metadata,
                                          Reach reach) const {
  if (options_.listener == Listener::kAdminSocket) {
    return Caller{.kind = Caller::Kind::kOperator,
                  .name = "operator",
                  .permissions = anyone_};
  }
  Caller certified = ByCertificate(peer);
  const PermissionSet accounts = options_.grants.OfAnyAccount();
  const auto lacks = [&certified](std::optional<Permission> permission) {
    return permission.has_value() && !certified.permissions.Has(*permission);
  };
  const bool needs_account = lacks(rule.needs);
  const bool heeds_account = lacks(rule.heeds) && accounts.Has(*rule.heeds);
  // If no account has anything, no account could be let in: not worth a look.
  if (accounts == PermissionSet() || (!needs_account && !heeds_account)) {
    return certified;
  }
  const auto [first, last] = metadata.equal_range(kAuthorization);
  if (first == last) return certified;
  absl::StatusOr<Caller> account = ByAccount(first, last, reach);
  if (needs_account || WantsDisk(account.status())) return account;
  const bool may_call =
      account.ok() && MayCall(rule.method, account->permissions);
  return may_call ? *std::move(account) : std::move(certified);
}

Caller CallerFinder::ByCertificate(const grpc::AuthContext& peer) const {
  const Sans sans(peer);
  Caller caller;
  caller.permissions = anyone_;
  if (sans.uris.empty() && sans.dns_names.empty()) return caller;
  caller.kind = Caller::Kind::kCertificate;
  caller.name = NameOf(options_.grants, sans);
  caller.permissions =
      caller.permissions.And(PermissionsOf(options_.grants, sans));
  return caller;
}

absl::StatusOr<Caller> CallerFinder::ByAccount(Metadata::const_iterator first,
                                               Metadata::const_iterator last,
                                               Reach reach) const {
  if (std::next(first) != last) return CallerRefused();
  absl::string_view text = ViewOf(first->second);
  if (!absl::StartsWithIgnoreCase(text, kScheme)) return CallerRefused();
  text.remove_prefix(kScheme.size());
  if (text.empty() || text.size() > kMaxCredentialBytes) {
    return CallerRefused();
  }
  LATCHKEY_ASSIGN_OR_RETURN(const std::optional<std::string> account,
                            options_.account_behind(text, reach));
  if (!account.has_value()) return CallerRefused();
  return Caller{
      .kind = Caller::Kind::kServiceAccount,
      .name = absl::StrCat("accounts/", *account),
      .permissions = anyone_.And(options_.grants.OfAccount(*account))};
}

}  // namespace latchkey
