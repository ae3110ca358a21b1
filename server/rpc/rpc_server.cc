#include "server/rpc/rpc_server.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "grpc/impl/codegen/grpc_types.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/impl/server_builder_option.h"
#include "grpcpp/impl/server_builder_plugin.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server_builder.h"

#include "client/base/status_macros.h"
#include "grpc/health/v1/health.pb.h"
#include "server/rpc/account_service.h"
#include "server/rpc/auth_service.h"
#include "server/rpc/benchmark_service.h"
#include "server/rpc/key_service.h"
#include "server/rpc/session_service.h"

namespace latchkey {
namespace {

// The contract's limit of a message.
constexpr int kMaxMessageBytes = 1 << 20;
// gRPC's own default; a larger header closes the whole connection, so clients
// have to know one number.
constexpr int kMaxMetadataBytes = 8 << 10;
// Calls at a time on one connection; a client that wants more opens another.
constexpr int kMaxStreams = 1000;
// To finish a connection's settings exchange; a slower one is dropped, so that
// idle sockets cannot pile up half open.
constexpr int kHandshakeTimeoutMs = 10 * 1000;
// A connection without calls is closed after this long; clients reconnect.
constexpr int kMaxIdleMs = 10 * 60 * 1000;
// A dead peer is found out after at most the sum of the two.
constexpr int kKeepaliveMs = 2 * 60 * 1000;
constexpr int kKeepaliveTimeoutMs = 20 * 1000;
// Clients may ping this often; more is answered by closing.
constexpr int kMinPingMs = 10 * 1000;

void SetLimits(grpc::ServerBuilder* builder) {
  builder->SetMaxReceiveMessageSize(kMaxMessageBytes);
  // A small compressed message may be inflated past the receive limit before
  // it is refused: so none is taken.
  builder->SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  builder->SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  builder->AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxStreams);
  builder->AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                              kHandshakeTimeoutMs);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, kMaxIdleMs);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                              kKeepaliveTimeoutMs);
  builder->AddChannelArgument(
      GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, kMinPingMs);
  // Without this two servers would share one port without a word.
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
}

// The reflection library adds itself to every server of a program that it is
// linked into; this takes it out again.
class NoReflection final : public grpc::ServerBuilderOption {
 public:
  void UpdateArguments(grpc::ChannelArguments*) override {}
  void UpdatePlugins(
      std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* all) override {
    std::erase_if(*all, [](const auto& plugin) {
      return plugin->name() == "proto_server_reflection";
    });
  }
};

// gRPC does not tell why it could not bind: ask the system the same question.
absl::Status TryBind(const std::string& listen) {
  const size_t colon = listen.rfind(':');
  std::string host = listen.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  const std::string port = listen.substr(colon + 1);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  if (error != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot listen on ", listen, ": ", gai_strerror(error)));
  }
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  const int bound = bind(fd, found->ai_addr, found->ai_addrlen);
  const int why = errno;
  close(fd);
  freeaddrinfo(found);
  if (bound == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("cannot listen on ", listen, ": ", strerror(why)));
}

}  // namespace

// The services of one listener.
struct RpcServer::ServiceSet {
  ServiceSet(Listener listener, const Options& options, const Verbs& verbs)
      : callers({.listener = listener,
                 .open_validate = options.open_validate,
                 .grants = options.grants,
                 .account_behind = verbs.account_behind}),
        door{callers, verbs.workers, verbs.readers, verbs.clock, verbs.log},
        auth(door, verbs.authority, verbs.about.epoch),
        sessions(door, verbs.sessions, verbs.authority, verbs.about.epoch),
        accounts(door, verbs.accounts, verbs.about.epoch),
        keys(door, verbs.keys),
        admin(door, verbs.about),
        benchmark(door) {}

  void Register(grpc::ServerBuilder* builder) {
    builder->RegisterService(&auth);
    builder->RegisterService(&sessions);
    builder->RegisterService(&accounts);
    builder->RegisterService(&keys);
    builder->RegisterService(&admin);
  }

  CallerFinder callers;
  CallDoor door;
  AuthRpc auth;
  SessionRpc sessions;
  AccountRpc accounts;
  KeyRpc keys;
  AdminRpc admin;
  BenchmarkRpc benchmark;
};

absl::StatusOr<std::unique_ptr<RpcServer>> RpcServer::Start(Options options,
                                                            Verbs verbs) {
  LATCHKEY_RETURN_IF_ERROR(TryBind(options.listen));
  grpc::EnableDefaultHealthCheckService(true);
  if (options.reflection) {
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    // Links the descriptor in, which the library's own service lacks.
    grpc::health::v1::HealthCheckRequest::descriptor();
  }
  std::unique_ptr<RpcServer> result(new RpcServer());
  // The network last: nothing is acknowledged by a server that cannot start.
  for (const Listener listener : {Listener::kAdminSocket, Listener::kNetwork}) {
    const bool network = listener == Listener::kNetwork;
    auto services = std::make_unique<ServiceSet>(listener, options, verbs);
    grpc::ServerBuilder builder;
    SetLimits(&builder);
    services->Register(&builder);
    if (network && options.benchmark) {
      builder.RegisterService(&services->benchmark);
    }
    if (!options.reflection) {
      builder.SetOption(std::make_unique<NoReflection>());
    }
    const std::string address =
        network ? options.listen : absl::StrCat("unix:", options.admin_socket);
    int port = 0;
    builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
    if (!network) unlink(options.admin_socket.c_str());
    // The socket is made while the server starts: for its owner alone.
    const mode_t mask = umask(0177);
    std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
    umask(mask);
    if (server == nullptr || port == 0) {
      return absl::FailedPreconditionError(
          absl::StrCat("cannot listen on ", address));
    }
    // Not ready before both listeners are there, whatever gRPC thinks.
    server->GetHealthCheckService()->SetServingStatus(false);
    if (network) result->port_ = port;
    result->services_.push_back(std::move(services));
    result->servers_.push_back(std::move(server));
  }
  return result;
}

RpcServer::~RpcServer() { Shutdown(absl::ZeroDuration()); }

void RpcServer::SetServing(bool serving) {
  for (const auto& server : servers_) {
    server->GetHealthCheckService()->SetServingStatus(serving);
  }
}

void RpcServer::Shutdown(absl::Duration drain) {
  const auto deadline =
      std::chrono::system_clock::now() + absl::ToChronoMilliseconds(drain);
  // At once, so that one listener's calls do not use up the other's time.
  std::vector<std::thread> drains;
  for (const auto& server : servers_) {
    drains.emplace_back([&server, deadline] { server->Shutdown(deadline); });
  }
  for (std::thread& one : drains) one.join();
}

}  // namespace latchkey
