// Memory while sessions come and go and their number stays the same.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "client/base/status_macros.h"
#include "tools/bench/credential_set.h"
#include "tools/bench/login_workload.h"
#include "tools/bench/measure.h"
#include "tools/bench/parts.h"
#include "tools/bench/process_stats.h"
#include "tools/bench/validate_workload.h"

namespace latchkey::bench {
namespace {

constexpr char kSection[] = "churn";
constexpr uint64_t kSessions = 1'000'000;
constexpr uint64_t kQuickSessions = 50'000;
// Of what was measured to be possible. Logins are a service's, without a hash:
// so many that what fills up and is written out does so many times.
constexpr double kLoginLoad = 0.1;
constexpr double kValidateLoad = 0.2;
// Checks of those who come and go, besides those of the others.
constexpr double kVisitorLoad = 0.02;
// So small that what is kept for its use, the block cache above all, is full
// before the first sample: then what grows is growth, not a cache that fills.
// The sessions still fit.
constexpr char kMemoryBudget[] = "--memory_budget=384MiB";
// The load goes on for this share of the time before the first sample; for
// longer, if there is less of it, until as much has come and gone.
constexpr double kSettleShare = 1.0 / 6;
constexpr absl::Duration kSampleEvery = absl::Seconds(10);
constexpr double kMostGrowth = 0.03;

struct Rates {
  double validate = 0;
  double login = 0;
};

absl::StatusOr<Rates> MeasureCapacity(const Bench& bench, const Stage& stage,
                                      LoadClient& load, Workload& validate,
                                      ArrivingWorkload& logins) {
  const absl::Duration block = std::max(bench.options.block, absl::Seconds(1));
  const pid_t pid = stage.server().pid();
  LATCHKEY_ASSIGN_OR_RETURN(const Measured checks,
                            MeasureClosed(load, pid, validate, block));
  LATCHKEY_ASSIGN_OR_RETURN(const std::unique_ptr<LoadClient> narrow,
                            stage.Connect(2, 8));
  LATCHKEY_ASSIGN_OR_RETURN(const Measured arrivals,
                            MeasureClosed(*narrow, pid, logins, block));
  return Rates{.validate = checks.PerSecond(), .login = arrivals.PerSecond()};
}

double MeanOf(const std::vector<double>& values, size_t begin, size_t end) {
  double sum = 0;
  for (size_t i = begin; i < end; ++i) sum += values[i];
  return sum / static_cast<double>(end - begin);
}

void AddRows(const Bench& bench, const std::vector<double>& resident,
             absl::Duration every, const LoginWorkload& logins) {
  // First and last tenth, a sample each at least.
  const size_t tenth = std::max<size_t>(1, resident.size() / 10);
  const double first = MeanOf(resident, 0, tenth);
  const double last =
      MeanOf(resident, resident.size() - tenth, resident.size());
  bench.report.Add(
      {.section = kSection,
       .name = "resident memory, growth from first to last tenth",
       .measured = last / first - 1,
       .unit = "%",
       .at_least = kMostGrowth,
       .higher_is_better = false,
       .note = absl::StrFormat(
           "%s to %s in %s; %d sessions came and went",
           FormatFigure(first, "B"), FormatFigure(last, "B"),
           absl::FormatDuration(every * static_cast<int>(resident.size())),
           logins.granted())});
  SvgPlot plot = {.title = "Memory while sessions come and go",
                  .x = {"time", AxisUnit::kSeconds},
                  .y = {"resident memory", AxisUnit::kBytes},
                  .series = {{"latchkeyd"}}};
  for (size_t i = 0; i < resident.size(); ++i) {
    plot.series[0].points.push_back(
        {absl::ToDoubleSeconds(every) * static_cast<double>(i + 1),
         resident[i]});
  }
  bench.report.AddPlot("churn", std::move(plot));
}

}  // namespace

absl::Status RunChurn(const Bench& bench) {
  const BenchOptions& options = bench.options;
  const LoginAccount account = MakeServiceAccount(bench.clock.Now());
  Stage::Setup setup;
  setup.population.live =
      options.SessionsOr(options.quick ? kQuickSessions : kSessions);
  setup.more_accounts = {account.account};
  setup.server_flags = {kMemoryBudget};
  LATCHKEY_ASSIGN_OR_RETURN(const std::unique_ptr<Stage> stage,
                            Stage::SeedAndStart(bench, std::move(setup)));
  LATCHKEY_ASSIGN_OR_RETURN(
      const CredentialSet set,
      MixedSet(stage->population(), stage->mint(),
               std::min(options.sample, stage->population().options().live),
               bench.clock.Now()));
  LATCHKEY_ASSIGN_OR_RETURN(const std::unique_ptr<LoadClient> load,
                            stage->Connect());
  ValidateWorkload validate(set, Uniform(set.size(), options.seed));
  LATCHKEY_RETURN_IF_ERROR(WarmUp(*load, validate, set.size()));

  Visitors visitors;
  ArrivingWorkload logins(account, visitors);
  LogoutWorkload logouts(visitors);
  VisitorWorkload checks(visitors, options.seed);
  LATCHKEY_ASSIGN_OR_RETURN(
      Rates rates, MeasureCapacity(bench, *stage, *load, validate, logins));
  rates.validate *= options.churn_load;
  rates.login *= options.churn_load;
  bench.progress.Step(absl::StrFormat("churn: %.0f logins and logouts a second",
                                      kLoginLoad * rates.login));
  const absl::Duration total = absl::Minutes(options.minutes);
  const int samples =
      std::max(3, static_cast<int>(absl::FDivDuration(total, kSampleEvery)));
  const absl::Duration every = total / samples;
  const int settling = static_cast<int>(samples * kSettleShare /
                                        std::min(1.0, options.churn_load));
  std::vector<double> resident;
  for (int i = -settling; i < samples; ++i) {
    bench.progress.Part(i + settling, samples + settling);
    LATCHKEY_ASSIGN_OR_RETURN(
        const std::vector<LoadResult> results,
        load->RunOpenMixed({{&validate, kValidateLoad * rates.validate},
                            {&checks, kVisitorLoad * rates.validate},
                            {&logins, kLoginLoad * rates.login},
                            {&logouts, kLoginLoad * rates.login}},
                           every, options.seed + i + settling));
    for (const LoadResult& result : results) {
      LATCHKEY_RETURN_IF_ERROR(CheckAnswers(result));
    }
    if (i < 0) continue;
    LATCHKEY_ASSIGN_OR_RETURN(const ProcessStats stats,
                              ReadProcessStats(stage->server().pid()));
    resident.push_back(static_cast<double>(stats.resident_bytes));
  }
  AddRows(bench, resident, every, logins);
  return absl::OkStatus();
}

}  // namespace latchkey::bench
