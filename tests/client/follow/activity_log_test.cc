#include "client/follow/activity_log.h"

#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace latchkey {
namespace {

constexpr absl::Duration kInterval = absl::Seconds(10);
constexpr absl::Duration kStart = absl::Hours(1);

TEST(ActivityLog, TellsOfAUseOnceWithItsAge) {
  ActivityLog log(10);
  const auto mark = log.Open(SessionId());
  EXPECT_TRUE(log.Take(kStart, kInterval).empty());
  mark->Touch(kStart);
  const auto uses = log.Take(kStart + absl::Seconds(1), kInterval);
  ASSERT_EQ(uses.size(), 1u);
  EXPECT_EQ(uses[0].age, absl::Seconds(1));
  EXPECT_TRUE(log.Take(kStart + kInterval * 5, kInterval).empty());
}

TEST(ActivityLog, TellsOfTheNextUseAnIntervalLater) {
  ActivityLog log(10);
  const auto mark = log.Open(SessionId());
  mark->Touch(kStart);
  EXPECT_EQ(log.Take(kStart, kInterval).size(), 1u);
  mark->Touch(kStart + UseMark::kGrain);
  EXPECT_TRUE(
      log.Take(kStart + kInterval - absl::Nanoseconds(1), kInterval).empty());
  EXPECT_EQ(log.Take(kStart + kInterval, kInterval).size(), 1u);
}

TEST(ActivityLog, ForgetsWhatNobodyCanUseAnyMoreOnceItWasTold) {
  ActivityLog log(1);
  auto mark = log.Open(SessionId());
  EXPECT_EQ(log.Open(SessionId()), nullptr);
  EXPECT_EQ(log.Unreported(), 1u);
  mark->Touch(kStart);
  mark.reset();
  EXPECT_EQ(log.Take(kStart, kInterval).size(), 1u);
  EXPECT_TRUE(log.Take(kStart, kInterval).empty());
  EXPECT_EQ(log.size(), 0u);
  EXPECT_NE(log.Open(SessionId()), nullptr);
}

TEST(ActivityLog, TellsAtMostWhatAMessageHoldsAndTheRestNext) {
  ActivityLog log(kMaxHeartbeatUses + 1);
  std::vector<std::shared_ptr<const UseMark>> marks;
  for (size_t i = 0; i <= kMaxHeartbeatUses; ++i) {
    marks.push_back(log.Open(SessionId()));
    marks.back()->Touch(kStart);
  }
  EXPECT_EQ(log.Take(kStart, kInterval).size(), kMaxHeartbeatUses);
  EXPECT_EQ(log.Take(kStart, kInterval).size(), 1u);
}

}  // namespace
}  // namespace latchkey
