#include "server/account/tally.h"

#include <cstdint>
#include <vector>

#include "gtest/gtest.h"

namespace latchkey {
namespace {

constexpr int64_t kSecond = 1000;
constexpr int64_t kMinute = 60 * kSecond;
// Three minutes forgive one.
constexpr TallyLimit kLimit = {
    .burst = 5, .window_ms = 15 * kMinute, .max_delay_ms = 5 * kMinute};
constexpr int64_t kNow = 100 * kMinute;

// A try that fails at once.
void FailAt(int64_t now, Tally* tally, double cost = 1) {
  tally->Begin();
  tally->Fail(now, kLimit, cost);
}

Tally After(int failures) {
  Tally tally;
  for (int i = 0; i < failures; ++i) FailAt(kNow, &tally);
  return tally;
}

struct WaitRow {
  const char* name;
  int failures;
  int64_t wait_ms;
};

class TallyWaits : public testing::TestWithParam<WaitRow> {};

TEST_P(TallyWaits, AreAsLongAsTheFailuresMakeThem) {
  EXPECT_EQ(After(GetParam().failures).WaitMs(kNow, kLimit, 1),
            GetParam().wait_ms);
}

INSTANTIATE_TEST_SUITE_P(
    Tally, TallyWaits,
    testing::Values(WaitRow{"None", 0, 0}, WaitRow{"BelowTheBurst", 4, 0},
                    WaitRow{"AtTheBurst", 5, kSecond},
                    WaitRow{"AboveTheBurst", 6, 2 * kSecond},
                    WaitRow{"Further", 7, 4 * kSecond},
                    WaitRow{"BelowTheLongest", 13, 256 * kSecond},
                    WaitRow{"TheLongest", 14, 5 * kMinute},
                    WaitRow{"FarBeyond", 5000, 5 * kMinute}),
    [](const auto& row) { return row.param.name; });

TEST(Tally, LetsInWhenTheWaitIsOverAndNotBefore) {
  const Tally tally = After(6);
  EXPECT_EQ(tally.WaitMs(kNow + 2 * kSecond - 1, kLimit, 1), 1);
  EXPECT_EQ(tally.WaitMs(kNow + 2 * kSecond, kLimit, 1), 0);
  EXPECT_EQ(tally.WaitMs(kNow + 2 * kSecond + 1, kLimit, 1), 0);
}

TEST(Tally, ForgivesOneByOne) {
  const Tally tally = After(5);
  EXPECT_FALSE(tally.Fits(kNow + 3 * kMinute - 1, kLimit, 1));
  EXPECT_TRUE(tally.Fits(kNow + 3 * kMinute, kLimit, 1));
  EXPECT_DOUBLE_EQ(tally.ScoreAt(kNow + 6 * kMinute, kLimit), 3);
  EXPECT_GT(tally.ScoreAt(kNow + 15 * kMinute - 1, kLimit), 0);
  EXPECT_EQ(tally.ScoreAt(kNow + 15 * kMinute, kLimit), 0);
  EXPECT_EQ(tally.ScoreAt(kNow + 1000 * kMinute, kLimit), 0);
}

TEST(Tally, InTheLongRunABurstAWindow) {
  Tally tally;
  int failures = 0;
  const int64_t day = 24 * 60 * kMinute;
  for (int64_t now = 0; now < day; now += kSecond) {
    if (tally.WaitMs(now, kLimit, 1) > 0) continue;
    FailAt(now, &tally);
    ++failures;
  }
  // The burst, the doubling waits, and one in three minutes.
  EXPECT_LE(failures, 5 + 9 + 24 * 20);
  EXPECT_GE(failures, 24 * 12);  // never later than the longest wait
}

TEST(Tally, CountsWhatIsUnderWayAsFailed) {
  Tally tally = After(2);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(tally.WaitMs(kNow, kLimit, 1), 0) << i;
    tally.Begin();
  }
  EXPECT_EQ(tally.WaitMs(kNow, kLimit, 1), Tally::kSoonMs);
  tally.GiveBack();
  EXPECT_EQ(tally.WaitMs(kNow, kLimit, 1), 0);
}

TEST(Tally, AboveTheBurstLetsInOneAtATime) {
  Tally tally = After(7);
  const int64_t later = kNow + kMinute;
  ASSERT_EQ(tally.WaitMs(later, kLimit, 1), 0);
  tally.Begin();
  EXPECT_EQ(tally.WaitMs(later, kLimit, 1), Tally::kSoonMs);
  tally.GiveBack();
  EXPECT_EQ(tally.WaitMs(later, kLimit, 1), 0);
}

TEST(Tally, AfterSuccessesInARowAsManyMoreMayBeUnderWay) {
  Tally tally;
  for (int i = 0; i < 7; ++i) {
    tally.Begin();
    tally.Succeed(kNow);
  }
  int let_in = 0;
  while (tally.Fits(kNow, kLimit, 1)) {
    tally.Begin();
    ++let_in;
  }
  EXPECT_EQ(let_in, 5 + 7);
  // The first failure ends that: eleven are under way, and may fail, too.
  tally.Fail(kNow, kLimit, 1);
  for (int i = 0; i < 7; ++i) tally.GiveBack();
  EXPECT_EQ(tally.under_way, 4u);
  EXPECT_FALSE(tally.Fits(kNow, kLimit, 1));
}

TEST(Tally, SuccessesDoNotExcuseFailures) {
  Tally tally = After(5);
  for (int i = 0; i < 100; ++i) {
    tally.Begin();
    tally.Succeed(kNow);
  }
  EXPECT_EQ(tally.WaitMs(kNow, kLimit, 1), kSecond);
}

TEST(Tally, AFailureMayCostTheWholeBurst) {
  Tally tally;
  EXPECT_EQ(tally.WaitMs(kNow, kLimit, 5), 0);
  FailAt(kNow, &tally, 5);
  EXPECT_EQ(tally.WaitMs(kNow, kLimit, 1), kSecond);
  EXPECT_EQ(tally.WaitMs(kNow, kLimit, 5), 16 * kSecond);
}

TEST(Tally, GrowsToItsMost) {
  TallyLimit limit = kLimit;
  limit.most = 10;
  Tally tally;
  for (int i = 0; i < 100; ++i) {
    tally.Begin();
    tally.Fail(kNow, limit, 1);
  }
  EXPECT_DOUBLE_EQ(tally.ScoreAt(kNow, limit), 10);
  EXPECT_FALSE(tally.Fits(kNow + 15 * kMinute, limit, 1));
  EXPECT_TRUE(tally.Fits(kNow + 18 * kMinute, limit, 1));
}

TEST(Tally, WhatIsCarriedCountsButDoesNotWait) {
  Tally tally;
  tally.Carry(5, kNow, kLimit);
  EXPECT_NEAR(tally.ScoreAt(kNow, kLimit), 5, 1e-3);
  EXPECT_EQ(tally.WaitMs(kNow, kLimit, 1), 0);
  FailAt(kNow, &tally);
  EXPECT_GE(tally.WaitMs(kNow, kLimit, 1), 2 * kSecond);
}

TEST(Tally, AClockReadLateDoesNoHarm) {
  Tally tally = After(6);
  EXPECT_EQ(tally.ScoreAt(kNow - kSecond, kLimit), 6);
  EXPECT_EQ(tally.WaitMs(kNow - kSecond, kLimit, 1), 3 * kSecond);
  FailAt(kNow - kSecond, &tally);
  EXPECT_EQ(tally.failed_ms, kNow);
  tally.GiveBack();  // once too often
  EXPECT_EQ(tally.under_way, 0u);
}

}  // namespace
}  // namespace latchkey
