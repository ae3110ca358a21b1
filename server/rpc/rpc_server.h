#ifndef LATCHKEY_SERVER_RPC_RPC_SERVER_H_
#define LATCHKEY_SERVER_RPC_RPC_SERVER_H_

#include <memory>
#include <string>
#include <sys/socket.h>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"

#include "client/base/ids.h"
#include "client/base/mutex.h"
#include "server/auth/account_admin.h"
#include "server/auth/authority.h"
#include "server/auth/revocation_hub.h"
#include "server/auth/session_admin.h"
#include "server/base/file_descriptor.h"
#include "server/base/log.h"
#include "server/rpc/acceptor.h"
#include "server/rpc/admin_service.h"
#include "server/rpc/call.h"
#include "server/rpc/caller_finder.h"
#include "server/rpc/connection_count.h"
#include "server/rpc/grants.h"
#include "server/rpc/listening.h"
#include "server/rpc/transport_limits.h"
#include "server/rpc/watchdog.h"

namespace latchkey {

// RpcServer serves the RPCs on both listeners: a gRPC server each, with
// services of their own that know which listener they serve. Health is served
// on both, reflection and the benchmark's empty RPC if wanted. Connections are
// accepted by an Acceptor, which counts them, and handed to gRPC.
class RpcServer {
 public:
  struct Options {
    std::string listen;        // host:port; port 0: any free one
    std::string admin_socket;  // path, at most 107 bytes
    bool reflection = true;
    // Of the network listener; null: plaintext.
    std::shared_ptr<grpc::ServerCredentials> credentials;
    bool benchmark = false;      // BenchmarkService on the network listener
    bool open_validate = false;  // on the network: anyone may call Validate
    Grants grants;
    ConnectionLimits connections;
    TransportLimits transport;
    // Calls of one method under way at a time, on each listener.
    int max_calls_waiting = 512;
  };

  // What the services speak for; all of it outlives the server.
  struct Verbs {
    Authority& authority;
    AccountAdmin& accounts;
    SessionAdmin& sessions;
    KeyRing& keys;
    RevocationHub& revocations;
    AccountBehind account_behind;
    AdminRpc::About about;
    TaskPool& workers;
    TaskPool& readers;
    CallMetrics& metrics;
    const Clock& clock;
    Log& log;
    AuditLog& audit;
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

  // connection_counts may be called from any thread, after Shutdown too.
  Acceptor::Counts connection_counts() const { return acceptor_->counts(); }

  // Probes returns what a watchdog asks this server, which must outlive it: a
  // health call through a connection of its own, within; a connect to the
  // port; and whether the acceptor turns.
  std::vector<Watchdog::Probe> Probes();

  // SetServing says on both listeners whether the server is ready.
  void SetServing(bool serving);

  // Shutdown stops taking connections and calls, ends the streams of verifiers,
  // lets what else is under way finish for at most `drain`, then cancels it. It
  // does not wait for clients that keep a connection, or watch health, while no
  // call has been under way for a second. May be called again.
  void Shutdown(absl::Duration drain);

 private:
  struct ServiceSet;
  using Inlet = grpc::experimental::ExternalConnectionAcceptor;

  RpcServer(Options options, RevocationHub& revocations);

  // Builds and starts the server of one listener; its connections come by the
  // inlet that it returns.
  absl::StatusOr<std::unique_ptr<Inlet>> Build(Listener listener,
                                               const Verbs& verbs);
  absl::StatusOr<FileDescriptor> ConnectInside();
  bool AnyCallUnderWay() const;
  // Cancels what is under way, and closes all connections.
  void CancelAll();

  // With the credentials, which gRPC asks for certificates as long as there is
  // a server.
  const Options options_;
  RevocationHub& revocations_;
  std::vector<std::unique_ptr<ServiceSet>> services_;
  std::vector<std::unique_ptr<grpc::Server>> servers_;
  int port_ = 0;
  sockaddr_storage near_address_{};
  std::unique_ptr<Acceptor> acceptor_;
  bool stopped_ = false;
  // Connections of our own to the network's services. gRPC forgets to close
  // what is handed to a server that was shut down, so nothing is.
  Mutex inside_mutex_;
  std::unique_ptr<Inlet> inside_ ABSL_GUARDED_BY(inside_mutex_);
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_RPC_SERVER_H_
