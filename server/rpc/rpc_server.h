#ifndef LATCHKEY_SERVER_RPC_RPC_SERVER_H_
#define LATCHKEY_SERVER_RPC_RPC_SERVER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "grpcpp/server.h"

#include "client/base/ids.h"
#include "server/auth/account_admin.h"
#include "server/auth/authority.h"
#include "server/auth/session_admin.h"
#include "server/base/log.h"
#include "server/rpc/admin_service.h"
#include "server/rpc/call.h"
#include "server/rpc/caller_finder.h"
#include "server/rpc/grants.h"

namespace latchkey {

// RpcServer serves the RPCs on both listeners: a gRPC server each, with
// services of their own that know which listener they serve. Health is served
// on both, reflection and the benchmark's empty RPC if wanted.
class RpcServer {
 public:
  struct Options {
    std::string listen;        // host:port; port 0: any free one
    std::string admin_socket;  // path, at most 107 bytes
    bool reflection = true;
    bool benchmark = false;      // BenchmarkService on the network listener
    bool open_validate = false;  // on the network: anyone may call Validate
    Grants grants;
  };

  // What the services speak for; all of it outlives the server.
  struct Verbs {
    Authority& authority;
    AccountAdmin& accounts;
    SessionAdmin& sessions;
    KeyRing& keys;
    AccountBehind account_behind;
    AdminRpc::About about;
    TaskPool& workers;
    TaskPool& readers;
    const Clock& clock;
    Log& log;
  };

  // Start binds both listeners, the socket for its owner alone, and serves.
  // The caller holds the lock of the directory that `admin_socket` lies in:
  // a socket found there is a dead server's and is replaced.
  //   kFailedPrecondition  an address is bad or taken; one line says which
  static absl::StatusOr<std::unique_ptr<RpcServer>> Start(Options options,
                                                          Verbs verbs);
  ~RpcServer();

  // port returns the port that the network listener got.
  int port() const { return port_; }

  // SetServing says on both listeners whether the server is ready.
  void SetServing(bool serving);

  // Shutdown stops taking calls, lets those under way finish for at most
  // `drain`, then cancels them. May be called again.
  void Shutdown(absl::Duration drain);

 private:
  struct ServiceSet;

  RpcServer() = default;

  std::vector<std::unique_ptr<ServiceSet>> services_;
  std::vector<std::unique_ptr<grpc::Server>> servers_;
  int port_ = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_RPC_SERVER_H_
