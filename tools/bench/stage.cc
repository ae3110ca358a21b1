#include "tools/bench/stage.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"

#include "client/base/status_macros.h"
#include "latchkey/v1/admin.grpc.pb.h"
#include "tools/bench/interrupt.h"
#include "tools/bench/seed.h"

namespace latchkey::bench {
namespace {

constexpr std::chrono::seconds kCallPatience(30);

}  // namespace

absl::StatusOr<std::unique_ptr<Stage>> Stage::Seed(const Bench& bench,
                                                   Setup setup) {
  std::unique_ptr<Stage> stage(new Stage(bench));
  setup.population.seed = bench.options.seed;
  setup.population.now = bench.clock.Now();
  stage->population_.emplace(setup.population);
  stage->setup_ = std::move(setup);
  LATCHKEY_ASSIGN_OR_RETURN(stage->work_dir_,
                            WorkDir::Create(bench.options.work_dir));
  LATCHKEY_RETURN_IF_ERROR(stage->work_dir_->RequireSpace(
      kSeedBytesPerSession *
      static_cast<double>(stage->population_->stored())));
  LATCHKEY_ASSIGN_OR_RETURN(
      stage->mint_,
      bench::Seed(*stage->population_, stage->setup_.more_accounts,
                  stage->directory(), bench.clock, bench.progress));
  return stage;
}

absl::StatusOr<std::unique_ptr<Stage>> Stage::SeedAndStart(const Bench& bench,
                                                           Setup setup) {
  LATCHKEY_ASSIGN_OR_RETURN(std::unique_ptr<Stage> stage,
                            Seed(bench, std::move(setup)));
  LATCHKEY_RETURN_IF_ERROR(stage->Start());
  return stage;
}

absl::Status Stage::Start() {
  server_.reset();
  const BenchOptions& options = bench_.options;
  ServerSetup setup = {.binary = options.latchkeyd,
                       .directory = directory(),
                       .port = options.port,
                       .sessions = population_->stored(),
                       .more_flags = setup_.server_flags};
  setup.more_flags.insert(setup.more_flags.end(), options.server_flags.begin(),
                          options.server_flags.end());
  LATCHKEY_ASSIGN_OR_RETURN(server_, BenchServer::Start(setup));
  return absl::OkStatus();
}

absl::Status Stage::Stop() {
  if (server_ == nullptr) return absl::OkStatus();
  const absl::Status stopped = server_->Stop();
  server_.reset();
  return stopped;
}

absl::StatusOr<std::unique_ptr<LoadClient>> Stage::Connect() const {
  return Connect(bench_.options.connections, bench_.options.streams);
}

absl::StatusOr<std::unique_ptr<LoadClient>> Stage::Connect(int connections,
                                                           int streams) const {
  LoadOptions options;
  options.port = server_->port();
  options.connections = connections;
  options.streams = streams;
  options.stop = [] { return Interrupted().load(); };
  return LoadClient::Connect(options);
}

absl::StatusOr<ServerInfo> GetServerInfo(const BenchServer& server) {
  const auto stub = v1::AdminService::NewStub(grpc::CreateChannel(
      server.admin_address(), grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kCallPatience);
  v1::GetServerInfoResponse response;
  const grpc::Status status =
      stub->GetServerInfo(&context, v1::GetServerInfoRequest(), &response);
  if (!status.ok()) {
    return absl::UnavailableError(
        absl::StrCat("GetServerInfo: ", status.error_message()));
  }
  ServerInfo info;
  info.sessions = response.session_count();
  info.cached_sessions = response.cached_session_count();
  info.cache_warm = response.cache_warm();
  return info;
}

absl::Status PauseUntil(absl::Time when) {
  while (absl::Now() < when) {
    if (Interrupted()) return absl::CancelledError("interrupted");
    absl::SleepFor(std::min(absl::Milliseconds(50), when - absl::Now()));
  }
  return absl::OkStatus();
}

}  // namespace latchkey::bench
