#include "server/rpc/benchmark_service.h"

#include "grpcpp/support/slice.h"

namespace latchkey {

BenchmarkRpc::BenchmarkRpc(const CallDoor& door) : door_(door) {}

grpc::ServerUnaryReactor* BenchmarkRpc::Ping(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* /*in*/,
    grpc::ByteBuffer* out) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  if (!MayCall(Method::kPing, door_.callers.anyone())) {
    reactor->Finish(ToGrpc(NotPermitted(), "Ping", door_.log));
    return reactor;
  }
  const grpc::Slice nothing;
  *out = grpc::ByteBuffer(&nothing, 1);
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

}  // namespace latchkey
