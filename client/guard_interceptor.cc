#include "client/guard_interceptor.h"

#include <utility>

#include "grpc/grpc.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"

namespace latchkey {
namespace {

using Batch = grpc::experimental::InterceptorBatchMethods;
using Hook = grpc::experimental::InterceptionHookPoints;
using RpcInfo = grpc::experimental::ServerRpcInfo;

// Returns what ends the call that `context` belongs to, and may be used after
// that ended.
std::function<void(StreamEnd)> EnderOf(grpc::ServerContextBase* context) {
  grpc_call_ref(context->c_call());
  const std::shared_ptr<grpc_call> call(context->c_call(), grpc_call_unref);
  return [call](StreamEnd why) {
    if (why == StreamEnd::kTakenBack) {
      grpc_call_cancel_with_status(call.get(), GRPC_STATUS_UNAUTHENTICATED,
                                   "the caller's session has ended", nullptr);
    } else {
      grpc_call_cancel_with_status(call.get(), GRPC_STATUS_UNAVAILABLE,
                                   "the caller's session cannot be checked now",
                                   nullptr);
    }
  };
}

bool IsSent(Batch* batch) {
  return batch->QueryInterceptionHookPoint(Hook::PRE_SEND_INITIAL_METADATA) ||
         batch->QueryInterceptionHookPoint(Hook::PRE_SEND_MESSAGE) ||
         batch->QueryInterceptionHookPoint(Hook::PRE_SEND_STATUS);
}

}  // namespace

GuardInterceptor::GuardInterceptor(std::shared_ptr<GuardCore> core,
                                   RpcInfo* info)
    : core_(std::move(core)),
      call_(std::make_shared<GuardedCall>()),
      info_(info),
      context_(info->server_context()) {
  core_->Remember(context_, call_);
}

GuardInterceptor::~GuardInterceptor() {
  if (stream_ != nullptr) core_->Unwatch(stream_);
  core_->Forget(context_, call_.get());
}

void GuardInterceptor::Intercept(Batch* batch) {
  if (batch->QueryInterceptionHookPoint(Hook::POST_RECV_INITIAL_METADATA)) {
    return Judge(batch);
  }
  if (IsSent(batch)) {
    const GuardedCall::Leave leave = call_->Answer();
    if (leave == GuardedCall::Leave::kNoSinceNow) {
      core_->Count(info_->method(), call_->refusal());
    }
    if (leave != GuardedCall::Leave::kYes) Silence(batch);
  } else if (batch->QueryInterceptionHookPoint(Hook::POST_RECV_MESSAGE) &&
             call_->IsRefused()) {
    // A handler that listens on, although nobody may speak.
    Break();
  }
  batch->Proceed();
}

void GuardInterceptor::Judge(Batch* batch) {
  const GuardCore::Incoming incoming = {.method = info_->method(),
                                        .metadata = context_->client_metadata(),
                                        .call = call_};
  const bool may_delay =
      dynamic_cast<grpc::CallbackServerContext*>(context_) != nullptr;
  core_->Judge(incoming, may_delay, [this, batch] {
    if (info_->type() != RpcInfo::Type::UNARY && call_->IsAccepted()) {
      WatchStream();
    }
    batch->Proceed();
  });
}

void GuardInterceptor::WatchStream() {
  stream_ = core_->Watch({.method = info_->method(),
                          .metadata = context_->client_metadata(),
                          .call = call_},
                         EnderOf(context_));
}

void GuardInterceptor::Silence(Batch* batch) {
  if (batch->QueryInterceptionHookPoint(Hook::PRE_SEND_INITIAL_METADATA)) {
    batch->GetSendInitialMetadata()->clear();
  }
  if (batch->QueryInterceptionHookPoint(Hook::PRE_SEND_MESSAGE)) {
    batch->GetSerializedSendMessage()->Clear();
  }
  if (batch->QueryInterceptionHookPoint(Hook::PRE_SEND_STATUS)) {
    batch->GetSendTrailingMetadata()->clear();
    batch->ModifySendStatus(StatusOf(call_->refusal()));
  } else {
    Break();
  }
}

// Ends the call at once, for handlers that go on all the same.
void GuardInterceptor::Break() {
  const grpc::Status status = StatusOf(call_->refusal());
  grpc_call_cancel_with_status(
      context_->c_call(), static_cast<grpc_status_code>(status.error_code()),
      status.error_message().c_str(), nullptr);
}

GuardInterceptorFactory::GuardInterceptorFactory(
    std::shared_ptr<GuardCore> core)
    : core_(std::move(core)) {}

grpc::experimental::Interceptor*
GuardInterceptorFactory::CreateServerInterceptor(RpcInfo* info) {
  return new GuardInterceptor(core_, info);
}

}  // namespace latchkey
