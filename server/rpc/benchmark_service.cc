#include "server/rpc/benchmark_service.h"

#include "grpcpp/support/slice.h"

#include "server/rpc/status_map.h"

namespace latchkey {

BenchmarkRpc::BenchmarkRpc(const CallDoor& door) : door_(door) {}

grpc::ServerUnaryReactor* BenchmarkRpc::Ping(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* /*in*/,
    grpc::ByteBuffer* out) {
  // Not counted: what others are compared with has nothing that can be left
  // out.
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  if (!MayCall(Method::kPing, door_.callers.anyone())) {
    reactor->Finish(
        ToGrpc(NotPermitted(), "Ping", MakeCorrelationId(), door_.log));
    return reactor;
  }
  const grpc::Slice nothing;
  *out = grpc::ByteBuffer(&nothing, 1);
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

}  // namespace latchkey
