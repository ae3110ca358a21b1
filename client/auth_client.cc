#include "client/auth_client.h"

#include <atomic>
#include <cstddef>
#include <list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/status.h"

#include "client/alarm_timer.h"
#include "client/await.h"
#include "client/base/mutex.h"
#include "client/base/status_macros.h"
#include "client/call_metadata.h"
#include "client/error_details.h"
#include "client/grpc_time.h"
#include "client/request_secrets.h"
#include "latchkey/v1/auth.grpc.pb.h"

namespace latchkey {
namespace {

using AsyncStub = v1::AuthService::StubInterface::async_interface;

// UnderWay is one call, from its beginning until its `done` has returned.
class UnderWay {
 public:
  virtual ~UnderWay() = default;
  // Cancel ends it soon; not before the client is stopping.
  virtual void Cancel() = 0;
};

absl::Status CheckOptions(const CallOptions& options) {
  if (!options.bearer.empty()) {
    LATCHKEY_RETURN_IF_ERROR(BearerValue(options.bearer.Reveal()).status());
    if (options.credentials != nullptr) {
      return absl::InvalidArgumentError("bearer and credentials: one of them");
    }
  }
  if (!options.revision.empty() &&
      !ReadRevisionToken(options.revision).has_value()) {
    return absl::InvalidArgumentError("this is no revision");
  }
  return absl::OkStatus();
}

}  // namespace

struct AuthClient::State {
  State(const RetryOptions& options, const Clock& with_clock, Timer& with_timer)
      : clock(with_clock), timer(with_timer), retry(options) {}

  AsyncStub* NextStub() { return stubs[turn++ % stubs.size()]->async(); }

  template <typename Request, typename Response>
  class Call;

  // Begin makes a call by `method` of the stub.
  template <typename Request, typename Response>
  void Begin(void (AsyncStub::*method)(grpc::ClientContext*, const Request*,
                                       Response*,
                                       std::function<void(grpc::Status)>),
             RetryPolicy::Repeat repeat, Request request, absl::Time deadline,
             Done<Response> done, CallOptions options);

  void CancelAll();

  const Clock& clock;
  Timer& timer;
  RetryPolicy retry;
  const std::shared_ptr<HighestRevision> revisions =
      std::make_shared<HighestRevision>();
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  std::vector<std::unique_ptr<v1::AuthService::StubInterface>> stubs;
  std::atomic<size_t> turn{0};

  Mutex mutex;
  CondVar call_ended;
  bool stopping ABSL_GUARDED_BY(mutex) = false;
  std::list<std::shared_ptr<UnderWay>> calls ABSL_GUARDED_BY(mutex);
};

// Call is a call of any method. It is kept alive by whoever will call it back:
// gRPC or the timer, and by the list of calls under way.
template <typename Request, typename Response>
class AuthClient::State::Call final
    : public UnderWay,
      public std::enable_shared_from_this<Call<Request, Response>> {
 public:
  using Method = void (AsyncStub::*)(grpc::ClientContext*, const Request*,
                                     Response*,
                                     std::function<void(grpc::Status)>);

  Call(State& state, Method method, RetryPolicy::Repeat repeat, Request request,
       absl::Time deadline, Done<Response> done, CallOptions options)
      : state_(state),
        method_(method),
        repeat_(repeat),
        request_(std::move(request)),
        deadline_(deadline),
        done_(std::move(done)),
        options_(std::move(options)) {}

  void Start() {
    {
      MutexLock lock(&state_.mutex);
      place_ =
          state_.calls.insert(state_.calls.end(), this->shared_from_this());
    }
    const absl::Status checked = CheckOptions(options_);
    if (!checked.ok()) return Finish(checked);
    state_.retry.Started();
    Attempt();
  }

  void Cancel() override {
    std::shared_ptr<grpc::ClientContext> context;
    std::unique_ptr<Timer::Pending> wait;
    {
      MutexLock lock(&state_.mutex);
      context = context_;
      wait = std::move(wait_);
    }
    // No attempt follows, since the client is stopping.
    if (context != nullptr) context->TryCancel();
  }

 private:
  void Attempt() {
    const absl::Duration left = deadline_ - state_.clock.Now();
    if (left <= absl::ZeroDuration()) {
      return Finish(absl::DeadlineExceededError("the deadline has passed"));
    }
    auto context = std::make_shared<grpc::ClientContext>();
    Prepare(left, context.get());
    bool is_late;
    {
      MutexLock lock(&state_.mutex);
      is_late = state_.stopping;
      if (!is_late) context_.swap(context);
    }
    if (is_late) return FinishCancelled();
    context.reset();  // of the attempt before; see Finish
    ++attempts_;
    response_.Clear();
    (state_.NextStub()->*method_)(
        context_.get(), &request_, &response_,
        [self = this->shared_from_this()](grpc::Status status) {
          self->Answered(status);
        });
  }

  void Prepare(absl::Duration left, grpc::ClientContext* context) const {
    context->set_deadline(GrpcTimeIn(left));
    if (!options_.bearer.empty()) {
      context->AddMetadata(
          kAuthorizationMetadata,
          std::string(BearerValue(options_.bearer.Reveal())->Reveal()));
    }
    if (options_.credentials != nullptr) {
      context->set_credentials(options_.credentials);
    }
    if (!options_.revision.empty()) {
      context->AddMetadata(kRevisionMetadata, options_.revision);
    }
  }

  void Answered(const grpc::Status& status) {
    if (status.ok()) {
      state_.revisions->Saw(response_.revision().token());
      return Finish(std::move(response_));
    }
    const absl::Status error = ToAbsl(status);
    const auto delay = state_.retry.DelayAfter(error, repeat_, attempts_,
                                               deadline_ - state_.clock.Now());
    if (!delay.has_value() || !TryAgainIn(*delay)) Finish(error);
  }

  // Returns false if the client is stopping.
  bool TryAgainIn(absl::Duration delay) {
    MutexLock lock(&state_.mutex);
    if (state_.stopping) return false;
    wait_ =
        state_.timer.After(delay, [self = this->shared_from_this()](bool due) {
          due ? self->Attempt() : self->FinishCancelled();
        });
    return true;
  }

  void FinishCancelled() {
    Finish(absl::CancelledError("the client was destroyed"));
  }

  void Finish(absl::StatusOr<Response> result) {
    WipeSecrets(&request_);
    done_(std::move(result));
    done_ = nullptr;
    // Before the client may go: what waited holds this call, and the context
    // holds the channel, whose last owner must be no thread of gRPC's, since
    // its end waits for them.
    std::unique_ptr<Timer::Pending> wait;
    std::shared_ptr<grpc::ClientContext> context;
    {
      MutexLock lock(&state_.mutex);
      wait = std::move(wait_);
      context = std::move(context_);
    }
    wait.reset();
    context.reset();
    MutexLock lock(&state_.mutex);
    state_.calls.erase(place_);
    // Under the lock: once it is free, the state may be gone.
    state_.call_ended.NotifyAll();
  }

  State& state_;
  const Method method_;
  const RetryPolicy::Repeat repeat_;
  Request request_;
  const absl::Time deadline_;
  Done<Response> done_;
  const CallOptions options_;
  Response response_;
  int attempts_ = 0;
  std::list<std::shared_ptr<UnderWay>>::iterator place_;
  // Replaced under the lock of the state, for the sake of Cancel.
  std::shared_ptr<grpc::ClientContext> context_;
  std::unique_ptr<Timer::Pending> wait_;
};

template <typename Request, typename Response>
void AuthClient::State::Begin(
    void (AsyncStub::*method)(grpc::ClientContext*, const Request*, Response*,
                              std::function<void(grpc::Status)>),
    RetryPolicy::Repeat repeat, Request request, absl::Time deadline,
    Done<Response> done, CallOptions options) {
  std::make_shared<Call<Request, Response>>(*this, method, repeat,
                                            std::move(request), deadline,
                                            std::move(done), std::move(options))
      ->Start();
}

void AuthClient::State::CancelAll() {
  std::list<std::shared_ptr<UnderWay>> under_way;
  {
    MutexLock lock(&mutex);
    stopping = true;
    under_way = calls;
  }
  for (const auto& call : under_way) call->Cancel();
  MutexLock lock(&mutex);
  while (!calls.empty()) call_ended.Wait(&mutex);
}

absl::StatusOr<std::unique_ptr<AuthClient>> AuthClient::Create(
    const AuthClientOptions& options) {
  // Both are without state of their own.
  static const SystemClock clock;
  static AlarmTimer timer;
  return Create(options, clock, timer);
}

absl::StatusOr<std::unique_ptr<AuthClient>> AuthClient::Create(
    const AuthClientOptions& options, const Clock& clock, Timer& timer) {
  LATCHKEY_RETURN_IF_ERROR(RetryPolicy::Check(options.retry));
  auto state = std::make_unique<State>(options.retry, clock, timer);
  LATCHKEY_ASSIGN_OR_RETURN(state->channels, OpenChannels(options.channel));
  for (const auto& channel : state->channels) {
    state->stubs.push_back(v1::AuthService::NewStub(channel));
  }
  return std::unique_ptr<AuthClient>(new AuthClient(std::move(state)));
}

AuthClient::AuthClient(std::unique_ptr<State> state)
    : state_(std::move(state)) {}

AuthClient::~AuthClient() { state_->CancelAll(); }

void AuthClient::Login(v1::LoginRequest request, absl::Time deadline,
                       Done<v1::LoginResponse> done, CallOptions options) {
  state_->Begin<v1::LoginRequest, v1::LoginResponse>(
      &AsyncStub::Login, RetryPolicy::Repeat::kOnlyIfNotBegun,
      std::move(request), deadline, std::move(done), std::move(options));
}

void AuthClient::Validate(v1::ValidateRequest request, absl::Time deadline,
                          Done<v1::ValidateResponse> done,
                          CallOptions options) {
  state_->Begin<v1::ValidateRequest, v1::ValidateResponse>(
      &AsyncStub::Validate, RetryPolicy::Repeat::kSafe, std::move(request),
      deadline, std::move(done), std::move(options));
}

void AuthClient::BatchValidate(v1::BatchValidateRequest request,
                               absl::Time deadline,
                               Done<v1::BatchValidateResponse> done,
                               CallOptions options) {
  state_->Begin<v1::BatchValidateRequest, v1::BatchValidateResponse>(
      &AsyncStub::BatchValidate, RetryPolicy::Repeat::kSafe, std::move(request),
      deadline, std::move(done), std::move(options));
}

void AuthClient::Refresh(v1::RefreshRequest request, absl::Time deadline,
                         Done<v1::RefreshResponse> done, CallOptions options) {
  state_->Begin<v1::RefreshRequest, v1::RefreshResponse>(
      &AsyncStub::Refresh, RetryPolicy::Repeat::kSafe, std::move(request),
      deadline, std::move(done), std::move(options));
}

void AuthClient::Logout(v1::LogoutRequest request, absl::Time deadline,
                        Done<v1::LogoutResponse> done, CallOptions options) {
  state_->Begin<v1::LogoutRequest, v1::LogoutResponse>(
      &AsyncStub::Logout, RetryPolicy::Repeat::kSafe, std::move(request),
      deadline, std::move(done), std::move(options));
}

absl::StatusOr<v1::LoginResponse> AuthClient::Login(v1::LoginRequest request,
                                                    absl::Time deadline,
                                                    CallOptions options) {
  return Await<absl::StatusOr<v1::LoginResponse>>([&](auto done) {
    Login(std::move(request), deadline, std::move(done), std::move(options));
  });
}

absl::StatusOr<v1::ValidateResponse> AuthClient::Validate(
    v1::ValidateRequest request, absl::Time deadline, CallOptions options) {
  return Await<absl::StatusOr<v1::ValidateResponse>>([&](auto done) {
    Validate(std::move(request), deadline, std::move(done), std::move(options));
  });
}

absl::StatusOr<v1::BatchValidateResponse> AuthClient::BatchValidate(
    v1::BatchValidateRequest request, absl::Time deadline,
    CallOptions options) {
  return Await<absl::StatusOr<v1::BatchValidateResponse>>([&](auto done) {
    BatchValidate(std::move(request), deadline, std::move(done),
                  std::move(options));
  });
}

absl::StatusOr<v1::RefreshResponse> AuthClient::Refresh(
    v1::RefreshRequest request, absl::Time deadline, CallOptions options) {
  return Await<absl::StatusOr<v1::RefreshResponse>>([&](auto done) {
    Refresh(std::move(request), deadline, std::move(done), std::move(options));
  });
}

absl::StatusOr<v1::LogoutResponse> AuthClient::Logout(v1::LogoutRequest request,
                                                      absl::Time deadline,
                                                      CallOptions options) {
  return Await<absl::StatusOr<v1::LogoutResponse>>([&](auto done) {
    Logout(std::move(request), deadline, std::move(done), std::move(options));
  });
}

std::shared_ptr<grpc::Channel> AuthClient::channel() {
  return state_->channels[state_->turn++ % state_->channels.size()];
}

std::shared_ptr<HighestRevision> AuthClient::revisions() {
  return state_->revisions;
}

bool Propagated(const v1::LogoutResponse& response) {
  return response.has_propagation() && response.propagation().complete();
}

}  // namespace latchkey
