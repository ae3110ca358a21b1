#include "tools/bench/histogram.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <vector>

#include "tools/bench/draw.h"

namespace latchkey::bench {
namespace {

double RelativeError(absl::Duration found, int64_t nanos) {
  return std::abs(absl::FDivDuration(found, absl::Nanoseconds(nanos)) - 1);
}

// Returns what the histogram makes of `nanos`, kept from its exact extremes by
// a smaller and a larger value.
absl::Duration BucketValue(int64_t nanos) {
  Histogram histogram;
  histogram.AddNanos(0);
  histogram.AddNanos(nanos);
  histogram.AddNanos(nanos);
  histogram.Add(absl::Hours(1));
  return histogram.Percentile(50);
}

TEST(Histogram, OfNothingIsZero) {
  const Histogram histogram;
  EXPECT_EQ(histogram.Count(), 0);
  EXPECT_EQ(histogram.Mean(), absl::ZeroDuration());
  EXPECT_EQ(histogram.Percentile(50), absl::ZeroDuration());
  EXPECT_EQ(histogram.Percentile(100), absl::ZeroDuration());
}

TEST(Histogram, OfOneValueIsThatValue) {
  Histogram histogram;
  histogram.Add(absl::Microseconds(123));
  for (const double percent : {0.0, 50.0, 99.9, 100.0}) {
    EXPECT_EQ(histogram.Percentile(percent), absl::Microseconds(123));
  }
  EXPECT_EQ(histogram.Min(), absl::Microseconds(123));
  EXPECT_EQ(histogram.Max(), absl::Microseconds(123));
  EXPECT_EQ(histogram.Mean(), absl::Microseconds(123));
}

TEST(Histogram, SmallValuesAreExact) {
  for (int64_t nanos = 0; nanos < 256; ++nanos) {
    EXPECT_EQ(BucketValue(nanos), absl::Nanoseconds(nanos));
  }
}

TEST(Histogram, IsWithinOnePercentFromAMicrosecondToAHundredSeconds) {
  for (double value = 1e3; value < 1e11; value *= 1.013) {
    const auto nanos = static_cast<int64_t>(value);
    EXPECT_LE(RelativeError(BucketValue(nanos), nanos), 0.01) << nanos;
  }
}

TEST(Histogram, IsWithinOnePercentAroundEachPowerOfTwo) {
  for (int bit = 10; bit < 37; ++bit) {
    for (const int64_t step : {-1, 0, 1}) {
      const int64_t nanos = (int64_t{1} << bit) + step;
      if (nanos > 100'000'000'000) continue;
      EXPECT_LE(RelativeError(BucketValue(nanos), nanos), 0.01) << nanos;
    }
  }
}

TEST(Histogram, AHundredSecondsIsTheLastBucket) {
  const int64_t limit = 100'000'000'000;
  EXPECT_LE(RelativeError(BucketValue(limit), limit), 0.01);
  EXPECT_LE(RelativeError(BucketValue(3 * limit), limit), 0.01);
}

TEST(Histogram, BeyondTheLastBucketMaxStaysExact) {
  Histogram histogram;
  histogram.Add(absl::Hours(2));
  EXPECT_EQ(histogram.Max(), absl::Hours(2));
  EXPECT_EQ(histogram.Percentile(100), absl::Hours(2));
}

TEST(Histogram, CountsANegativeDurationAsZero) {
  Histogram histogram;
  histogram.Add(-absl::Seconds(1));
  EXPECT_EQ(histogram.Max(), absl::ZeroDuration());
}

TEST(Histogram, PercentilesCountFromTheSmallest) {
  Histogram histogram;
  for (int i = 100; i >= 1; --i) histogram.AddNanos(i);
  EXPECT_EQ(histogram.Percentile(0), absl::Nanoseconds(1));
  EXPECT_EQ(histogram.Percentile(1), absl::Nanoseconds(1));
  EXPECT_EQ(histogram.Percentile(1.5), absl::Nanoseconds(2));
  EXPECT_EQ(histogram.Percentile(29), absl::Nanoseconds(29));
  EXPECT_EQ(histogram.Percentile(50), absl::Nanoseconds(50));
  EXPECT_EQ(histogram.Percentile(99), absl::Nanoseconds(99));
  EXPECT_EQ(histogram.Percentile(99.9), absl::Nanoseconds(100));
}

TEST(Histogram, AgreesWithSortedValues) {
  Draw draw(1);
  Histogram histogram;
  std::vector<int64_t> values;
  for (int i = 0; i < 20000; ++i) {
    values.push_back(static_cast<int64_t>(draw.Gap(300'000)) + 1000);
    histogram.AddNanos(values.back());
  }
  std::sort(values.begin(), values.end());
  for (const double percent : {1.0, 25.0, 50.0, 90.0, 99.0, 99.9}) {
    const auto rank = static_cast<size_t>(std::ceil(percent / 100 * 20000)) - 1;
    EXPECT_LE(RelativeError(histogram.Percentile(percent), values[rank]), 0.01)
        << percent;
  }
}

TEST(Histogram, MergeIsAddingEverything) {
  Draw draw(2);
  Histogram whole;
  Histogram odd;
  Histogram even;
  for (int i = 0; i < 1000; ++i) {
    const auto nanos = static_cast<int64_t>(draw.Gap(1e6));
    whole.AddNanos(nanos);
    (i % 2 == 0 ? even : odd).AddNanos(nanos);
  }
  Histogram merged;
  merged.Merge(odd);
  merged.Merge(Histogram());
  merged.Merge(even);
  EXPECT_EQ(merged.Count(), whole.Count());
  EXPECT_EQ(merged.Min(), whole.Min());
  EXPECT_EQ(merged.Max(), whole.Max());
  for (int percent = 0; percent <= 100; ++percent) {
    EXPECT_EQ(merged.Percentile(percent), whole.Percentile(percent));
  }
}

}  // namespace
}  // namespace latchkey::bench
