#ifndef LATCHKEY_SERVER_RPC_ADMIN_SERVICE_H_
#define LATCHKEY_SERVER_RPC_ADMIN_SERVICE_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/time/time.h"

#include "client/base/clock.h"
#include "client/base/ids.h"
#include "latchkey/v1/admin.grpc.pb.h"
#include "server/account/account_store.h"
#include "server/rpc/call.h"
#include "server/session/session_store.h"

namespace latchkey {

using RawAdminService = v1::AdminService::WithRawCallbackMethod_GetServerInfo<
    v1::AdminService::Service>;

// AdminRpc tells about the server itself.
class AdminRpc final : public RawAdminService {
 public:
  // What there is to tell; all referenced outlives the gRPC server.
  struct About {
    std::string version;
    std::string issuer;
    Epoch epoch;
    absl::Time start_time;
    absl::Duration start_since_boot;
    const ForwardClock& clock;
    const AccountStore& accounts;
    const SessionStore& sessions;
    // Called from any thread; must not block.
    std::function<uint64_t()> cached_sessions;
    std::function<bool()> cache_warm;
  };

  AdminRpc(const CallDoor& door, About about);

  grpc::ServerUnaryReactor* GetServerInfo(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* in,
                                          grpc::ByteBuffer* out) override;

 private:
  absl::Status Fill(v1::GetServerInfoResponse* response) const;

  const CallDoor door_;
  const About about_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_ADMIN_SERVICE_H_
