// What a check costs against an empty call, and its latency under load.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "client/base/status_macros.h"
#include "tools/bench/credential_set.h"
#include "tools/bench/measure.h"
#include "tools/bench/parts.h"
#include "tools/bench/validate_workload.h"

namespace latchkey::bench {
namespace {

constexpr char kSection[] = "validate";
constexpr uint64_t kSessions = 100'000;
constexpr uint64_t kQuickSessions = 20'000;
// Tokens that are asked about once take 1.5 KB each here.
constexpr uint64_t kFreshTokens = 60'000;
constexpr uint64_t kKnownTokens = 10'000;
// The kind whose latency is measured under load.
constexpr char kLoaded[] = "mixed, skewed";
constexpr double kLoads[] = {0.5, 0.7, 0.9};
constexpr double kJudgedLoad = 0.7;

void AddRows(const Bench& bench, const std::string& kind,
             const Compared& compared) {
  const Spread& ratio = compared.throughput_ratio;
  bench.report.Add(
      {.section = kSection,
       .name = absl::StrCat(kind, " / empty RPC, throughput"),
       .measured = ratio.median,
       .unit = "x",
       .spread = ratio,
       .note = absl::StrCat(FormatFigure(compared.x.PerSecond(), "1/s"))});
  bench.report.Add(
      {.section = kSection,
       .name = absl::StrCat(kind, ", server CPU per call"),
       .measured = absl::ToDoubleSeconds(compared.x.CpuPerCall()),
       .unit = "s",
       .higher_is_better = false,
       .note = absl::StrCat(
           "empty RPC ",
           FormatFigure(absl::ToDoubleSeconds(compared.base.CpuPerCall()), "s"),
           "; ratio ", FormatFigure(compared.cpu_ratio.median, "x"))});
}

struct Kind {
  std::string name;
  const CredentialSet& set;
  Order order;
  bool once = false;  // asked about once, never warmed
};

// How many can be done in a second.
struct Saturation {
  double ping = 0;
  double validate = 0;
};

// Compares every kind with Ping; returns what was found with the one called
// kLoaded.
absl::StatusOr<Saturation> CompareKinds(const Bench& bench, const Stage& stage,
                                        LoadClient& load,
                                        std::vector<Kind> kinds) {
  const pid_t pid = stage.server().pid();
  Saturation saturation;
  for (Kind& kind : kinds) {
    bench.progress.Step(absl::StrCat("validate: ", kind.name));
    PingWorkload ping;
    ValidateWorkload workload(kind.set, std::move(kind.order));
    CompareSetup setup = SetupOf(bench.options);
    if (kind.once) {
      setup.max_calls = kind.set.size() / (2 * setup.quads);
    } else {
      LATCHKEY_RETURN_IF_ERROR(WarmUp(load, workload, kind.set.size()));
    }
    LATCHKEY_ASSIGN_OR_RETURN(
        const Compared compared,
        Compare(bench, {load, pid, ping}, {load, pid, workload}, setup));
    AddRows(bench, kind.name, compared);
    if (kind.name == kLoaded) {
      saturation = {compared.base.PerSecond(), compared.x.PerSecond()};
    }
  }
  return saturation;
}

struct Latency {
  Histogram ping;
  Histogram validate;
};

// Each is loaded to `part` of what it can do: at one rate for both, what costs
// more would be compared under more load.
absl::StatusOr<Latency> MeasureLatency(const Bench& bench, LoadClient& load,
                                       Workload& validate, double part,
                                       const Saturation& saturation) {
  PingWorkload ping;
  Latency latency;
  uint64_t seed = bench.options.seed;
  for (const bool is_validate : {false, true, true, false}) {
    LATCHKEY_ASSIGN_OR_RETURN(
        const LoadResult result,
        load.RunOpen(
            is_validate ? validate : static_cast<Workload&>(ping),
            part * (is_validate ? saturation.validate : saturation.ping),
            bench.options.open / 2, ++seed));
    LATCHKEY_RETURN_IF_ERROR(CheckAnswers(result));
    (is_validate ? latency.validate : latency.ping).Merge(result.latency);
  }
  return latency;
}

double Seconds(absl::Duration duration) {
  return absl::ToDoubleSeconds(duration);
}

void AddLatencyRows(const Bench& bench, double part, const Latency& latency) {
  const absl::Duration p99 = latency.validate.Percentile(99);
  const absl::Duration ping_p99 = latency.ping.Percentile(99);
  const int percent = static_cast<int>(part * 100);
  bench.report.Add(
      {.section = kSection,
       .name = absl::StrCat("p99 at ", percent, " % load"),
       .measured = Seconds(p99),
       .unit = "s",
       .higher_is_better = false,
       .note = absl::StrCat(
           "empty RPC ", FormatFigure(Seconds(ping_p99), "s"), "; p50 ",
           FormatFigure(Seconds(latency.validate.Percentile(50)), "s"), " and ",
           FormatFigure(Seconds(latency.ping.Percentile(50)), "s"))});
  if (part != kJudgedLoad) return;
  bench.report.Add(
      {.section = kSection,
       .name = absl::StrCat("p99 / empty RPC's, at ", percent, " % load"),
       .measured = Seconds(p99) / Seconds(ping_p99),
       .unit = "x",
       .at_least = 1.2,
       .aim = 1.05,
       .higher_is_better = false});
}

absl::Status MeasureLatencies(const Bench& bench, LoadClient& load,
                              Workload& validate,
                              const Saturation& saturation) {
  SvgPlot plot = {.title = "Latency against load",
                  .x = {"of what each can do", AxisUnit::kPercent},
                  .y = {"latency", AxisUnit::kSeconds, true},
                  .series = {{"Validate p50"},
                             {"Validate p99"},
                             {"empty RPC p50"},
                             {"empty RPC p99"}}};
  for (const double part : kLoads) {
    bench.progress.Step(absl::StrCat("validate: latency at ",
                                     static_cast<int>(part * 100), " % load"));
    auto latency = MeasureLatency(bench, load, validate, part, saturation);
    // Saturation was measured a while ago; the machine may be busier now.
    if (absl::IsResourceExhausted(latency.status())) break;
    LATCHKEY_RETURN_IF_ERROR(latency.status());
    AddLatencyRows(bench, part, *latency);
    const Histogram* const of[] = {&latency->validate, &latency->ping};
    for (size_t s = 0; s < plot.series.size(); ++s) {
      plot.series[s].points.push_back(
          {part, Seconds(of[s / 2]->Percentile(s % 2 == 0 ? 50 : 99))});
    }
  }
  bench.report.AddPlot("latency-against-load", std::move(plot));
  return absl::OkStatus();
}

}  // namespace

absl::Status RunValidate(const Bench& bench) {
  const BenchOptions& options = bench.options;
  Stage::Setup setup;
  setup.population.live =
      options.SessionsOr(options.quick ? kQuickSessions : kSessions);
  LATCHKEY_ASSIGN_OR_RETURN(const std::unique_ptr<Stage> stage,
                            Stage::SeedAndStart(bench, std::move(setup)));
  const Population& population = stage->population();
  const uint64_t size = std::min(options.sample, population.options().live);
  bench.progress.Step("validate: making credentials");
  CredentialSet opaque, fresh, known, unknown, expired;
  opaque.AddOpaque(population, size);
  const absl::Time now = bench.clock.Now();
  LATCHKEY_RETURN_IF_ERROR(fresh.AddJwts(
      population, stage->mint(), std::min(kFreshTokens, 3 * size), now));
  LATCHKEY_RETURN_IF_ERROR(known.AddJwts(population, stage->mint(),
                                         std::min(kKnownTokens, size), now));
  unknown.AddUnknown(population, size);
  expired.AddExpired(population, size);
  LATCHKEY_ASSIGN_OR_RETURN(const CredentialSet mixed,
                            MixedSet(population, stage->mint(), size, now));

  LATCHKEY_ASSIGN_OR_RETURN(const std::unique_ptr<LoadClient> load,
                            stage->Connect());
  const uint64_t seed = options.seed;
  LATCHKEY_ASSIGN_OR_RETURN(
      const Saturation saturation,
      CompareKinds(
          bench, *stage, *load,
          {{"opaque, uniform", opaque, Uniform(opaque.size(), seed)},
           {"opaque, skewed", opaque, Skewed(opaque.size(), seed)},
           {kLoaded, mixed, Skewed(mixed.size(), seed)},
           {"JWT first seen", fresh, InTurn(fresh.size()), /*once=*/true},
           {"JWT seen before", known, Uniform(known.size(), seed)},
           {"unknown", unknown, Uniform(unknown.size(), seed)},
           {"expired", expired, Uniform(expired.size(), seed)}}));
  ValidateWorkload validate(mixed, Skewed(mixed.size(), seed + 1));
  return MeasureLatencies(bench, *load, validate, saturation);
}

}  // namespace latchkey::bench
