// Checks while all sessions expire, one after the other, in a minute.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "client/base/status_macros.h"
#include "tools/bench/credential_set.h"
#include "tools/bench/measure.h"
#include "tools/bench/parts.h"
#include "tools/bench/validate_workload.h"

namespace latchkey::bench {
namespace {

constexpr char kSection[] = "expiry";
constexpr uint64_t kSessions = 1'000'000;
constexpr uint64_t kQuickSessions = 30'000;
constexpr double kLoad = 0.3;
// The clock is read by the server somewhere between question and answer.
constexpr absl::Duration kTolerance = absl::Milliseconds(5);
// Seeding, starting and warming may go as slowly as this; if they are slower,
// it is tried again with more time.
constexpr double kSeededPerSecond = 15'000;
constexpr absl::Duration kPreparation = absl::Seconds(10);
constexpr absl::Duration kQuickPreparation = absl::Seconds(4);
constexpr int kTries = 3;
constexpr int kSlower = 4;

double Seconds(absl::Duration duration) {
  return absl::ToDoubleSeconds(duration);
}

void AddRows(const Bench& bench, const Histogram& before,
             const Histogram& during, const ExpiringWorkload& workload) {
  const auto add = [&](const std::string& name, absl::Duration then,
                       absl::Duration now) {
    bench.report.Add(
        {.section = kSection,
         .name = absl::StrCat("Validate ", name, " while expiring / before"),
         .measured = absl::FDivDuration(now, then),
         .unit = "x",
         .higher_is_better = false,
         .note = absl::StrCat(FormatFigure(Seconds(now), "s"), " and ",
                              FormatFigure(Seconds(then), "s"))});
  };
  add("p99", before.Percentile(99), during.Percentile(99));
  add("max", before.Max(), during.Max());
  bench.report.Add(
      {.section = kSection,
       .name = "answers checked, all of them right",
       .measured = static_cast<double>(workload.before() + workload.after()),
       .unit = "",
       .note = absl::StrFormat(
           "%d before the instant, %d after; %d within %d ms of it left out",
           workload.before(), workload.after(), workload.left_out(),
           absl::ToInt64Milliseconds(kTolerance))});
}

uint64_t LiveOf(const BenchOptions& options) {
  return options.SessionsOr(options.quick ? kQuickSessions : kSessions);
}

// The seeding, starting and warming of so many sessions.
absl::Duration PreparationOf(const BenchOptions& options, uint64_t live) {
  return (options.quick ? kQuickPreparation : kPreparation) +
         absl::Seconds(static_cast<double>(live) / kSeededPerSecond);
}

// With sessions that begin to expire when `preparation`, and as long as they
// then take to expire, has passed.
//   kOutOfRange  preparing took longer
absl::Status MeasureExpiry(const Bench& bench, absl::Duration preparation) {
  const BenchOptions& options = bench.options;
  Stage::Setup setup;
  setup.population.live = LiveOf(options);
  setup.population.expire_over = options.expire_over;
  const absl::Duration calm = options.expire_over;
  setup.population.expire_begin = bench.clock.Now() + preparation + calm;
  const absl::Time begin = setup.population.expire_begin;
  LATCHKEY_ASSIGN_OR_RETURN(const std::unique_ptr<Stage> stage,
                            Stage::SeedAndStart(bench, std::move(setup)));
  const Population& population = stage->population();

  CredentialSet set;
  std::vector<absl::Time> expire_times;
  const uint64_t live = population.options().live;
  const uint64_t size = std::min(options.sample, live);
  for (uint64_t k = 0; k < size; ++k) {
    uint64_t i = k * live / size;
    if (population.IsJwt(i)) --i;
    set.Add(population.CredentialOf(i).text.Reveal(),
            Answer{NameOf(population.SessionOf(i).session)}, "expiring");
    expire_times.push_back(population.ExpireTimeOf(i));
  }
  LATCHKEY_ASSIGN_OR_RETURN(const std::unique_ptr<LoadClient> load,
                            stage->Connect());
  ExpiringWorkload workload(set, expire_times, kTolerance,
                            Uniform(set.size(), options.seed), bench.clock);
  LATCHKEY_RETURN_IF_ERROR(WarmUp(*load, workload, set.size()));
  LATCHKEY_ASSIGN_OR_RETURN(
      const Measured saturated,
      MeasureClosed(*load, stage->server().pid(), workload,
                    std::max(options.block, absl::Seconds(1))));
  const double rate = kLoad * saturated.PerSecond();
  if (bench.clock.Now() + calm > begin) {
    return absl::OutOfRangeError(
        "seeding took longer than was thought, and the sessions expire "
        "already; ask for fewer --sessions");
  }
  LATCHKEY_RETURN_IF_ERROR(PauseUntil(begin - calm));
  bench.progress.Step("expiry: checks before");
  LATCHKEY_ASSIGN_OR_RETURN(const LoadResult before,
                            load->RunOpen(workload, rate, calm, options.seed));
  LATCHKEY_RETURN_IF_ERROR(CheckAnswers(before));
  bench.progress.Step(absl::StrCat("expiry: ", live, " sessions expire"));
  LATCHKEY_ASSIGN_OR_RETURN(
      const LoadResult during,
      load->RunOpen(workload, rate, options.expire_over, options.seed + 1));
  LATCHKEY_RETURN_IF_ERROR(CheckAnswers(during));
  AddRows(bench, before.latency, during.latency, workload);
  return absl::OkStatus();
}

}  // namespace

absl::Status RunExpiry(const Bench& bench) {
  absl::Duration preparation =
      PreparationOf(bench.options, LiveOf(bench.options));
  absl::Status status;
  for (int i = 0; i < kTries; ++i) {
    status = MeasureExpiry(bench, preparation);
    if (!absl::IsOutOfRange(status)) break;
    preparation *= kSlower;
  }
  return status;
}

}  // namespace latchkey::bench
