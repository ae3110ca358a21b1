// The latency of checks while logins come at twice what can be done.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "client/base/status_macros.h"
#include "tools/bench/credential_set.h"
#include "tools/bench/login_workload.h"
#include "tools/bench/measure.h"
#include "tools/bench/parts.h"
#include "tools/bench/validate_workload.h"

namespace latchkey::bench {
namespace {

constexpr char kSection[] = "storm";
constexpr uint64_t kSessions = 20'000;
// Of what Validate can do without logins.
constexpr double kValidateLoad = 0.3;
constexpr double kStorm = 2;
constexpr int kLoginConnections = 2;
constexpr int kLoginStreams = 8;
constexpr absl::Duration kLeastBlock = absl::Seconds(1);
constexpr double kPercentiles[] = {50, 75, 90, 95, 99, 99.5, 99.9, 99.99};

double Seconds(absl::Duration duration) {
  return absl::ToDoubleSeconds(duration);
}

struct Rates {
  double validate = 0;
  double login = 0;
};

absl::StatusOr<Rates> MeasureCapacity(const Bench& bench, const Stage& stage,
                                      Workload& validate, uint64_t set_size,
                                      const LoginAccount& account) {
  bench.progress.Step("storm: what the server can do");
  Rates rates;
  LATCHKEY_ASSIGN_OR_RETURN(std::unique_ptr<LoadClient> load, stage.Connect());
  LATCHKEY_RETURN_IF_ERROR(WarmUp(*load, validate, set_size));
  const absl::Duration block = std::max(bench.options.block, kLeastBlock);
  LATCHKEY_ASSIGN_OR_RETURN(
      const Measured checks,
      MeasureClosed(*load, stage.server().pid(), validate, block));
  rates.validate = checks.PerSecond();
  LATCHKEY_ASSIGN_OR_RETURN(load,
                            stage.Connect(kLoginConnections, kLoginStreams));
  LoginWorkload logins(account);
  LATCHKEY_ASSIGN_OR_RETURN(
      const Measured capacity,
      MeasureClosed(*load, stage.server().pid(), logins, block));
  rates.login = capacity.PerSecond();
  return rates;
}

void AddRows(const Bench& bench, const Histogram& idle, const Histogram& storm,
             const LoginWorkload& logins, const Rates& rates) {
  for (const double percent : {50.0, 99.0}) {
    ReportRow row = {
        .section = kSection,
        .name = absl::StrCat("Validate p", percent, " in a storm / idle"),
        .measured = absl::FDivDuration(storm.Percentile(percent),
                                       idle.Percentile(percent)),
        .unit = "x",
        .higher_is_better = false,
        .note = absl::StrCat(
            FormatFigure(Seconds(storm.Percentile(percent)), "s"), " and ",
            FormatFigure(Seconds(idle.Percentile(percent)), "s"))};
    if (percent == 99) {
      row.at_least = 3;
      row.aim = 1.5;
    }
    bench.report.Add(std::move(row));
  }
  bench.report.Set("storm_logins_granted",
                   static_cast<double>(logins.granted()));
  bench.report.Set("storm_logins_refused",
                   static_cast<double>(logins.refused()));
  bench.report.Set("storm_login_capacity", rates.login);
  SvgPlot plot = {
      .title = "Validate while logins come at twice capacity",
      .x = {"one call in so many is slower", AxisUnit::kCount, true},
      .y = {"latency", AxisUnit::kSeconds, true},
      .series = {{"idle"}, {"storm"}}};
  for (const double percent : kPercentiles) {
    const double one_in = 100 / (100 - percent);
    plot.series[0].points.push_back(
        {one_in, Seconds(idle.Percentile(percent))});
    plot.series[1].points.push_back(
        {one_in, Seconds(storm.Percentile(percent))});
  }
  bench.report.AddPlot("storm", std::move(plot));
}

}  // namespace

absl::Status RunStorm(const Bench& bench) {
  const BenchOptions& options = bench.options;
  LATCHKEY_ASSIGN_OR_RETURN(const LoginAccount account,
                            MakeLoginAccount(HashCost(), bench.clock.Now()));
  Stage::Setup setup;
  setup.population.live = options.SessionsOr(kSessions);
  setup.more_accounts = {account.account};
  LATCHKEY_ASSIGN_OR_RETURN(const std::unique_ptr<Stage> stage,
                            Stage::SeedAndStart(bench, std::move(setup)));
  LATCHKEY_ASSIGN_OR_RETURN(
      const CredentialSet set,
      MixedSet(stage->population(), stage->mint(),
               std::min(options.sample, stage->population().options().live),
               bench.clock.Now()));
  ValidateWorkload validate(set, Skewed(set.size(), options.seed));
  LATCHKEY_ASSIGN_OR_RETURN(
      const Rates rates,
      MeasureCapacity(bench, *stage, validate, set.size(), account));
  LATCHKEY_ASSIGN_OR_RETURN(const std::unique_ptr<LoadClient> load,
                            stage->Connect());
  bench.progress.Step(absl::StrCat("storm: checks while ",
                                   static_cast<int>(kStorm * rates.login),
                                   " logins a second are offered"));
  LoginWorkload logins(account);
  Histogram idle, storm;
  uint64_t seed = options.seed;
  for (const bool storms : {false, true, true, false}) {
    std::vector<LoadStream> streams = {
        {&validate, kValidateLoad * rates.validate}};
    if (storms) streams.push_back({&logins, kStorm * rates.login});
    LATCHKEY_ASSIGN_OR_RETURN(
        const std::vector<LoadResult> results,
        load->RunOpenMixed(streams, options.open, ++seed));
    for (const LoadResult& result : results) {
      LATCHKEY_RETURN_IF_ERROR(CheckAnswers(result));
    }
    (storms ? storm : idle).Merge(results[0].latency);
  }
  AddRows(bench, idle, storm, logins, rates);
  return absl::OkStatus();
}

}  // namespace latchkey::bench
