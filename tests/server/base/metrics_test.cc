#include "server/base/metrics.h"

#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace latchkey {
namespace {

TEST(Counter, StartsAtZeroAndAddsUp) {
  Counter counter;
  EXPECT_EQ(counter.Value(), 0u);
  counter.Add();
  counter.Add(41);
  EXPECT_EQ(counter.Value(), 42u);
}

// More threads than stripes: some share one.
constexpr int kThreads = 2 * static_cast<int>(kMetricStripes) + 1;
constexpr int kAdds = 10000;

TEST(Counter, LosesNothingOfManyThreads) {
  Counter counter;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < kAdds; ++j) counter.Add();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter.Value(), uint64_t{kThreads} * kAdds);
}

TEST(DurationHistogram, LosesNothingOfManyThreadsWhileItIsRead) {
  DurationHistogram histogram;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < kAdds; ++j) histogram.Add(absl::Microseconds(3));
    });
  }
  uint64_t before = 0;
  while (before < uint64_t{kThreads} * kAdds) {
    const DurationHistogram::Snapshot seen = histogram.Read();
    ASSERT_GE(seen.total, before);
    ASSERT_EQ(seen.total, seen.counts[2]);
    before = seen.total;
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(histogram.Read().sum_nanos, uint64_t{kThreads} * kAdds * 3000);
}

TEST(DurationHistogram, KeepsCountAndSum) {
  DurationHistogram histogram;
  histogram.Add(absl::Nanoseconds(1500));
  histogram.Add(absl::Milliseconds(2));
  const DurationHistogram::Snapshot snapshot = histogram.Read();
  EXPECT_EQ(snapshot.total, 2u);
  EXPECT_EQ(snapshot.sum_nanos, 2'001'500u);
  EXPECT_EQ(snapshot.counts[1], 1u);
  EXPECT_EQ(snapshot.counts[11], 1u);
}

TEST(DurationHistogram, CountsANegativeDurationAsZero) {
  DurationHistogram histogram;
  histogram.Add(absl::Seconds(-1));
  const DurationHistogram::Snapshot snapshot = histogram.Read();
  EXPECT_EQ(snapshot.counts[0], 1u);
  EXPECT_EQ(snapshot.sum_nanos, 0u);
}

// A bound and its surroundings: `le` is "less or equal".
class Bound : public testing::TestWithParam<size_t> {};

TEST_P(Bound, BelongsToItsOwnBucket) {
  const size_t bucket = GetParam();
  const uint64_t nanos = (uint64_t{1} << bucket) * 1000;
  EXPECT_EQ(DurationHistogram::BucketOf(nanos - 1), bucket);
  EXPECT_EQ(DurationHistogram::BucketOf(nanos), bucket);
  EXPECT_EQ(DurationHistogram::BucketOf(nanos + 1), bucket + 1);
}

INSTANTIATE_TEST_SUITE_P(All, Bound,
                         testing::Range(size_t{0}, DurationHistogram::kBounds),
                         [](const auto& test) {
                           return std::to_string(test.param);
                         });

TEST(DurationHistogram, HasABucketForTheLeastAndTheMost) {
  EXPECT_EQ(DurationHistogram::BucketOf(0), 0u);
  EXPECT_EQ(DurationHistogram::BucketOf(std::numeric_limits<uint64_t>::max()),
            DurationHistogram::kBounds);
}

}  // namespace
}  // namespace latchkey
