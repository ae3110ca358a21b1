#include "server/rpc/rpc_server.h"

#include <errno.h>
#include <future>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "grpc/grpc.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/impl/server_builder_option.h"
#include "grpcpp/impl/server_builder_plugin.h"

#include "client/base/status_macros.h"
#include "grpc/health/v1/health.pb.h"
#include "server/rpc/account_service.h"
#include "server/rpc/auth_service.h"
#include "server/rpc/benchmark_service.h"
#include "server/rpc/key_service.h"
#include "server/rpc/revocation_service.h"
#include "server/rpc/self_probe.h"
#include "server/rpc/session_service.h"

namespace latchkey {
namespace {

// Operators at a time; apart from the network's, so that they get in when that
// is full. They share one source, so only this number holds.
constexpr int kMaxAdminConnections = 32;

// How long the watchdog waits for one answer.
constexpr absl::Duration kProbeLimit = absl::Seconds(5);

// For so long no call may have been under way when a drain ends before its
// time: what a client sends before it has learnt of the drain is here by then.
constexpr absl::Duration kQuiet = absl::Seconds(1);
// How often a drain looks.
constexpr absl::Duration kLook = absl::Milliseconds(20);

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

using Inlet = grpc::experimental::ExternalConnectionAcceptor;

std::unique_ptr<Inlet> AddInlet(
    grpc::ServerBuilder* builder,
    const std::shared_ptr<grpc::ServerCredentials>& credentials) {
  return builder->experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
      credentials);
}

void HandTo(Inlet& inlet, FileDescriptor connection) {
  Inlet::NewConnectionParameters parameters;
  parameters.fd = connection.Release();
  inlet.HandleNewConnection(&parameters);
}

Acceptor::HandOver HandingTo(std::shared_ptr<Inlet> inlet) {
  return [inlet = std::move(inlet)](FileDescriptor connection) {
    HandTo(*inlet, std::move(connection));
  };
}

}  // namespace

// The services of one listener.
struct RpcServer::ServiceSet {
  ServiceSet(Listener listener, const Options& options, const Verbs& verbs)
      : callers({.listener = listener,
                 .open_validate = options.open_validate,
                 .grants = options.grants,
                 .account_behind = verbs.account_behind}),
        admission(options.max_calls_waiting),
        door{callers,       verbs.workers, verbs.readers, admission,
             verbs.metrics, verbs.clock,   verbs.log,     verbs.audit},
        auth(door, verbs.authority, verbs.revocations, verbs.about.epoch),
        sessions(door, verbs.sessions, verbs.authority, verbs.revocations,
                 verbs.about.epoch),
        accounts(door, verbs.accounts, verbs.revocations, verbs.about.epoch),
        keys(door, verbs.keys, verbs.revocations, verbs.about.epoch),
        revocations(door, verbs.revocations, verbs.authority),
        admin(door, verbs.about),
        benchmark(door) {}

  void Register(grpc::ServerBuilder* builder) {
    builder->RegisterService(&auth);
    builder->RegisterService(&sessions);
    builder->RegisterService(&accounts);
    builder->RegisterService(&keys);
    builder->RegisterService(&revocations);
    builder->RegisterService(&admin);
  }

  CallerFinder callers;
  CallAdmission admission;
  CallDoor door;
  AuthRpc auth;
  SessionRpc sessions;
  AccountRpc accounts;
  KeyRpc keys;
  RevocationRpc revocations;
  AdminRpc admin;
  BenchmarkRpc benchmark;
};

absl::StatusOr<std::unique_ptr<RpcServer>> RpcServer::Start(Options options,
                                                            Verbs verbs) {
  LATCHKEY_ASSIGN_OR_RETURN(Listening network, ListenOnNetwork(options.listen));
  grpc::EnableDefaultHealthCheckService(true);
  if (options.reflection) {
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    // Links the descriptor in, which the library's own service lacks.
    grpc::health::v1::HealthCheckRequest::descriptor();
  }
  if (options.credentials == nullptr) {
    options.credentials = grpc::InsecureServerCredentials();
  }
  std::unique_ptr<RpcServer> result(
      new RpcServer(std::move(options), verbs.revocations));
  result->port_ = network.port;
  result->near_address_ = NearAddressOf(network.sockets.front());
  LATCHKEY_ASSIGN_OR_RETURN(std::shared_ptr<Inlet> for_admin,
                            result->Build(Listener::kAdminSocket, verbs));
  LATCHKEY_ASSIGN_OR_RETURN(std::shared_ptr<Inlet> for_network,
                            result->Build(Listener::kNetwork, verbs));
  LATCHKEY_ASSIGN_OR_RETURN(Listening admin,
                            ListenOnPath(result->options_.admin_socket));
  // Last: nothing is acknowledged by a server that cannot start.
  std::vector<Acceptor::Door> doors;
  doors.push_back({.listening = std::move(admin),
                   .limits = {.total = kMaxAdminConnections},
                   .hand_over = HandingTo(std::move(for_admin))});
  doors.push_back({.listening = std::move(network),
                   .limits = result->options_.connections,
                   .hand_over = HandingTo(std::move(for_network))});
  LATCHKEY_ASSIGN_OR_RETURN(
      result->acceptor_,
      Acceptor::Start(std::move(doors), verbs.clock, verbs.log));
  return result;
}

absl::StatusOr<std::unique_ptr<RpcServer::Inlet>> RpcServer::Build(
    Listener listener, const Verbs& verbs) {
  const bool network = listener == Listener::kNetwork;
  auto services = std::make_unique<ServiceSet>(listener, options_, verbs);
  grpc::ServerBuilder builder;
  ApplyLimits(options_.transport, &builder);
  services->Register(&builder);
  if (network && options_.benchmark) {
    builder.RegisterService(&services->benchmark);
  }
  if (!options_.reflection) {
    builder.SetOption(std::make_unique<NoReflection>());
  }
  std::unique_ptr<Inlet> inlet =
      AddInlet(&builder, network ? options_.credentials
                                 : grpc::InsecureServerCredentials());
  if (network) {
    MutexLock lock(&inside_mutex_);
    inside_ = AddInlet(&builder, grpc::InsecureServerCredentials());
  }
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat(
        "cannot serve on ", network ? options_.listen : options_.admin_socket));
  }
  // Not ready before both listeners are there, whatever gRPC thinks.
  server->GetHealthCheckService()->SetServingStatus(false);
  services_.push_back(std::move(services));
  servers_.push_back(std::move(server));
  return inlet;
}

std::vector<Watchdog::Probe> RpcServer::Probes() {
  const auto ask_health = [this]() -> absl::Status {
    LATCHKEY_ASSIGN_OR_RETURN(FileDescriptor connection, ConnectInside());
    return AskHealth(std::move(connection), kProbeLimit);
  };
  const auto ask_acceptor = [this, before = uint64_t{0}]() mutable {
    const uint64_t now = acceptor_->counts().rounds;
    const bool turned = now != std::exchange(before, now);
    return turned ? absl::OkStatus() : absl::UnavailableError("stands still");
  };
  const auto connect = [this] { return ConnectTo(near_address_, kProbeLimit); };
  return {
      {"health", ask_health}, {"acceptor", ask_acceptor}, {"connect", connect}};
}

absl::StatusOr<FileDescriptor> RpcServer::ConnectInside() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
                 ends) != 0) {
    return absl::ResourceExhaustedError(strerror(errno));
  }
  FileDescriptor client(ends[0]);
  FileDescriptor server(ends[1]);
  MutexLock lock(&inside_mutex_);
  if (inside_ == nullptr) return absl::UnavailableError("shutting down");
  HandTo(*inside_, std::move(server));
  return client;
}

RpcServer::RpcServer(Options options, RevocationHub& revocations)
    : options_(std::move(options)), revocations_(revocations) {}

RpcServer::~RpcServer() { Shutdown(absl::ZeroDuration()); }

void RpcServer::SetServing(bool serving) {
  for (const auto& server : servers_) {
    server->GetHealthCheckService()->SetServingStatus(serving);
  }
}

void RpcServer::Shutdown(absl::Duration drain) {
  const auto deadline =
      std::chrono::system_clock::now() + absl::ToChronoMilliseconds(drain);
  if (acceptor_ != nullptr) {
    acceptor_->Stop();
    // Once only: another server may have made it since.
    if (!std::exchange(stopped_, true)) unlink(options_.admin_socket.c_str());
  }
  {
    MutexLock lock(&inside_mutex_);
    inside_.reset();
  }
  // They never end by themselves.
  revocations_.EndStreams();
  // At once, so that one listener's calls do not use up the other's time.
  std::vector<std::future<void>> drains;
  for (const auto& server : servers_) {
    drains.push_back(std::async(std::launch::async, [&server, deadline] {
      server->Shutdown(deadline);
    }));
  }
  // gRPC waits for connections too, and a client that makes no calls may not
  // notice for long that it is to close its own.
  absl::Duration quiet = absl::ZeroDuration();
  for (const std::future<void>& drained : drains) {
    while (drained.wait_for(absl::ToChronoMilliseconds(kLook)) !=
           std::future_status::ready) {
      quiet = AnyCallUnderWay() ? absl::ZeroDuration() : quiet + kLook;
      if (quiet >= kQuiet) CancelAll();
    }
  }
}

bool RpcServer::AnyCallUnderWay() const {
  for (const auto& services : services_) {
    if (services->admission.AnyUnderWay()) return true;
  }
  return false;
}

void RpcServer::CancelAll() {
  for (const auto& server : servers_) {
    grpc_server_cancel_all_calls(server->c_server());
  }
}

}  // namespace latchkey
