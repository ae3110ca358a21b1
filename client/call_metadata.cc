#include "client/call_metadata.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "grpcpp/security/credentials.h"

#include "client/base/status_macros.h"
#include "client/channel.h"
#include "client/verify/revision.h"

namespace latchkey {
namespace {

// FixedValue adds one value of `authorization` to the calls it is given to.
class FixedValue final : public grpc::MetadataCredentialsPlugin {
 public:
  explicit FixedValue(SecretBytes value) : value_(std::move(value)) {}

  bool IsBlocking() const override { return false; }
  const char* GetType() const override { return "latchkey-forwarded"; }
  grpc::string DebugString() override { return GetType(); }
  grpc::Status GetMetadata(
      grpc::string_ref service_url, grpc::string_ref method_name,
      const grpc::AuthContext& channel,
      std::multimap<grpc::string, grpc::string>* metadata) override {
    metadata->emplace(kAuthorizationMetadata, std::string(value_.Reveal()));
    return grpc::Status::OK;
  }

 private:
  const SecretBytes value_;
};

}  // namespace

absl::StatusOr<SecretBytes> BearerValue(absl::string_view credential) {
  // gRPC ends the program on a value that HTTP/2 does not allow.
  const bool visible = std::all_of(credential.begin(), credential.end(),
                                   [](char c) { return c > ' ' && c <= '~'; });
  if (credential.empty() || credential.size() > kMaxBearerBytes || !visible) {
    return absl::InvalidArgumentError("this is no credential that can be sent");
  }
  constexpr absl::string_view kScheme = "Bearer ";
  SecretBytes value(kScheme.size() + credential.size());
  std::copy(credential.begin(), credential.end(),
            std::copy(kScheme.begin(), kScheme.end(), value.data()));
  return value;
}

absl::Status AddCredential(absl::string_view credential,
                           absl::string_view target,
                           grpc::ClientContext* context) {
  LATCHKEY_ASSIGN_OR_RETURN(SecretBytes value, BearerValue(credential));
  if (IsThisMachine(target)) {
    context->AddMetadata(kAuthorizationMetadata, std::string(value.Reveal()));
  } else {
    context->set_credentials(grpc::MetadataCredentialsFromPlugin(
        std::make_unique<FixedValue>(std::move(value))));
  }
  return absl::OkStatus();
}

absl::Status AddRevision(absl::string_view token,
                         grpc::ClientContext* context) {
  if (token.empty()) return absl::OkStatus();
  if (!ReadRevisionToken(token).has_value()) {
    return absl::InvalidArgumentError("this is no revision");
  }
  context->AddMetadata(kRevisionMetadata, std::string(token));
  return absl::OkStatus();
}

}  // namespace latchkey
