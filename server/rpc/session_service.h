#ifndef LATCHKEY_SERVER_RPC_SESSION_SERVICE_H_
#define LATCHKEY_SERVER_RPC_SESSION_SERVICE_H_

#include "client/base/ids.h"
#include "latchkey/v1/session_service.grpc.pb.h"
#include "server/auth/authority.h"
#include "server/auth/revocation_hub.h"
#include "server/auth/session_admin.h"
#include "server/rpc/call.h"

namespace latchkey {

using RawSessionService = v1::SessionService::WithRawCallbackMethod_GetSession<
    v1::SessionService::WithRawCallbackMethod_ListSessions<
        v1::SessionService::WithRawCallbackMethod_RevokeSession<
            v1::SessionService::Service>>>;

// SessionRpc puts SessionAdmin on the wire, as AuthRpc does with Authority.
class SessionRpc final : public RawSessionService {
 public:
  // All must outlive the gRPC server that serves this.
  SessionRpc(const CallDoor& door, const SessionAdmin& sessions,
             Authority& authority, RevocationHub& revocations,
             const Epoch& epoch);

  grpc::ServerUnaryReactor* GetSession(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* in,
                                       grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* ListSessions(grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer* in,
                                         grpc::ByteBuffer* out) override;
  grpc::ServerUnaryReactor* RevokeSession(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* in,
                                          grpc::ByteBuffer* out) override;

 private:
  const CallDoor door_;
  const SessionAdmin& sessions_;
  Authority& authority_;
  RevocationHub& revocations_;
  const Epoch epoch_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_SESSION_SERVICE_H_
