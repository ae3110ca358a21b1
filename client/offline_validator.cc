#include "client/offline_validator.h"

#include <optional>
#include <string>
#include <utility>

#include "client/base/mutex.h"
#include "client/base/status_macros.h"
#include "client/follow/driving_thread.h"
#include "client/follow/verifier_core.h"
#include "client/grpc_asker.h"
#include "client/grpc_revocation_transport.h"
#include "client/verify/revision.h"

namespace latchkey {

struct OfflineValidator::Parts {
  Parts(const std::vector<std::shared_ptr<grpc::Channel>>& channels,
        const VerifierOptions& options,
        const std::shared_ptr<grpc::CallCredentials>& credentials,
        const Clock& clock)
      : transport(channels.front(), credentials),
        asker(channels, credentials),
        thread(clock, [this] { return core.Drive(); }),
        core(options, transport, asker, clock, thread.waker()) {}

  GrpcRevocationTransport transport;
  GrpcAsker asker;
  DrivingThread thread;
  VerifierCore core;
  Mutex life;  // of Start and Stop
};

absl::StatusOr<std::unique_ptr<OfflineValidator>> OfflineValidator::Create(
    std::vector<std::shared_ptr<grpc::Channel>> channels,
    VerifierOptions options,
    std::shared_ptr<grpc::CallCredentials> credentials) {
  // Holds nothing; never destroyed, since validators may be static.
  static const SystemClock* const clock = new SystemClock();
  return Create(std::move(channels), std::move(options), std::move(credentials),
                *clock);
}

absl::StatusOr<std::unique_ptr<OfflineValidator>> OfflineValidator::Create(
    std::vector<std::shared_ptr<grpc::Channel>> channels,
    VerifierOptions options, std::shared_ptr<grpc::CallCredentials> credentials,
    const Clock& clock) {
  if (channels.empty()) return absl::InvalidArgumentError("no channel");
  for (const auto& channel : channels) {
    if (channel == nullptr) return absl::InvalidArgumentError("a null channel");
  }
  LATCHKEY_RETURN_IF_ERROR(VerifierCore::Judge(options));
  return std::unique_ptr<OfflineValidator>(new OfflineValidator(
      std::make_unique<Parts>(channels, options, credentials, clock)));
}

OfflineValidator::OfflineValidator(std::unique_ptr<Parts> parts)
    : parts_(std::move(parts)) {}

OfflineValidator::~OfflineValidator() { Stop(); }

void OfflineValidator::Start() {
  MutexLock lock(&parts_->life);
  parts_->core.Begin();
  parts_->thread.Start();
}

void OfflineValidator::Stop() {
  MutexLock lock(&parts_->life);
  parts_->thread.Stop();
  parts_->core.End();
}

bool OfflineValidator::WaitUntilReady(absl::Time deadline) {
  return parts_->core.WaitUntilReady(deadline);
}

std::optional<Verdict> OfflineValidator::CheckNow(absl::string_view credential,
                                                  const CheckOptions& options) {
  return parts_->core.CheckNow(credential, options);
}

std::optional<bool> OfflineValidator::CheckLocal(
    absl::string_view credential, const CheckOptions& options,
    absl::FunctionRef<void(const Principal&)> visit) {
  return parts_->core.CheckLocal(credential, options, visit);
}

void OfflineValidator::Check(absl::string_view credential,
                             const CheckOptions& options, absl::Time deadline,
                             Done done) {
  parts_->core.Check(credential, options, deadline, std::move(done));
}

Validator::Standing OfflineValidator::StandingOf(const Principal& principal) {
  return parts_->core.StandingOf(principal);
}

std::unique_ptr<Validator::Subscription> OfflineValidator::OnChange(
    std::function<void()> changed) {
  return parts_->core.OnChange(std::move(changed));
}

void OfflineValidator::Learn(absl::string_view credential,
                             const v1::ValidateResponse& response) {
  auto asked = ReadValidateResponse(response);
  if (asked.ok()) parts_->core.Learn(credential, *std::move(asked));
}

std::string OfflineValidator::revision() const {
  const std::optional<RevisionPoint> point = parts_->core.revision();
  if (!point.has_value()) return "";
  return RevisionToken(point->epoch, point->number);
}

VerifierFigures OfflineValidator::figures() const {
  return parts_->core.figures();
}

void OfflineValidator::WriteMetrics(std::string* text) const {
  AppendMetrics(figures(), text);
}

}  // namespace latchkey
