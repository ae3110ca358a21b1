#include "server/account/tally_table.h"

#include <cstdint>

#include "gtest/gtest.h"

namespace latchkey {
namespace {

constexpr int64_t kMinute = 60'000;
constexpr TallyLimit kLimit = {
    .burst = 5, .window_ms = 15 * kMinute, .max_delay_ms = 5 * kMinute};
constexpr int64_t kNow = 100 * kMinute;

void Fail(TallyTable& table, uint64_t key, int times, int64_t now = kNow) {
  for (int i = 0; i < times; ++i) {
    table.Take(key, now).Begin();
    table.Take(key, now).Fail(now, kLimit, 1);
  }
}

double ScoreOf(const TallyTable& table, uint64_t key, int64_t now = kNow) {
  return table.Peek(key, now).ScoreAt(now, kLimit);
}

TEST(TallyTable, KeepsTalliesApart) {
  TallyTable table(16, kLimit);
  Fail(table, 1, 3);
  Fail(table, 2, 1);
  EXPECT_EQ(ScoreOf(table, 1), 3);
  EXPECT_EQ(ScoreOf(table, 2), 1);
  EXPECT_EQ(ScoreOf(table, 3), 0);
}

TEST(TallyTable, PeekAndFindMakeNothing) {
  TallyTable table(8, kLimit);
  EXPECT_EQ(table.Peek(1, kNow).key, 1u);
  EXPECT_EQ(table.Find(1), nullptr);
  Fail(table, 1, 1);
  ASSERT_NE(table.Find(1), nullptr);
  EXPECT_EQ(table.Find(1)->key, 1u);
}

// One set of eight, where the first seven failed as often as their number.
class FullSet : public testing::Test {
 protected:
  FullSet() {
    for (uint64_t key = 1; key <= 8; ++key) {
      Fail(table_, key, static_cast<int>(key) + 1);
    }
  }
  TallyTable table_{8, kLimit};
};

TEST_F(FullSet, TheOneWithTheFewestFailuresGoes) {
  table_.Take(100, kNow);
  EXPECT_EQ(table_.Find(1), nullptr);
  for (uint64_t key = 2; key <= 8; ++key) EXPECT_NE(table_.Find(key), nullptr);
  EXPECT_EQ(table_.evicted(), 1u);
}

TEST_F(FullSet, WhoComesNextHasWhatTheOneThatWentHad) {
  table_.Take(100, kNow);
  EXPECT_EQ(ScoreOf(table_, 100), 0);  // nobody had gone yet
  EXPECT_NEAR(ScoreOf(table_, 101), 2, 0.01);
  // So has the one that went, if it comes back.
  EXPECT_NEAR(ScoreOf(table_, 1), 2, 0.01);
  // Forgiven like any.
  EXPECT_EQ(ScoreOf(table_, 1, kNow + 15 * kMinute), 0);
}

TEST_F(FullSet, NobodyGetsRidOfMoreThanOneTryByBeingPushedOut) {
  // Others push everything out that can be, many times over.
  for (uint64_t key = 1000; key < 3000; ++key) Fail(table_, key, 1);
  for (uint64_t key = 1; key <= 8; ++key) {
    EXPECT_GE(ScoreOf(table_, key), 4.9) << key;
    EXPECT_EQ(table_.Peek(key + 5000, kNow).WaitMs(kNow, kLimit, 1), 0)
        << "a newcomer's first try never waits";
  }
}

TEST_F(FullSet, WhatCountsForNothingGoesFirst) {
  table_.Take(100, kNow);  // in the place of 1
  table_.Take(200, kNow + kMinute);
  EXPECT_EQ(table_.Find(100), nullptr);
  EXPECT_NE(table_.Find(2), nullptr);
}

TEST(TallyTable, KeepsWhatIsUnderWayAndWhoSucceeded) {
  TallyTable table(8, kLimit);
  table.Take(1, kNow).Begin();
  table.Take(2, kNow).Succeed(kNow);
  for (uint64_t key = 100; key < 1000; ++key) table.Take(key, kNow + kMinute);
  EXPECT_NE(table.Find(1), nullptr);
  EXPECT_NE(table.Find(2), nullptr);
  // A failure is worth more than a success long ago, and less than a try.
  for (uint64_t key = 100; key < 200; ++key) Fail(table, key, 1);
  EXPECT_NE(table.Find(1), nullptr);
  EXPECT_EQ(table.Find(2), nullptr);
}

TEST(TallyTable, TakesTheSameMemoryWhateverComes) {
  TallyTable table(1024, kLimit);
  const size_t before = table.bytes();
  for (uint64_t key = 1; key < 100'000; ++key) Fail(table, key * 977, 1);
  EXPECT_EQ(table.bytes(), before);
  EXPECT_EQ(before, 1024 * 40 + 128 * 16);
}

}  // namespace
}  // namespace latchkey
