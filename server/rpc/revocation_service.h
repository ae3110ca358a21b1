#ifndef LATCHKEY_SERVER_RPC_REVOCATION_SERVICE_H_
#define LATCHKEY_SERVER_RPC_REVOCATION_SERVICE_H_

#include "latchkey/v1/revocation.grpc.pb.h"
#include "server/auth/authority.h"
#include "server/auth/revocation_hub.h"
#include "server/rpc/incoming.h"

namespace latchkey {

using RawRevocationService =
    v1::RevocationService::WithRawCallbackMethod_WatchRevocations<
        v1::RevocationService::Service>;

// RevocationRpc puts the streams of verifiers on the wire.
class RevocationRpc final : public RawRevocationService {
 public:
  // All must outlive the gRPC server that serves this.
  RevocationRpc(const CallDoor& door, RevocationHub& hub, Authority& authority);

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* WatchRevocations(
      grpc::CallbackServerContext* context) override;

 private:
  const CallDoor door_;
  RevocationHub& hub_;
  Authority& authority_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_REVOCATION_SERVICE_H_
