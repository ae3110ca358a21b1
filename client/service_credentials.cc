#include "client/service_credentials.h"

#include <map>
#include <utility>
#include <variant>

#include "absl/time/time.h"

#include "client/alarm_timer.h"
#include "client/base/status_macros.h"
#include "client/call_metadata.h"
#include "client/channel.h"
#include "client/highest_revision.h"

namespace latchkey {
namespace {

constexpr absl::Duration kLogoutTimeout = absl::Seconds(2);
// A credential that ends within this time may end between the two questions of
// gRPC, whether the plugin blocks and what it adds.
constexpr absl::Duration kAboutToEnd = absl::Seconds(1);

// KeptValue adds what the keeper has to the calls it is given to.
class KeptValue final : public grpc::MetadataCredentialsPlugin {
 public:
  // `revisions` may be null: none is sent.
  KeptValue(std::shared_ptr<CredentialKeeper> keeper,
            std::shared_ptr<const HighestRevision> revisions)
      : keeper_(std::move(keeper)), revisions_(std::move(revisions)) {}

  // gRPC asks before each call, and goes on to a thread of its own for what
  // blocks: which is only to wait for a login.
  bool IsBlocking() const override {
    return keeper_->IfGood(kAboutToEnd) == nullptr;
  }
  const char* GetType() const override { return "latchkey-service"; }
  grpc::string DebugString() override { return GetType(); }

  grpc::Status GetMetadata(
      grpc::string_ref service_url, grpc::string_ref method_name,
      const grpc::AuthContext& channel,
      std::multimap<grpc::string, grpc::string>* metadata) override {
    const auto value = keeper_->Wait();
    if (!value.ok()) {
      return grpc::Status(grpc::StatusCode::UNAVAILABLE,
                          std::string(value.status().message()));
    }
    metadata->emplace(kAuthorizationMetadata, std::string((*value)->Reveal()));
    if (revisions_ == nullptr) return grpc::Status::OK;
    const std::string revision = revisions_->Token();
    if (!revision.empty()) metadata->emplace(kRevisionMetadata, revision);
    return grpc::Status::OK;
  }

 private:
  const std::shared_ptr<CredentialKeeper> keeper_;
  const std::shared_ptr<const HighestRevision> revisions_;
};

absl::Status Check(const ServiceCredentialsOptions& options) {
  const ServiceLogin& login = options.login;
  if (login.account.empty()) {
    return absl::InvalidArgumentError("an account is required");
  }
  if (login.timeout < absl::Milliseconds(1) ||
      login.timeout > absl::Minutes(1)) {
    return absl::InvalidArgumentError("timeout must be 1 ms to 1 minute");
  }
  const auto* secret = std::get_if<ClientSecret>(&login.proof);
  const auto* assertion = std::get_if<ClientAssertion>(&login.proof);
  if ((secret != nullptr && secret->secret.empty()) ||
      (assertion != nullptr && assertion->make == nullptr)) {
    return absl::InvalidArgumentError("the proof is empty");
  }
  if (!options.local_target.empty() && !IsThisMachine(options.local_target)) {
    return absl::InvalidArgumentError("local_target is not on this machine");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<ServiceCredentials>> ServiceCredentials::Create(
    ServiceCredentialsOptions options, AuthClient& client) {
  // Both are without state of their own.
  static const SystemClock clock;
  static AlarmTimer timer;
  return Create(std::move(options), client, clock, timer);
}

absl::StatusOr<std::unique_ptr<ServiceCredentials>> ServiceCredentials::Create(
    ServiceCredentialsOptions options, AuthClient& client, const Clock& clock,
    Timer& timer) {
  LATCHKEY_RETURN_IF_ERROR(Check(options));
  return std::unique_ptr<ServiceCredentials>(
      new ServiceCredentials(std::move(options), client, clock, timer));
}

ServiceCredentials::ServiceCredentials(ServiceCredentialsOptions options,
                                       AuthClient& client, const Clock& clock,
                                       Timer& timer)
    : has_local_target_(!options.local_target.empty()),
      logout_at_end_(options.logout_at_end),
      client_(client),
      clock_(clock),
      revisions_(options.send_revision ? client.revisions() : nullptr),
      keeper_(std::make_shared<CredentialKeeper>(std::move(options.login),
                                                 client, clock, timer)),
      call_credentials_(grpc::MetadataCredentialsFromPlugin(
          std::make_unique<KeptValue>(keeper_, revisions_))) {}

ServiceCredentials::~ServiceCredentials() {
  const SecretBytes credential = keeper_->Stop();
  if (!logout_at_end_ || credential.empty()) return;
  v1::LogoutRequest request;
  request.set_credential(std::string(credential.Reveal()));
  // If it fails, the session ends by itself when it has been idle.
  (void)client_.Logout(std::move(request), clock_.Now() + kLogoutTimeout);
}

std::shared_ptr<grpc::CallCredentials> ServiceCredentials::call_credentials()
    const {
  return call_credentials_;
}

absl::Status ServiceCredentials::AddTo(grpc::ClientContext* context) {
  if (!has_local_target_) {
    return absl::FailedPreconditionError(
        "AddTo is for a local_target; elsewhere call_credentials, over TLS");
  }
  LATCHKEY_ASSIGN_OR_RETURN(const auto value, keeper_->Wait());
  context->AddMetadata(kAuthorizationMetadata, std::string(value->Reveal()));
  return revisions_ == nullptr ? absl::OkStatus()
                               : AddRevision(revisions_->Token(), context);
}

void ServiceCredentials::WhenReady(std::function<void(absl::Status)> done) {
  keeper_->Get(
      [done = std::move(done)](const auto& value) { done(value.status()); });
}

}  // namespace latchkey
