#include "client/base/clock.h"

#include "gtest/gtest.h"

#include "tests/support/fake_clock.h"

namespace latchkey {
namespace {

TEST(SystemClock, NowIsWholeMicroseconds) {
  const absl::Time now = SystemClock().Now();
  EXPECT_EQ(now, absl::FromUnixMicros(absl::ToUnixMicros(now)));
}

TEST(ForwardClock, FollowsTheWallClockForward) {
  FakeClock base;
  const ForwardClock clock(base);
  base.Advance(absl::Seconds(5));
  EXPECT_EQ(clock.Now(), base.Now());
  EXPECT_EQ(clock.HeldFor(), absl::ZeroDuration());
}

TEST(ForwardClock, StandsStillAfterAStepBackUntilTheWallClockCaughtUp) {
  FakeClock base;
  const ForwardClock clock(base);
  const absl::Time start = clock.Now();
  base.SetNow(start - absl::Hours(1));
  EXPECT_EQ(clock.Now(), start);
  EXPECT_EQ(clock.HeldFor(), absl::Hours(1));

  base.Advance(absl::Minutes(59));
  EXPECT_EQ(clock.Now(), start);
  base.Advance(absl::Minutes(2));
  EXPECT_EQ(clock.Now(), start + absl::Minutes(1));
  EXPECT_EQ(clock.HeldFor(), absl::ZeroDuration());
}

TEST(ForwardClock, BootTimeRunsOnDuringAStepBack) {
  FakeClock base;
  const ForwardClock clock(base);
  const absl::Duration before = clock.SinceBoot();
  base.SetNow(base.Now() - absl::Hours(1));
  base.Advance(absl::Seconds(3));
  EXPECT_EQ(clock.SinceBoot() - before, absl::Seconds(3));
}

}  // namespace
}  // namespace latchkey
