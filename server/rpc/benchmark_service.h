#ifndef LATCHKEY_SERVER_RPC_BENCHMARK_SERVICE_H_
#define LATCHKEY_SERVER_RPC_BENCHMARK_SERVICE_H_

#include "latchkey/internal/v1/benchmark.grpc.pb.h"
#include "server/rpc/call.h"

namespace latchkey {

using RawBenchmarkService =
    internal::v1::BenchmarkService::WithRawCallbackMethod_Ping<
        internal::v1::BenchmarkService::Service>;

// BenchmarkRpc answers an empty call in the cheapest way that this gRPC has,
// so that what another call costs beyond it is its own. Its request is not
// looked at.
class BenchmarkRpc final : public RawBenchmarkService {
 public:
  explicit BenchmarkRpc(const CallDoor& door);

  grpc::ServerUnaryReactor* Ping(grpc::CallbackServerContext* context,
                                 const grpc::ByteBuffer* in,
                                 grpc::ByteBuffer* out) override;

 private:
  const CallDoor door_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_BENCHMARK_SERVICE_H_
