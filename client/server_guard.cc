#include "client/server_guard.h"

#include <utility>
#include <vector>

#include "client/guard_core.h"
#include "client/guard_interceptor.h"
#include "client/verify/token_limits.h"

namespace latchkey {
namespace {

// Below it, a stream that cannot be judged would be asked about all the time.
constexpr absl::Duration kMinRecheckInterval = absl::Milliseconds(10);

absl::Status CheckServerGuardOptions(const ServerGuardOptions& options) {
  if (options.audience.size() > kMaxAudienceBytes) {
    return absl::InvalidArgumentError("audience is at most 256 bytes");
  }
  if (options.check_timeout <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError("check_timeout must be above 0");
  }
  if (options.recheck_interval < kMinRecheckInterval) {
    return absl::InvalidArgumentError("recheck_interval is at least 10 ms");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<ServerGuard>> ServerGuard::Create(
    Validator& validator, ServerGuardOptions options) {
  // Has no state; outlives every guard.
  static const SystemClock* const clock = new SystemClock();
  return Create(validator, std::move(options), *clock);
}

absl::StatusOr<std::unique_ptr<ServerGuard>> ServerGuard::Create(
    Validator& validator, ServerGuardOptions options, const Clock& clock) {
  const absl::Status status = CheckServerGuardOptions(options);
  if (!status.ok()) return status;
  auto rules = MethodRules::Create(options.rules);
  if (!rules.ok()) return rules.status();
  auto core = std::make_shared<GuardCore>(validator, std::move(options),
                                          *std::move(rules), clock);
  return std::unique_ptr<ServerGuard>(new ServerGuard(std::move(core)));
}

ServerGuard::ServerGuard(std::shared_ptr<GuardCore> core)
    : core_(std::move(core)) {}

ServerGuard::~ServerGuard() { core_->Close(); }

void ServerGuard::AddTo(grpc::ServerBuilder* builder) {
  std::vector<
      std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>>
      creators;
  creators.push_back(NewInterceptor());
  builder->experimental().SetInterceptorCreators(std::move(creators));
}

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>
ServerGuard::NewInterceptor() {
  return std::make_unique<GuardInterceptorFactory>(core_);
}

Verdict ServerGuard::Admit(const grpc::ServerContextBase* context) {
  const auto call = core_->Find(context);
  return call == nullptr ? nullptr : call->Ask();
}

grpc::Status ServerGuard::Refusal(
    const grpc::ServerContextBase* context) const {
  const auto call = core_->Find(context);
  return StatusOf(call != nullptr && call->IsRefused() ? call->refusal()
                                                       : GuardRefusal::kNoRule);
}

grpc::ServerUnaryReactor* ServerGuard::Unary(
    grpc::CallbackServerContext* context,
    absl::FunctionRef<grpc::Status(const Principal& who)> handler) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  const Verdict who = Admit(context);
  reactor->Finish(who == nullptr ? Refusal(context) : handler(*who));
  return reactor;
}

GuardFigures ServerGuard::figures() const { return core_->figures(); }

}  // namespace latchkey
