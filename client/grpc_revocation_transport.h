#ifndef LATCHKEY_CLIENT_GRPC_REVOCATION_TRANSPORT_H_
#define LATCHKEY_CLIENT_GRPC_REVOCATION_TRANSPORT_H_

#include <functional>
#include <memory>

#include "grpcpp/channel.h"
#include "grpcpp/security/credentials.h"

#include "client/follow/revocation_transport.h"
#include "client/use_gate.h"

namespace latchkey {

// GrpcRevocationTransport carries streams of revocations over one channel.
class GrpcRevocationTransport final : public RevocationTransport {
 public:
  // `credentials` are those of the calls; null: none.
  GrpcRevocationTransport(std::shared_ptr<grpc::Channel> channel,
                          std::shared_ptr<grpc::CallCredentials> credentials);
  // Waits until gRPC has let go of the last stream: the last reference to a
  // channel must not be one of gRPC's own threads', which would wait for
  // itself. Not in a callback of gRPC.
  ~GrpcRevocationTransport() override;

  std::unique_ptr<RevocationLink> Connect(std::function<void()> wake) override;

 private:
  const std::shared_ptr<grpc::Channel> channel_;
  const std::shared_ptr<grpc::CallCredentials> credentials_;
  UseGate calls_;  // used by each until gRPC has let go of it
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_GRPC_REVOCATION_TRANSPORT_H_
