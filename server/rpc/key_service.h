#ifndef LATCHKEY_SERVER_RPC_KEY_SERVICE_H_
#define LATCHKEY_SERVER_RPC_KEY_SERVICE_H_

#include "client/base/ids.h"
#include "latchkey/v1/key.grpc.pb.h"
#include "server/auth/revocation_hub.h"
#include "server/credential/key_ring.h"
#include "server/rpc/call.h"

namespace latchkey {

using RawKeyService = v1::KeyService::WithRawCallbackMethod_GetJwks<
    v1::KeyService::WithRawCallbackMethod_ListKeys<
        v1::KeyService::WithRawCallbackMethod_RotateKey<
            v1::KeyService::WithRawCallbackMethod_RevokeKey<
                v1::KeyService::Service>>>>;

// KeyRpc puts the key ring on the wire, as AuthRpc does with Authority.
class KeyRpc final : public RawKeyService {
 public:
  // All must outlive the gRPC server that serves this.
  KeyRpc(const CallDoor& door, KeyRing& keys, RevocationHub& revocations,
         const Epoch& epoch);

  grpc::ServerUnaryReactor* GetJwks(grpc::CallbackServerContext* context,
                                    const grpc::ByteBuffer* in,
                                    grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* ListKeys(grpc::CallbackServerContext* context,
                                     const grpc::ByteBuffer* in,
                                     grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* RotateKey(grpc::CallbackServerContext* context,
                                      const grpc::ByteBuffer* in,
                                      grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* RevokeKey(grpc::CallbackServerContext* context,
                                      const grpc::ByteBuffer* in,
                                      grpc::ByteBuffer* out) override;

 private:
  absl::StatusOr<KeyInfo> Rotate(const Origin& origin);
  absl::StatusOr<KeyRing::Revoked> Revoke(const std::string& kid,
                                          const Origin& origin);

  const CallDoor door_;
  KeyRing& keys_;
  RevocationHub& revocations_;
  const Epoch epoch_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_KEY_SERVICE_H_
