#ifndef LATCHKEY_TOOLS_BENCH_HISTOGRAM_H_
#define LATCHKEY_TOOLS_BENCH_HISTOGRAM_H_

#include <cstdint>
#include <vector>

#include "absl/time/time.h"

namespace latchkey::bench {

// Histogram counts durations in buckets whose width grows with the value, so
// that a percentile is within 1 % of the true one from 1 us to 100 s, and
// adding costs an increment. Below 128 ns buckets are exact; above 100 s a
// value counts as 100 s, except in Max and Mean.
//
// For one thread; merge the histograms of several.
class Histogram {
 public:
  Histogram();

  // Add counts `value`; a negative one counts as zero.
  void Add(absl::Duration value) { AddNanos(absl::ToInt64Nanoseconds(value)); }
  void AddNanos(int64_t nanos);

  // Merge adds everything that `other` counted.
  void Merge(const Histogram& other);

  uint64_t Count() const { return count_; }
  // Zero while nothing was counted, like the percentiles.
  absl::Duration Mean() const;
  absl::Duration Min() const;
  absl::Duration Max() const;

  // Percentile returns the least bucket's middle that `percent` of all values
  // do not exceed: 50 is the median, 100 the largest value itself.
  // REQUIRES: 0 <= percent <= 100
  absl::Duration Percentile(double percent) const;

 private:
  std::vector<uint64_t> buckets_;
  uint64_t count_ = 0;
  double sum_nanos_ = 0;
  int64_t min_nanos_ = 0;
  int64_t max_nanos_ = 0;
};

}  // namespace latchkey::bench

#endif  // LATCHKEY_TOOLS_BENCH_HISTOGRAM_H_
