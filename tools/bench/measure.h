#ifndef LATCHKEY_TOOLS_BENCH_MEASURE_H_
#define LATCHKEY_TOOLS_BENCH_MEASURE_H_

#include <cstdint>
#include <sys/types.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "tools/bench/load.h"
#include "tools/bench/stage.h"
#include "tools/bench/stats.h"

namespace latchkey::bench {

// CheckAnswers turns what a run must not have seen into a status.
//   kAborted      a wrong answer; the message says which
//   kUnavailable  calls without an answer
[[nodiscard]] absl::Status CheckAnswers(const LoadResult& result);

// Measured is a stretch of closed loop, with what the server used in it.
struct Measured {
  uint64_t calls = 0;
  absl::Duration elapsed;
  absl::Duration server_cpu;
  LoadResult last;  // of the last stretch, if there were several

  double PerSecond() const;
  absl::Duration CpuPerCall() const;
  void Add(const Measured& other);
};

// MeasureClosed keeps the server busy for `duration`, or `max_calls`. Errors
// of the load client and of CheckAnswers.
absl::StatusOr<Measured> MeasureClosed(LoadClient& load, pid_t server,
                                       Workload& workload,
                                       absl::Duration duration,
                                       uint64_t max_calls = UINT64_MAX);

// Compared is X against a base, measured in quads: base, X, X, base. A quad
// has one ratio each of throughput and of CPU per call, in which whatever
// drifts evenly cancels out.
struct Compared {
  Spread throughput_ratio;  // X's per base's
  Spread cpu_ratio;
  Measured base;
  Measured x;
};

struct CompareSetup {
  absl::Duration block;
  int quads = 1;
  // Of X, in each block: for what may be asked only once.
  uint64_t max_calls = UINT64_MAX;
};

// Side is one of what is compared: what is asked, and of whom. Two sides may be
// of the same server.
struct Side {
  LoadClient& load;
  pid_t server = 0;
  Workload& workload;
};

absl::StatusOr<Compared> Compare(const Bench& bench, const Side& base,
                                 const Side& x, const CompareSetup& setup);

// SetupOf returns the blocks and quads that were asked for.
CompareSetup SetupOf(const BenchOptions& options);

// WarmUp goes through a set of `size` once.
[[nodiscard]] absl::Status WarmUp(LoadClient& load, Workload& workload,
                                  uint64_t size);

}  // namespace latchkey::bench

#endif  // LATCHKEY_TOOLS_BENCH_MEASURE_H_
