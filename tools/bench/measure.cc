#include "tools/bench/measure.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "client/base/status_macros.h"
#include "tools/bench/process_stats.h"

namespace latchkey::bench {
namespace {

// Ends what would never end: max_calls are what counts then.
constexpr absl::Duration kLong = absl::Minutes(10);

double Ratio(double a, double b) { return b > 0 ? a / b : 0; }

}  // namespace

absl::Status CheckAnswers(const LoadResult& result) {
  if (result.wrong > 0) {
    return absl::AbortedError(absl::StrCat("wrong answer (", result.wrong,
                                           " of ", result.calls,
                                           "): ", result.first_wrong));
  }
  if (result.errors > 0) {
    return absl::UnavailableError(
        absl::StrCat(result.errors, " of ", result.calls,
                     " calls had no answer: ", result.first_error));
  }
  return absl::OkStatus();
}

double Measured::PerSecond() const {
  return Ratio(static_cast<double>(calls), absl::ToDoubleSeconds(elapsed));
}

absl::Duration Measured::CpuPerCall() const {
  return calls == 0 ? absl::ZeroDuration()
                    : server_cpu / static_cast<double>(calls);
}

void Measured::Add(const Measured& other) {
  calls += other.calls;
  elapsed += other.elapsed;
  server_cpu += other.server_cpu;
  last = other.last;
}

absl::StatusOr<Measured> MeasureClosed(LoadClient& load, pid_t server,
                                       Workload& workload,
                                       absl::Duration duration,
                                       uint64_t max_calls) {
  LATCHKEY_ASSIGN_OR_RETURN(const absl::Duration before, CpuTime(server));
  LATCHKEY_ASSIGN_OR_RETURN(LoadResult result,
                            load.RunClosed(workload, duration, max_calls));
  LATCHKEY_ASSIGN_OR_RETURN(const absl::Duration after, CpuTime(server));
  LATCHKEY_RETURN_IF_ERROR(CheckAnswers(result));
  Measured measured;
  measured.calls = result.calls;
  measured.elapsed = result.elapsed;
  measured.server_cpu = after - before;
  measured.last = std::move(result);
  return measured;
}

absl::StatusOr<Compared> Compare(const Bench& bench, const Side& base,
                                 const Side& x, const CompareSetup& setup) {
  Compared compared;
  std::vector<double> throughput, cpu;
  for (int quad = 0; quad < setup.quads; ++quad) {
    bench.progress.Part(quad, setup.quads);
    Measured base_sum, x_sum;
    for (const bool is_x : {false, true, true, false}) {
      const Side& side = is_x ? x : base;
      LATCHKEY_ASSIGN_OR_RETURN(
          const Measured one,
          MeasureClosed(side.load, side.server, side.workload, setup.block,
                        is_x ? setup.max_calls : UINT64_MAX));
      (is_x ? x_sum : base_sum).Add(one);
    }
    throughput.push_back(Ratio(x_sum.PerSecond(), base_sum.PerSecond()));
    cpu.push_back(Ratio(absl::ToDoubleSeconds(x_sum.CpuPerCall()),
                        absl::ToDoubleSeconds(base_sum.CpuPerCall())));
    compared.base.Add(base_sum);
    compared.x.Add(x_sum);
  }
  compared.throughput_ratio = SpreadOf(throughput);
  compared.cpu_ratio = SpreadOf(cpu);
  return compared;
}

CompareSetup SetupOf(const BenchOptions& options) {
  return {.block = options.block, .quads = options.quads};
}

absl::Status WarmUp(LoadClient& load, Workload& workload, uint64_t size) {
  LATCHKEY_ASSIGN_OR_RETURN(const LoadResult result,
                            load.RunClosed(workload, kLong, size));
  return CheckAnswers(result);
}

}  // namespace latchkey::bench
