#include "server/base/audit_tally.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace latchkey {
namespace {

class AuditTallyTest : public ::testing::Test {
 protected:
  AuditEvent Failure(const std::string& address,
                     const std::string& target = "accounts/alice") const {
    AuditEvent event;
    event.kind = AuditKind::kLogin;
    event.outcome = AuditOutcome::kRefused;
    event.reason = "WRONG_PROOF";
    event.origin.address = address;
    event.target = target;
    event.time = absl::UnixEpoch() + now_;
    return event;
  }
  void Add(const AuditEvent& event) { tally_.Add(event, now_); }
  std::vector<AuditEvent> TakeDue() { return tally_.TakeDue(now_); }

  absl::Duration now_ = absl::Hours(1);
  AuditTally tally_;
};

TEST_F(AuditTallyTest, TheFirstIsDueAtOnce) {
  EXPECT_EQ(tally_.NextDue(), absl::InfiniteDuration());
  Add(Failure("192.0.2.1"));
  EXPECT_EQ(tally_.NextDue(), now_);
  const auto due = TakeDue();
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].count, 1);
  EXPECT_TRUE(TakeDue().empty());
}

TEST_F(AuditTallyTest, WhatFollowsIsOneLineWhenTheSecondIsOver) {
  Add(Failure("192.0.2.1"));
  ASSERT_EQ(TakeDue().size(), 1u);
  const absl::Time first = absl::UnixEpoch() + now_ + absl::Milliseconds(10);
  for (int i = 0; i < 99; ++i) {
    now_ += absl::Milliseconds(10);
    Add(Failure("192.0.2.1"));
    EXPECT_TRUE(TakeDue().empty());
  }
  now_ += absl::Milliseconds(10);
  EXPECT_EQ(tally_.NextDue(), now_);
  const auto due = TakeDue();
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].count, 99);
  EXPECT_EQ(due[0].time, first);
  EXPECT_EQ(due[0].last_time, first + absl::Milliseconds(980));
}

TEST_F(AuditTallyTest, TheLastOnesGetTheirLineAndThenNothingIsLeft) {
  Add(Failure("192.0.2.1"));
  TakeDue();
  Add(Failure("192.0.2.1"));
  now_ += AuditTally::kInterval;
  EXPECT_EQ(TakeDue().size(), 1u);
  now_ += AuditTally::kInterval;
  EXPECT_EQ(tally_.NextDue(), now_);
  EXPECT_TRUE(TakeDue().empty());
  EXPECT_EQ(tally_.NextDue(), absl::InfiniteDuration());
}

TEST_F(AuditTallyTest, KindsOutcomesReasonsAndSourcesAreCountedApart) {
  const AuditEvent base = Failure("192.0.2.1");
  std::vector<AuditEvent> all(6, base);
  all[1].kind = AuditKind::kRefresh;
  all[2].outcome = AuditOutcome::kFailed;
  all[3].reason = "UNKNOWN_ACCOUNT";
  all[4].origin.address = "192.0.2.2";
  all[5].origin.caller.name = "web";
  for (const AuditEvent& event : all) Add(event);
  EXPECT_EQ(TakeDue().size(), all.size());
}

TEST_F(AuditTallyTest, ALineOfManyShowsOnlyWhatTheyHaveInCommon) {
  Add(Failure("192.0.2.1", "accounts/alice"));
  Add(Failure("192.0.2.1", "accounts/alice"));
  auto due = TakeDue();
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].target, "accounts/alice");
  Add(Failure("192.0.2.1", "accounts/alice"));
  Add(Failure("192.0.2.1", "accounts/bob"));
  now_ += AuditTally::kInterval;
  due = TakeDue();
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].count, 2);
  EXPECT_EQ(due[0].target, "");
}

TEST_F(AuditTallyTest, FromManySourcesTheRestIsCountedWithoutNames) {
  constexpr int kSources = 10000;
  for (int i = 0; i < kSources; ++i) Add(Failure(std::to_string(i)));
  auto due = TakeDue();
  ASSERT_EQ(due.size(), AuditTally::kMaxSources + 1);
  int64_t total = 0;
  int nameless = 0;
  for (const AuditEvent& event : due) {
    total += event.count;
    if (event.origin.address.empty()) ++nameless;
  }
  EXPECT_EQ(total, kSources);
  EXPECT_EQ(nameless, 1);
  // Room again once they have ended.
  now_ += AuditTally::kInterval;
  EXPECT_TRUE(TakeDue().empty());
  Add(Failure("again"));
  due = TakeDue();
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].origin.address, "again");
}

TEST_F(AuditTallyTest, WhatWasPutBackIsDueAgainInASecond) {
  Add(Failure("192.0.2.1"));
  const absl::Time first = absl::UnixEpoch() + now_;
  tally_.PutBack(TakeDue(), now_);
  EXPECT_TRUE(TakeDue().empty());
  now_ += absl::Milliseconds(500);
  Add(Failure("192.0.2.1"));
  now_ += absl::Milliseconds(500);
  const auto due = TakeDue();
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].count, 2);
  EXPECT_EQ(due[0].time, first);
}

TEST_F(AuditTallyTest, TakeAllLeavesNothing) {
  Add(Failure("192.0.2.1"));
  TakeDue();
  Add(Failure("192.0.2.1"));
  Add(Failure("192.0.2.2"));
  EXPECT_EQ(tally_.TakeAll().size(), 2u);
  EXPECT_TRUE(tally_.TakeAll().empty());
  EXPECT_EQ(tally_.NextDue(), absl::InfiniteDuration());
}

}  // namespace
}  // namespace latchkey
