// gRPC takes connections down on threads of its own, after their owners have
// gone. A process that ends meanwhile seems to leak what they hold: so the last
// thing here is to wait for them.
#include "grpc/grpc.h"
#include "gtest/gtest.h"

namespace latchkey {
namespace {

class GrpcEnvironment final : public testing::Environment {
 public:
  void SetUp() override { grpc_init(); }
  void TearDown() override { grpc_shutdown_blocking(); }
};

const testing::Environment* const environment =
    testing::AddGlobalTestEnvironment(new GrpcEnvironment());

}  // namespace
}  // namespace latchkey
