#include "server/auth/warmer.h"

#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <unistd.h>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/support/fake_clock.h"
#include "tests/support/notification.h"

namespace latchkey {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

SessionKey KeyOf(uint8_t number) {
  SessionKey key;
  key.array()[0] = number;
  return key;
}

// Pages of one session each, a second apart, that a test may stop or fail.
class WarmerTest : public ::testing::Test {
 protected:
  WarmerTest() : log_(*Log::ToFile(log_path_, LogLevel::kInfo, clock_)) {}
  ~WarmerTest() override {
    warmer_.Stop();
    std::remove(log_path_.c_str());
  }

  absl::StatusOr<Warmer::Page> ReadPage(
      const std::optional<SessionKey>& after) {
    asked_.push_back(after);
    if (asked_.size() == fail_at_) return absl::DataLossError("bad block");
    if (asked_.size() == hold_at_) {
      held_.Notify();
      go_on_.Wait();
    }
    clock_.Advance(absl::Seconds(1));
    Warmer::Page page;
    if (asked_.size() < pages_) {
      page.next = KeyOf(static_cast<uint8_t>(asked_.size()));
    }
    page.full = asked_.size() == full_at_;
    return page;
  }
  std::string Logged() const {
    std::ifstream in(log_path_);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }

  size_t pages_ = 3;
  size_t fail_at_ = 0;
  size_t full_at_ = 0;
  size_t hold_at_ = 0;
  Notification held_;
  Notification go_on_;
  std::vector<std::optional<SessionKey>> asked_;

  FakeClock clock_;
  const std::string log_path_ =
      absl::StrCat(::testing::TempDir(), "/warmer_", getpid(), ".log");
  const std::unique_ptr<Log> log_;
  Warmer warmer_{[this](const std::optional<SessionKey>& after, int limit,
                        absl::Time now) {
                   EXPECT_EQ(limit, Warmer::kPageSize);
                   EXPECT_EQ(now, clock_.Now());
                   return ReadPage(after);
                 },
                 [this] { return asked_.size(); }, clock_, *log_};
};

TEST_F(WarmerTest, ReadsPageBehindPageToTheEnd) {
  EXPECT_FALSE(warmer_.warm());
  warmer_.Run();
  EXPECT_THAT(asked_, testing::ElementsAre(std::nullopt, KeyOf(1), KeyOf(2)));
  EXPECT_TRUE(warmer_.warm());
  const std::string logged = Logged();
  EXPECT_THAT(logged, HasSubstr("session cache warm"));
  EXPECT_THAT(logged, HasSubstr("sessions=3"));
  EXPECT_THAT(logged, HasSubstr("took=3s"));
}

TEST_F(WarmerTest, EndsWhenTheCacheIsFull) {
  full_at_ = 2;
  warmer_.Run();
  EXPECT_EQ(asked_.size(), 2u);
  EXPECT_TRUE(warmer_.warm());
}

TEST_F(WarmerTest, GivesUpAtAPageThatFailsAndSaysSoOnce) {
  fail_at_ = 2;
  warmer_.Run();
  EXPECT_EQ(asked_.size(), 2u);
  EXPECT_FALSE(warmer_.warm());
  const std::string logged = Logged();
  EXPECT_THAT(logged, HasSubstr("session cache not warmed"));
  EXPECT_THAT(logged, HasSubstr("bad block"));
  EXPECT_THAT(logged, Not(HasSubstr("session cache warm ")));
}

TEST_F(WarmerTest, StopEndsItBehindThePageItIsAt) {
  hold_at_ = 2;
  pages_ = 1000000;
  warmer_.Start();
  held_.Wait();
  std::thread stopper([this] { warmer_.Stop(); });
  go_on_.Notify();
  stopper.join();
  EXPECT_FALSE(warmer_.warm());
  EXPECT_LT(asked_.size(), pages_);
}

TEST_F(WarmerTest, ThreadEndsByItselfAndMayBeStoppedTwice) {
  warmer_.Start();
  while (!warmer_.warm()) std::this_thread::yield();
  warmer_.Stop();
  warmer_.Stop();
  EXPECT_EQ(asked_.size(), 3u);
}

TEST_F(WarmerTest, StoppedBeforeItStartedDoesNothing) {
  warmer_.Stop();
  warmer_.Start();
  warmer_.Stop();
  EXPECT_TRUE(asked_.empty());
}

}  // namespace
}  // namespace latchkey
