// latchkey-agent: the process around an Agent.
#include <csignal>
#include <cstdio>
#include <string>
#include <sys/resource.h>
#include <time.h>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "google/protobuf/stubs/logging.h"
#include "grpc/grpc.h"
#include "grpc/support/log.h"

#include "client/agent/agent.h"
#include "client/agent/settings.h"

namespace latchkey {
namespace {

constexpr int kExitUsage = 2;
constexpr int kExitCannotStart = 3;
// Between two looks at whether it holds a lease, for its health.
constexpr timespec kLookInterval = {.tv_sec = 0, .tv_nsec = 100'000'000};
// Between two looks at whether gRPC has ended, and how many at most: 1 s.
constexpr timespec kEndInterval = {.tv_sec = 0, .tv_nsec = 1'000'000};
constexpr int kMostLooks = 1000;

// The signals that the main thread waits for; every other thread inherits the
// mask that blocks them.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return signals;
}

// As latchkeyd: gRPC and Protobuf write nothing, and no lock is entered into
// Abseil's graph of locks.
void QuietLibraries() {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  gpr_set_log_function([](gpr_log_func_args*) {});
  google::protobuf::SetLogHandler(nullptr);
}

// For --max_connections; see AgentDoor.
void RaiseDescriptorLimit() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// Keys and credentials are in memory: no core files of them.
void ForbidCoreFiles() {
  const rlimit none = {.rlim_cur = 0, .rlim_max = 0};
  setrlimit(RLIMIT_CORE, &none);
}

// gRPC takes connections down on threads of its own, after their owners have
// gone: the process ends once that is done, or has taken too long.
struct GrpcLibrary {
  GrpcLibrary() { grpc_init(); }
  ~GrpcLibrary() {
    grpc_shutdown();
    for (int i = 0; i < kMostLooks && grpc_is_initialized() != 0; ++i) {
      nanosleep(&kEndInterval, nullptr);
    }
  }
};

void Serve(Agent& agent, const sigset_t& signals) {
  while (sigtimedwait(&signals, nullptr, &kLookInterval) < 0) {
    const std::string line = agent.Look();
    if (!line.empty()) std::fprintf(stderr, "latchkey-agent: %s", line.c_str());
  }
}

int Main(int argc, char** argv, char** environment) {
  std::vector<std::string> variables;
  for (char** entry = environment; *entry != nullptr; ++entry) {
    variables.emplace_back(*entry);
  }
  const auto read = ReadAgentSettings({argv + 1, argv + argc}, variables);
  if (const auto* instead = std::get_if<AgentInstead>(&read)) {
    std::fprintf(instead->exit_status == 0 ? stdout : stderr, "%s\n",
                 instead->text.c_str());
    return instead->exit_status;
  }
  const AgentSettings& settings = std::get<AgentSettings>(read);
  const sigset_t signals = BlockSignals();
  QuietLibraries();
  RaiseDescriptorLimit();
  ForbidCoreFiles();

  const GrpcLibrary library;
  auto agent = Agent::Start(settings);
  if (!agent.ok()) {
    std::fprintf(stderr, "latchkey-agent: %s\n",
                 std::string(agent.status().message()).c_str());
    return absl::IsInvalidArgument(agent.status()) ? kExitUsage
                                                   : kExitCannotStart;
  }
  std::printf("latchkey-agent ready: listen=%s\n", settings.listen.c_str());
  std::fflush(stdout);
  Serve(**agent, signals);
  // From now on a signal ends the process where it is: it has nothing to lose.
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  agent->reset();
  return 0;
}

}  // namespace
}  // namespace latchkey

int main(int argc, char** argv, char** environment) {
  return latchkey::Main(argc, argv, environment);
}
