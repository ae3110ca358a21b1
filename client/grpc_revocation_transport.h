#ifndef LATCHKEY_CLIENT_GRPC_REVOCATION_TRANSPORT_H_
#define LATCHKEY_CLIENT_GRPC_REVOCATION_TRANSPORT_H_

#include <functional>
#include <memory>

#include "grpcpp/channel.h"
#include "grpcpp/security/credentials.h"

#include "client/follow/revocation_transport.h"

namespace latchkey {

// GrpcRevocationTransport carries streams of revocations over one channel.
class GrpcRevocationTransport final : public RevocationTransport {
 public:
  // `credentials` are those of the calls; null: none.
  GrpcRevocationTransport(std::shared_ptr<grpc::Channel> channel,
                          std::shared_ptr<grpc::CallCredentials> credentials);

  std::unique_ptr<RevocationLink> Connect(std::function<void()> wake) override;

 private:
  const std::shared_ptr<grpc::Channel> channel_;
  const std::shared_ptr<grpc::CallCredentials> credentials_;
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_GRPC_REVOCATION_TRANSPORT_H_
