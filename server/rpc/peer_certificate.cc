#include "server/rpc/peer_certificate.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "grpc/grpc_security_constants.h"

#include "server/account/account.h"

namespace latchkey {
namespace {

constexpr absl::string_view kSpiffe = "spiffe:";

void AddIfSpelled(std::string name, std::vector<std::string>* names) {
  if (IsCertificateName(name)) names->push_back(std::move(name));
}

absl::string_view ViewOf(const grpc::string_ref& text) {
  return {text.data(), text.size()};
}

}  // namespace

bool IsVouchedFor(absl::string_view uri, size_t uris) {
  return uris <= 1 || !absl::StartsWithIgnoreCase(uri, kSpiffe);
}

std::vector<std::string> CertificateNamesOf(const grpc::AuthContext& context) {
  std::vector<std::string> names;
  if (!context.IsPeerAuthenticated()) return names;
  const std::vector<grpc::string_ref> uris =
      context.FindPropertyValues(GRPC_PEER_URI_PROPERTY_NAME);
  for (const grpc::string_ref& uri : uris) {
    if (!IsVouchedFor(ViewOf(uri), uris.size())) continue;
    AddIfSpelled(absl::StrCat("uri:", ViewOf(uri)), &names);
  }
  // Host names have no case.
  for (const grpc::string_ref& host :
       context.FindPropertyValues(GRPC_PEER_DNS_PROPERTY_NAME)) {
    AddIfSpelled(absl::StrCat("dns:", absl::AsciiStrToLower(ViewOf(host))),
                 &names);
  }
  return names;
}

}  // namespace latchkey
