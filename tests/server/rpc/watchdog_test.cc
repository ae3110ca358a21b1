#include "server/rpc/watchdog.h"

#include <memory>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/fake_clock.h"
#include "tests/support/notification.h"

namespace latchkey {
namespace {

const absl::Status kAnswered;
const absl::Status kSilent = absl::UnavailableError("silent");
const absl::Status kUnasked = absl::ResourceExhaustedError("no descriptors");

TEST(FailureRun, SixInARowAreEnoughAndFiveAreNot) {
  FailureRun run(6);
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(run.Note(kSilent)) << i;
  EXPECT_TRUE(run.Note(kSilent));
}

TEST(FailureRun, OneAnswerBeginsItAnew) {
  FailureRun run(6);
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(run.Note(kSilent));
  EXPECT_FALSE(run.Note(kAnswered));
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(run.Note(kSilent));
  EXPECT_TRUE(run.Note(kSilent));
}

TEST(FailureRun, WhatCouldNotBeAskedIsNeither) {
  FailureRun run(2);
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(run.Note(kUnasked));
  EXPECT_FALSE(run.Note(kSilent));
  EXPECT_FALSE(run.Note(kUnasked));
  EXPECT_TRUE(run.Note(kSilent));
}

class WatchdogTest : public ::testing::Test {
 protected:
  std::unique_ptr<Watchdog> Make(Watchdog::Options options) {
    return std::make_unique<Watchdog>(
        options,
        std::vector<Watchdog::Probe>{{"health", [this] { return health_; }},
                                     {"connect", [this] { return connect_; }}},
        [this] { ++ended_; }, *log_);
  }

  FakeClock clock_;
  std::unique_ptr<Log> log_ =
      *Log::ToFile("/dev/null", LogLevel::kDebug, clock_);
  absl::Status health_;
  absl::Status connect_;
  int ended_ = 0;
};

TEST_F(WatchdogTest, EndsTheProcessOnceAfterSixRoundsWithoutAnswer) {
  const auto dog = Make({});
  health_ = kSilent;
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(dog->Round());
  EXPECT_EQ(ended_, 0);
  EXPECT_FALSE(dog->Round());
  EXPECT_EQ(ended_, 1);
}

TEST_F(WatchdogTest, EachProbeAloneIsEnough) {
  const auto dog = Make({.failures = 1});
  connect_ = kSilent;
  EXPECT_FALSE(dog->Round());
  EXPECT_EQ(ended_, 1);
}

TEST_F(WatchdogTest, AFailureCountsBesideWhatCouldNotBeAsked) {
  const auto dog = Make({.failures = 1});
  health_ = kUnasked;
  EXPECT_TRUE(dog->Round());
  connect_ = kSilent;
  EXPECT_FALSE(dog->Round());
}

TEST_F(WatchdogTest, NothingEndsWhileDraining) {
  const auto dog = Make({.failures = 1});
  health_ = kSilent;
  dog->Dismiss();
  EXPECT_FALSE(dog->Round());
  EXPECT_EQ(ended_, 0);
}

TEST_F(WatchdogTest, ARoundThatDrainingOvertookEndsNothing) {
  Watchdog* asked = nullptr;
  Watchdog dog(
      {.failures = 1},
      {{"health",
        [&asked] {
          asked->Dismiss();
          return kSilent;
        }}},
      [this] { ++ended_; }, *log_);
  asked = &dog;
  EXPECT_FALSE(dog.Round());
  EXPECT_EQ(ended_, 0);
}

TEST_F(WatchdogTest, ItsThreadAsksAgainAndAgain) {
  Notification ended;
  int asked = 0;
  Watchdog dog(
      {.interval = absl::Microseconds(1), .failures = 3},
      {{"health",
        [&asked] {
          ++asked;
          return kSilent;
        }}},
      [&ended] { ended.Notify(); }, *log_);
  dog.Start();
  ended.Wait();
  dog.Stop();
  EXPECT_EQ(asked, 3);
}

TEST_F(WatchdogTest, StopDoesNotWaitForTheNextRound) {
  const auto dog = Make({.interval = absl::Hours(24)});
  dog->Start();
  dog->Stop();
  dog->Stop();
}

}  // namespace
}  // namespace latchkey
