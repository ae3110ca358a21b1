#ifndef LATCHKEY_CLIENT_GUARD_INTERCEPTOR_H_
#define LATCHKEY_CLIENT_GUARD_INTERCEPTOR_H_

#include <memory>

#include "grpcpp/support/interceptor.h"
#include "grpcpp/support/server_interceptor.h"

#include "client/guard_core.h"
#include "client/guarded_call.h"
#include "client/stream_watch.h"

namespace latchkey {

// GuardInterceptor stands between gRPC and the handler of one call: it has the
// call judged before the handler begins, and lets nothing of a call out that
// may have no answer.
//
// What gRPC 1.51 does, each tried:
//  - When a call comes in, Proceed may be called later and from any thread; the
//    handler begins then, on that thread. (A synchronous server would run the
//    whole handler there, so there the check is waited for.)
//  - An interceptor can neither end a call nor keep its handler from beginning,
//    but PRE_SEND_STATUS may replace the status, its details too, and a message
//    of the same batch, if it is cleared, is not sent.
//  - grpc_call_cancel_with_status on the server sends code and message, without
//    details, in the trailers, unless the call was finished before.
//  - An interceptor may outlive the context of its call, by a little.
class GuardInterceptor final : public grpc::experimental::Interceptor {
 public:
  GuardInterceptor(std::shared_ptr<GuardCore> core,
                   grpc::experimental::ServerRpcInfo* info);
  ~GuardInterceptor() override;

  void Intercept(grpc::experimental::InterceptorBatchMethods* batch) override;

 private:
  void Judge(grpc::experimental::InterceptorBatchMethods* batch);
  void WatchStream();
  void Silence(grpc::experimental::InterceptorBatchMethods* batch);
  void Break();

  const std::shared_ptr<GuardCore> core_;
  const std::shared_ptr<GuardedCall> call_;
  // gRPC's, of the call; it outlives the handler.
  grpc::experimental::ServerRpcInfo* const info_;
  grpc::ServerContextBase* const context_;
  std::shared_ptr<WatchedStream> stream_;
};

// GuardInterceptorFactory makes one for each call of a server.
class GuardInterceptorFactory final
    : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit GuardInterceptorFactory(std::shared_ptr<GuardCore> core);

  grpc::experimental::Interceptor* CreateServerInterceptor(
      grpc::experimental::ServerRpcInfo* info) override;

 private:
  const std::shared_ptr<GuardCore> core_;
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_GUARD_INTERCEPTOR_H_
