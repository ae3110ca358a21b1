// Checks in batches of 64, against single ones and against pipelined Redis.
#include <algorithm>
#include <netinet/in.h>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

#include "client/base/status_macros.h"
#include "tools/bench/child_process.h"
#include "tools/bench/credential_set.h"
#include "tools/bench/measure.h"
#include "tools/bench/parts.h"
#include "tools/bench/process_stats.h"
#include "tools/bench/validate_workload.h"
#include "tools/bench/work_dir.h"

namespace latchkey::bench {
namespace {

constexpr char kSection[] = "batch";
constexpr uint64_t kSessions = 100'000;
constexpr uint64_t kQuickSessions = 20'000;
constexpr size_t kBatch = 64;
// A batch is answered as one piece of work: few are enough to keep the server
// busy, and more would only wait.
constexpr int kBatchStreams = 4;

constexpr uint64_t kRedisKeys = 100'000;
constexpr uint64_t kGets = 2'000'000;
constexpr uint64_t kQuickGets = 500'000;
constexpr absl::Duration kRedisPatience = absl::Seconds(10);

// A port that nobody has at the moment.
int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  int port = 0;
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
    port = ntohs(address.sin_port);
  }
  close(fd);
  return port;
}

absl::Status RunRedisBenchmark(const std::string& program, int port,
                               const std::string& directory,
                               const std::string& test, uint64_t calls) {
  LATCHKEY_ASSIGN_OR_RETURN(
      const std::unique_ptr<ChildProcess> child,
      ChildProcess::Spawn({program, "-p", absl::StrCat(port), "-P", "32", "-n",
                           absl::StrCat(calls), "-r", absl::StrCat(kRedisKeys),
                           "-t", test, "-q"},
                          directory + "/redis-benchmark.err"));
  return child->Wait().status();
}

// Redis logs to its standard output.
absl::Status AwaitRedis(ChildProcess& redis) {
  const absl::Time deadline = absl::Now() + kRedisPatience;
  while (absl::Now() < deadline) {
    LATCHKEY_ASSIGN_OR_RETURN(const std::string line,
                              redis.ReadLine(deadline - absl::Now()));
    if (absl::StrContains(line, "eady to accept connections")) {
      return absl::OkStatus();
    }
  }
  return absl::UnavailableError("redis-server did not start");
}

// Returns Redis' CPU time per GET; nullopt if it is not installed.
absl::StatusOr<std::optional<absl::Duration>> CpuPerGet(const Bench& bench) {
  const std::string server = FindProgram("redis-server");
  const std::string client = FindProgram("redis-benchmark");
  if (server.empty() || client.empty()) return std::nullopt;
  bench.progress.Step("batch: pipelined GETs of Redis");
  LATCHKEY_ASSIGN_OR_RETURN(const std::unique_ptr<WorkDir> directory,
                            WorkDir::Create(bench.options.work_dir));
  const int port = FreePort();
  LATCHKEY_ASSIGN_OR_RETURN(
      const std::unique_ptr<ChildProcess> redis,
      ChildProcess::Spawn(
          {server, "--port", absl::StrCat(port), "--bind", "127.0.0.1",
           "--save", "", "--appendonly", "no", "--dir", directory->path()},
          directory->path() + "/redis.err"));
  LATCHKEY_RETURN_IF_ERROR(AwaitRedis(*redis));
  LATCHKEY_RETURN_IF_ERROR(RunRedisBenchmark(client, port, directory->path(),
                                             "set", kRedisKeys * 3));
  const uint64_t gets = bench.options.quick ? kQuickGets : kGets;
  LATCHKEY_ASSIGN_OR_RETURN(const absl::Duration before, CpuTime(redis->pid()));
  LATCHKEY_RETURN_IF_ERROR(
      RunRedisBenchmark(client, port, directory->path(), "get", gets));
  LATCHKEY_ASSIGN_OR_RETURN(const absl::Duration after, CpuTime(redis->pid()));
  return std::optional<absl::Duration>((after - before) /
                                       static_cast<double>(gets));
}

void AddRows(const Bench& bench, const Compared& compared) {
  Spread ratio = compared.throughput_ratio;
  for (double* value : {&ratio.min, &ratio.lower_quartile, &ratio.median,
                        &ratio.upper_quartile, &ratio.max}) {
    *value *= kBatch;
  }
  bench.report.Add(
      {.section = kSection,
       .name = "BatchValidate(64) / Validate, validations per second",
       .measured = ratio.median,
       .unit = "x",
       .at_least = 8,
       .aim = 12,
       .spread = ratio,
       .note = absl::StrCat(
           FormatFigure(compared.x.PerSecond() * kBatch, "1/s"), " and ",
           FormatFigure(compared.base.PerSecond(), "1/s"))});
  bench.report.Add(
      {.section = kSection,
       .name = "BatchValidate(64), server CPU per validation",
       .measured = absl::ToDoubleSeconds(compared.x.CpuPerCall() / kBatch),
       .unit = "s",
       .higher_is_better = false,
       .note = absl::StrCat(
           "Validate ",
           FormatFigure(absl::ToDoubleSeconds(compared.base.CpuPerCall()),
                        "s"))});
}

}  // namespace

absl::Status RunBatch(const Bench& bench) {
  const BenchOptions& options = bench.options;
  Stage::Setup setup;
  setup.population.live =
      options.SessionsOr(options.quick ? kQuickSessions : kSessions);
  LATCHKEY_ASSIGN_OR_RETURN(const std::unique_ptr<Stage> stage,
                            Stage::SeedAndStart(bench, std::move(setup)));
  CredentialSet set;
  set.AddOpaque(stage->population(),
                std::min(options.sample, stage->population().options().live));
  bench.progress.Step("batch: batches of 64 against single checks");
  LATCHKEY_ASSIGN_OR_RETURN(const std::unique_ptr<LoadClient> load,
                            stage->Connect(options.connections, kBatchStreams));
  ValidateWorkload single(set, Uniform(set.size(), options.seed));
  BatchWorkload batches(set, kBatch);
  LATCHKEY_RETURN_IF_ERROR(WarmUp(*load, single, set.size()));
  LATCHKEY_RETURN_IF_ERROR(WarmUp(*load, batches, set.size() / kBatch));
  const pid_t pid = stage->server().pid();
  LATCHKEY_ASSIGN_OR_RETURN(const Compared compared,
                            Compare(bench, {*load, pid, single},
                                    {*load, pid, batches}, SetupOf(options)));
  AddRows(bench, compared);
  LATCHKEY_RETURN_IF_ERROR(stage->Stop());

  LATCHKEY_ASSIGN_OR_RETURN(const std::optional<absl::Duration> get,
                            CpuPerGet(bench));
  if (!get.has_value()) {
    bench.report.Set("redis", "not installed");
    return absl::OkStatus();
  }
  bench.report.Add(
      {.section = kSection,
       .name = "BatchValidate(64) / pipelined Redis GET, server CPU",
       .measured = absl::FDivDuration(compared.x.CpuPerCall() / kBatch, *get),
       .unit = "x",
       .at_least = 2,
       .aim = 1,
       .higher_is_better = false,
       .note = absl::StrCat("GET ",
                            FormatFigure(absl::ToDoubleSeconds(*get), "s"))});
  return absl::OkStatus();
}

}  // namespace latchkey::bench
