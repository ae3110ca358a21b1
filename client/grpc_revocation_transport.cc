#include "client/grpc_revocation_transport.h"

#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/client_callback.h"

#include "client/base/mutex.h"
#include "client/error_details.h"
#include "client/revocation_wire.h"
#include "latchkey/v1/revocation.grpc.pb.h"

namespace latchkey {
namespace {

using Request = v1::WatchRevocationsRequest;
using Response = v1::WatchRevocationsResponse;

// One call. gRPC calls it from its own threads until OnDone, which may be after
// its link is gone; then it destroys itself.
class Call final : public grpc::ClientBidiReactor<Request, Response> {
 public:
  Call(const std::shared_ptr<grpc::Channel>& channel,
       const std::shared_ptr<grpc::CallCredentials>& credentials,
       std::function<void()> wake, UseGate& calls)
      : use_(calls),
        stub_(v1::RevocationService::NewStub(channel)),
        wake_(std::move(wake)) {
    if (credentials != nullptr) context_.set_credentials(credentials);
  }

  void Begin(std::shared_ptr<Call> self) {
    self_ = std::move(self);
    stub_->async()->WatchRevocations(&context_, this);
    // Writes come from outside of reactions: no OnDone before it is let go.
    AddHold();
    StartRead(&response_);
    StartCall();
  }

  // --- of the link ---

  bool CanSend() {
    MutexLock lock(&mutex_);
    return !is_writing_ && !has_broken_;
  }

  void Send(const VerifierMessage& message) {
    {
      MutexLock lock(&mutex_);
      if (is_writing_ || has_broken_) return;
      is_writing_ = true;
    }
    request_ = WatchRequestOf(message);
    StartWrite(&request_);
  }

  std::optional<absl::StatusOr<ServerMessage>> Receive() {
    bool is_over = false;
    {
      MutexLock lock(&mutex_);
      if (!has_come_ && end_.has_value()) {
        return absl::StatusOr<ServerMessage>(*end_);
      }
      is_over = !has_come_ && has_broken_;
      if (!has_come_ && !is_over) return std::nullopt;
      has_come_ = false;
    }
    if (is_over) {
      // Nothing is started from here any more: OnDone tells why.
      Release();
      return std::nullopt;
    }
    absl::StatusOr<ServerMessage> message = ReadWatchResponse(response_);
    // The next one, into the same place, now that this was taken.
    if (message.ok()) StartRead(&response_);
    return message;
  }

  void LetGo() {
    context_.TryCancel();
    Release();
  }

 private:
  void OnReadDone(bool ok) override {
    {
      MutexLock lock(&mutex_);
      has_come_ = ok;
      if (!ok) has_broken_ = true;
    }
    wake_();
  }

  void OnWriteDone(bool ok) override {
    {
      MutexLock lock(&mutex_);
      is_writing_ = false;
      if (!ok) has_broken_ = true;
    }
    wake_();
  }

  void OnDone(const grpc::Status& status) override {
    const std::shared_ptr<Call> self = std::move(self_);
    {
      MutexLock lock(&mutex_);
      has_broken_ = true;
      end_ = status.ok() ? absl::UnavailableError("the server ended the stream")
                         : ToAbsl(status);
    }
    wake_();
  }

  void Release() {
    if (std::exchange(is_held_, false)) RemoveHold();
  }

  const UseGate::Use use_;  // first: it ends when all else is gone
  const std::unique_ptr<v1::RevocationService::Stub> stub_;
  const std::function<void()> wake_;
  grpc::ClientContext context_;
  std::shared_ptr<Call> self_;  // until OnDone
  bool is_held_ = true;         // of the link

  // Of whoever reads or writes at the moment: gRPC, or the link.
  Request request_;
  Response response_;

  Mutex mutex_;
  bool is_writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool has_come_ ABSL_GUARDED_BY(mutex_) = false;
  bool has_broken_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
};

class Link final : public RevocationLink {
 public:
  explicit Link(std::shared_ptr<Call> call) : call_(std::move(call)) {}
  ~Link() override { call_->LetGo(); }

  bool CanSend() const override { return call_->CanSend(); }
  void Send(const VerifierMessage& message) override { call_->Send(message); }
  std::optional<absl::StatusOr<ServerMessage>> Receive() override {
    return call_->Receive();
  }

 private:
  const std::shared_ptr<Call> call_;
};

}  // namespace

GrpcRevocationTransport::GrpcRevocationTransport(
    std::shared_ptr<grpc::Channel> channel,
    std::shared_ptr<grpc::CallCredentials> credentials)
    : channel_(std::move(channel)), credentials_(std::move(credentials)) {}

GrpcRevocationTransport::~GrpcRevocationTransport() { calls_.Close(); }

std::unique_ptr<RevocationLink> GrpcRevocationTransport::Connect(
    std::function<void()> wake) {
  auto call =
      std::make_shared<Call>(channel_, credentials_, std::move(wake), calls_);
  call->Begin(call);
  return std::make_unique<Link>(std::move(call));
}

}  // namespace latchkey
