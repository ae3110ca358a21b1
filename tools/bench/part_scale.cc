// What grows with the number of sessions, and what must not.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

#include "client/base/status_macros.h"
#include "tools/bench/credential_set.h"
#include "tools/bench/measure.h"
#include "tools/bench/parts.h"
#include "tools/bench/process_stats.h"
#include "tools/bench/validate_workload.h"

namespace latchkey::bench {
namespace {

constexpr char kSection[] = "scale";
// Where the budgets are for.
constexpr uint64_t kBudgetSessions = 10'000'000;
constexpr absl::Duration kWarmPatience = absl::Minutes(10);
constexpr absl::Duration kWarmTurn = absl::Milliseconds(100);

std::vector<uint64_t> SizesOf(const BenchOptions& options) {
  if (!options.sessions.empty()) return options.sessions;
  if (options.quick) return {10'000, 100'000};
  return {10'000, 1'000'000, kBudgetSessions};
}

// Credentials to ask about, the same number at each size: the load client has
// its own caches, out of which they fall.
CredentialSet SampleOf(const BenchOptions& options,
                       const Population& population) {
  const std::vector<uint64_t> sizes = SizesOf(options);
  const uint64_t size =
      std::min(options.sample, *std::max_element(sizes.begin(), sizes.end()));
  CredentialSet sample;
  while (sample.size() < size) {
    sample.AddOpaque(population, size - sample.size());
  }
  return sample;
}

std::string Short(uint64_t count) {
  return FormatFigure(static_cast<double>(count), "");
}

double Seconds(absl::Duration duration) {
  return absl::ToDoubleSeconds(duration);
}

// One size: a server over so many sessions, and who asks it about them.
struct Size {
  uint64_t sessions = 0;
  std::unique_ptr<Stage> stage;
  CredentialSet set;
  std::unique_ptr<LoadClient> load;
  std::unique_ptr<ValidateWorkload> uniform;
  std::unique_ptr<ValidateWorkload> skewed;
  Compared to_ping;

  Side side(ValidateWorkload& workload) const {
    return {*load, stage->server().pid(), workload};
  }
};

absl::StatusOr<int64_t> ResidentBytes(const Stage& stage) {
  LATCHKEY_ASSIGN_OR_RETURN(const ProcessStats stats,
                            ReadProcessStats(stage.server().pid()));
  return stats.resident_bytes;
}

// A server over next to nothing: what a process takes before it has sessions.
absl::StatusOr<int64_t> EmptyBytes(const Bench& bench) {
  Stage::Setup setup;
  setup.population.live = 0;
  LATCHKEY_ASSIGN_OR_RETURN(const std::unique_ptr<Stage> stage,
                            Stage::SeedAndStart(bench, std::move(setup)));
  LATCHKEY_ASSIGN_OR_RETURN(const std::unique_ptr<LoadClient> load,
                            stage->Connect());
  PingWorkload ping;
  LATCHKEY_RETURN_IF_ERROR(WarmUp(*load, ping, 10'000));
  return ResidentBytes(*stage);
}

// Waits until the server says that it has warmed up, and lets the sample be
// asked for once; then everything that is measured is in memory. Returns how
// many sessions are.
absl::StatusOr<int64_t> AwaitWarm(const Stage& stage, LoadClient& load,
                                  Workload& workload, uint64_t size) {
  const absl::Time deadline = absl::Now() + kWarmPatience;
  LATCHKEY_ASSIGN_OR_RETURN(ServerInfo info, GetServerInfo(stage.server()));
  while (info.cache_warm.has_value() && !*info.cache_warm) {
    if (absl::Now() > deadline) {
      return absl::UnavailableError("the server does not warm up");
    }
    LATCHKEY_RETURN_IF_ERROR(PauseUntil(absl::Now() + kWarmTurn));
    LATCHKEY_ASSIGN_OR_RETURN(info, GetServerInfo(stage.server()));
  }
  if (!info.cache_warm.has_value()) {
    // It warms by being asked.
    LATCHKEY_RETURN_IF_ERROR(WarmUp(load, workload, size));
  }
  return info.cached_sessions.value_or(static_cast<int64_t>(size));
}

// From the start of the process to the first right answer, and until warm.
absl::Status MeasureStart(const Bench& bench, Stage& stage,
                          const CredentialSet& set, int64_t empty_bytes) {
  const uint64_t sessions = stage.population().options().live;
  bench.progress.Step(absl::StrCat("scale: start with ", Short(sessions)));
  LATCHKEY_RETURN_IF_ERROR(stage.Start());
  ValidateWorkload workload(set, InTurn(set.size()));
  LATCHKEY_ASSIGN_OR_RETURN(const std::unique_ptr<LoadClient> load,
                            stage.Connect());
  LATCHKEY_RETURN_IF_ERROR(WarmUp(*load, workload, 1));
  const absl::Duration first = absl::Now() - stage.server().exec_time();
  LATCHKEY_ASSIGN_OR_RETURN(const int64_t cached,
                            AwaitWarm(stage, *load, workload, set.size()));
  const absl::Duration warm = absl::Now() - stage.server().exec_time();
  ReportRow start = {
      .section = kSection,
      .name =
          absl::StrCat("start with ", Short(sessions), ", first right answer"),
      .measured = Seconds(first),
      .unit = "s",
      .higher_is_better = false,
      .note = absl::StrCat("warm after ", FormatFigure(Seconds(warm), "s"))};
  LATCHKEY_ASSIGN_OR_RETURN(const int64_t resident, ResidentBytes(stage));
  ReportRow memory = {
      .section = kSection,
      .name = absl::StrCat("memory per cached session, ", Short(sessions)),
      .measured = static_cast<double>(resident - empty_bytes) /
                  static_cast<double>(std::max<int64_t>(cached, 1)),
      .unit = "B",
      .higher_is_better = false,
      .note = absl::StrCat(Short(cached), " cached, resident ",
                           FormatFigure(static_cast<double>(resident), "B"))};
  if (sessions >= kBudgetSessions) {
    start.at_least = 2;
    start.aim = 0.7;
    memory.at_least = 150;
    memory.aim = 80;
  }
  bench.report.Add(std::move(start));
  bench.report.Add(std::move(memory));
  return absl::OkStatus();
}

absl::Status MeasureSpeed(const Bench& bench, Size* size) {
  bench.progress.Step(
      absl::StrCat("scale: checks among ", Short(size->sessions)));
  LATCHKEY_ASSIGN_OR_RETURN(size->load, size->stage->Connect());
  PingWorkload ping;
  const Side base = {*size->load, size->stage->server().pid(), ping};
  size->uniform = std::make_unique<ValidateWorkload>(
      size->set, Uniform(size->set.size(), bench.options.seed));
  size->skewed = std::make_unique<ValidateWorkload>(
      size->set, Skewed(size->set.size(), bench.options.seed));
  LATCHKEY_ASSIGN_OR_RETURN(
      size->to_ping,
      Compare(bench, base, size->side(*size->uniform), SetupOf(bench.options)));
  const Spread& ratio = size->to_ping.throughput_ratio;
  ReportRow row = {.section = kSection,
                   .name = absl::StrCat("Validate / empty RPC among ",
                                        Short(size->sessions)),
                   .measured = ratio.median,
                   .unit = "x",
                   .spread = ratio,
                   .note = FormatFigure(size->to_ping.x.PerSecond(), "1/s")};
  if (size->sessions >= kBudgetSessions) {
    row.at_least = 0.92;
    row.aim = 0.97;
  }
  bench.report.Add(std::move(row));

  CredentialSet unknown;
  unknown.AddUnknown(size->stage->population(), size->set.size());
  ValidateWorkload nobody(unknown, Uniform(unknown.size(), bench.options.seed));
  LATCHKEY_ASSIGN_OR_RETURN(
      const Compared compared,
      Compare(bench, base, {*size->load, base.server, nobody},
              SetupOf(bench.options)));
  bench.report.Add({.section = kSection,
                    .name = absl::StrCat("unknown / empty RPC among ",
                                         Short(size->sessions)),
                    .measured = compared.throughput_ratio.median,
                    .unit = "x",
                    .spread = compared.throughput_ratio,
                    .note = FormatFigure(compared.x.PerSecond(), "1/s")});
  return absl::OkStatus();
}

absl::Status CompareOrder(const Bench& bench, const Side& smallest,
                          const Side& side, std::string name) {
  LATCHKEY_ASSIGN_OR_RETURN(
      const Compared compared,
      Compare(bench, smallest, side, SetupOf(bench.options)));
  bench.report.Add(
      {.section = kSection,
       .name = std::move(name),
       .measured = compared.throughput_ratio.median,
       .unit = "x",
       .at_least = 0.95,
       .aim = 1.0,
       .spread = compared.throughput_ratio,
       .note = absl::StrCat("server CPU per call ",
                            FormatFigure(compared.cpu_ratio.median, "x"))});
  return absl::OkStatus();
}

// Against the smallest, whose server runs beside it meanwhile: what the machine
// does to one stretch it does to the next. Asked for evenly, which no cache
// likes and no users do, and as web caches see it.
absl::Status CompareSizes(const Bench& bench, const Size& smallest,
                          const Size& size) {
  bench.progress.Step(absl::StrCat("scale: ", Short(size.sessions), " against ",
                                   Short(smallest.sessions)));
  const std::string name = absl::StrCat("Validate among ", Short(size.sessions),
                                        " / among ", Short(smallest.sessions));
  LATCHKEY_RETURN_IF_ERROR(CompareOrder(bench, smallest.side(*smallest.uniform),
                                        size.side(*size.uniform),
                                        absl::StrCat(name, ", uniform")));
  return CompareOrder(bench, smallest.side(*smallest.skewed),
                      size.side(*size.skewed), absl::StrCat(name, ", skewed"));
}

absl::StatusOr<std::unique_ptr<Size>> MeasureSize(const Bench& bench,
                                                  uint64_t sessions,
                                                  int64_t empty_bytes) {
  auto size = std::make_unique<Size>();
  size->sessions = sessions;
  Stage::Setup setup;
  setup.population.live = sessions;
  LATCHKEY_ASSIGN_OR_RETURN(size->stage, Stage::Seed(bench, std::move(setup)));
  LATCHKEY_ASSIGN_OR_RETURN(const int64_t disk,
                            DirectoryBytes(size->stage->data_dir()));
  bench.report.Add(
      {.section = kSection,
       .name = absl::StrCat("disk per session, ", Short(sessions)),
       .measured = static_cast<double>(disk) / static_cast<double>(sessions),
       .unit = "B",
       .higher_is_better = false,
       .note = absl::StrCat("in all ",
                            FormatFigure(static_cast<double>(disk), "B"))});
  size->set = SampleOf(bench.options, size->stage->population());
  LATCHKEY_RETURN_IF_ERROR(
      MeasureStart(bench, *size->stage, size->set, empty_bytes));
  LATCHKEY_RETURN_IF_ERROR(MeasureSpeed(bench, size.get()));
  return size;
}

}  // namespace

absl::Status RunScale(const Bench& bench) {
  LATCHKEY_ASSIGN_OR_RETURN(const int64_t empty_bytes, EmptyBytes(bench));
  SvgPlot plot = {.title = "Throughput against number of sessions",
                  .x = {"sessions", AxisUnit::kCount, true},
                  .y = {"calls per second", AxisUnit::kCount},
                  .series = {{"Validate"}, {"empty RPC"}}};
  std::unique_ptr<Size> smallest;
  for (const uint64_t sessions : SizesOf(bench.options)) {
    LATCHKEY_ASSIGN_OR_RETURN(std::unique_ptr<Size> size,
                              MeasureSize(bench, sessions, empty_bytes));
    const double x = static_cast<double>(sessions);
    plot.series[0].points.push_back({x, size->to_ping.x.PerSecond()});
    plot.series[1].points.push_back({x, size->to_ping.base.PerSecond()});
    if (smallest == nullptr) {
      smallest = std::move(size);
      continue;
    }
    LATCHKEY_RETURN_IF_ERROR(CompareSizes(bench, *smallest, *size));
  }
  bench.report.AddPlot("throughput-against-sessions", std::move(plot));
  return absl::OkStatus();
}

}  // namespace latchkey::bench
