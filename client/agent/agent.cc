#include "client/agent/agent.h"

#include <sys/resource.h>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server_builder.h"

#include "client/base/status_macros.h"
#include "client/pem_file.h"

namespace latchkey {
namespace {

// Of what the server has told of sessions: some 60,000 of them.
constexpr size_t kMaxBookBytes = 64 << 20;
// The contract's limits, and the server's own of a connection.
constexpr int kMaxMessageBytes = 1 << 20;
constexpr int kMaxHeaderBytes = 8 << 10;
constexpr int kMaxStreams = 1000;
// When it is told to stop calls under way get their answer: by their own
// deadline. Cut off is who has not sent the whole of a request by this later.
constexpr absl::Duration kDrainMargin = absl::Seconds(1);

// What it opens besides connections to its socket, generously.
constexpr int kOwnDescriptors = 64;

using Inlet = grpc::experimental::ExternalConnectionAcceptor;

// How many descriptors there are with so many connections.
absl::StatusOr<int> DescriptorsFor(int connections) {
  const int wanted = connections + kOwnDescriptors;
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
      limit.rlim_cur < static_cast<rlim_t>(wanted)) {
    return absl::FailedPreconditionError(
        absl::StrCat("--max_connections: takes ", wanted,
                     " descriptors, and there are ", limit.rlim_cur));
  }
  return wanted;
}

void ApplyLimits(grpc::ServerBuilder* builder) {
  builder->SetMaxReceiveMessageSize(kMaxMessageBytes);
  // A small compressed message may be inflated past the limit before it is
  // refused: so none is taken.
  builder->SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  builder->SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  builder->AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxHeaderBytes);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxStreams);
}

std::string WhyNot(const VerifierFigures& figures) {
  if (figures.connected) return "is following it";
  if (figures.stream_error.empty()) return "is connecting";
  return figures.stream_error;
}

}  // namespace

Agent::Agent(absl::Duration ask_timeout)
    : ask_timeout_(ask_timeout), book_(kMaxBookBytes) {}

absl::StatusOr<std::unique_ptr<Agent>> Agent::Start(
    const AgentSettings& settings) {
  std::unique_ptr<Agent> agent(new Agent(settings.ask_timeout));
  LATCHKEY_RETURN_IF_ERROR(agent->Open(settings));
  LATCHKEY_RETURN_IF_ERROR(agent->Listen(settings));
  return agent;
}

absl::Status Agent::Open(const AgentSettings& settings) {
  LATCHKEY_ASSIGN_OR_RETURN(client_,
                            AuthClient::Create({.channel = settings.channel}));
  LATCHKEY_RETURN_IF_ERROR(OpenCredentials(settings));
  std::shared_ptr<grpc::CallCredentials> credentials;
  if (credentials_ != nullptr) credentials = credentials_->call_credentials();
  LATCHKEY_ASSIGN_OR_RETURN(
      validator_, OfflineValidator::Create({client_->channel()},
                                           settings.verifier, credentials));
  answers_ = std::make_unique<LocalAnswers>(*validator_, book_, clock_);
  service_ = std::make_unique<AgentService>(
      *answers_, *client_, clock_,
      AgentService::Options{.ask_timeout = settings.ask_timeout,
                            .credentials = std::move(credentials)});
  return absl::OkStatus();
}

absl::Status Agent::OpenCredentials(const AgentSettings& settings) {
  if (settings.client_id.empty()) return absl::OkStatus();
  SecretBytes secret = settings.client_secret.Copy();
  if (!settings.client_secret_file.empty()) {
    LATCHKEY_ASSIGN_OR_RETURN(secret,
                              ReadSecretLine(settings.client_secret_file));
  }
  if (secret.empty()) return absl::FailedPreconditionError("an empty secret");
  ServiceCredentialsOptions options;
  options.login.account = settings.client_id;
  options.login.proof = ClientSecret{std::move(secret)};
  options.logout_at_end = true;
  LATCHKEY_ASSIGN_OR_RETURN(
      credentials_, ServiceCredentials::Create(std::move(options), *client_));
  return absl::OkStatus();
}

absl::Status Agent::Listen(const AgentSettings& settings) {
  LATCHKEY_ASSIGN_OR_RETURN(const int descriptors,
                            DescriptorsFor(settings.max_connections));
  LATCHKEY_ASSIGN_OR_RETURN(socket_,
                            AgentSocket::Claim(settings.socket_path()));
  LATCHKEY_ASSIGN_OR_RETURN(
      door_, AgentDoor::Open(settings.socket_path(), settings.socket_mode));
  grpc::EnableDefaultHealthCheckService(true);
  grpc::ServerBuilder builder;
  ApplyLimits(&builder);
  builder.RegisterService(service_.get());
  std::shared_ptr<Inlet> inlet =
      builder.experimental().AddExternalConnectionAcceptor(
          grpc::ServerBuilder::experimental_type::ExternalConnectionType::
              FROM_FD,
          grpc::InsecureServerCredentials());
  server_ = builder.BuildAndStart();
  if (server_ == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot serve ", settings.listen));
  }
  server_->GetHealthCheckService()->SetServingStatus(false);
  validator_->Start();
  door_->Start(descriptors, [inlet = std::move(inlet)](int connection) {
    Inlet::NewConnectionParameters parameters;
    parameters.fd = connection;
    inlet->HandleNewConnection(&parameters);
  });
  return absl::OkStatus();
}

Agent::~Agent() {
  door_.reset();
  if (server_ != nullptr) {
    server_->GetHealthCheckService()->SetServingStatus(false);
    server_->Shutdown(
        absl::ToChronoTime(absl::Now() + ask_timeout_ + kDrainMargin));
  }
  // Each before what it uses.
  validator_.reset();
  credentials_.reset();
  client_.reset();
  server_.reset();
}

std::string Agent::Look() {
  // The past: whether it is, without waiting.
  const bool is_ready = validator_->WaitUntilReady(absl::InfinitePast());
  const size_t refused = service_->refused_by_server();
  std::string line;
  if (!has_looked_ || is_ready != is_ready_) {
    server_->GetHealthCheckService()->SetServingStatus(is_ready);
    line = is_ready ? "holds a lease, answers by itself\n"
                    : absl::StrCat("holds no lease, asks the server; ",
                                   WhyNot(validator_->figures()), "\n");
  }
  if (refused != refused_by_server_ && refused_by_server_ == 0) {
    absl::StrAppend(&line,
                    "the server refuses this agent: has its account, or its "
                    "certificate, the permission validator?\n");
  }
  has_looked_ = true;
  is_ready_ = is_ready;
  refused_by_server_ = refused;
  return line;
}

}  // namespace latchkey
