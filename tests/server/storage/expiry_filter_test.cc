#include "server/storage/expiry_filter.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <sys/resource.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "rocksdb/options.h"

#include "server/storage/byte_codec.h"
#include "server/storage/records.h"
#include "server/storage/session_rows.h"
#include "tests/contract/stores_under_test.h"
#include "tests/server/storage/database_in_directory.h"
#include "tests/server/storage/fault_disk.h"
#include "tests/support/create_session.h"

namespace latchkey {
namespace {

// HookedClock is a clock with something to do whenever somebody looks at it.
class HookedClock final : public Clock {
 public:
  explicit HookedClock(FakeClock& base) : base_(base) {}

  absl::Time Now() const override {
    if (hook_) hook_();
    return base_.Now();
  }
  absl::Duration SinceBoot() const override { return base_.SinceBoot(); }
  // Not while a compaction runs.
  void SetHook(std::function<void()> hook) { hook_ = std::move(hook); }

 private:
  FakeClock& base_;
  std::function<void()> hook_;
};

TEST(FilterClock, FollowsTheWallClockAndBootTimeTogether) {
  FakeClock clock;
  const FilterClock filter_clock(clock);
  clock.Advance(absl::Minutes(5));
  EXPECT_EQ(filter_clock.Now(), clock.Now());
}

TEST(FilterClock, DoesNotFollowAJumpAhead) {
  FakeClock clock;
  const FilterClock filter_clock(clock);
  const absl::Time start = clock.Now();
  clock.SetNow(start + absl::Hours(24 * 365));
  EXPECT_EQ(filter_clock.Now(), start);
  clock.Advance(absl::Minutes(1));
  EXPECT_EQ(filter_clock.Now(), start + absl::Minutes(1));
}

TEST(FilterClock, FollowsAJumpBack) {
  FakeClock clock;
  const FilterClock filter_clock(clock);
  clock.SetNow(clock.Now() - absl::Hours(1));
  EXPECT_EQ(filter_clock.Now(), clock.Now());
}

class ExpiryFilterTest : public testing::Test {
 protected:
  ExpiryFilterTest()
      : clock_(base_), log_(Log::ToStderr(LogLevel::kError, base_)) {
    std::filesystem::create_directory(directory_.path());
    disk_ = std::make_shared<FaultDisk>(directory_.path());
    env_ = FaultDisk::MakeEnv(disk_);
    options_.path = directory_.path();
    options_.cache_bytes = size_t{8} << 20;
    Reopen();
    EXPECT_TRUE(database_->accounts().Create(alice_).ok());
  }

  void Reopen() {
    database_.reset();
    auto opened = RocksDatabase::Open(options_, clock_, *log_, env_.get());
    ASSERT_TRUE(opened.ok()) << opened.status();
    database_ = *std::move(opened);
  }
  SessionStore& sessions() { return database_->sessions(); }

  // Moves every row into tables and through the filter.
  void Compact() {
    rocksdb::CompactRangeOptions all;
    all.bottommost_level_compaction =
        rocksdb::BottommostLevelCompaction::kForce;
    for (const FamilyInfo& info : kFamilies) {
      ASSERT_TRUE(database_->rocks()
                      .raw()
                      .CompactRange(all, database_->rocks().handle(info.family),
                                    nullptr, nullptr)
                      .ok());
    }
  }
  bool Stored(Family family, absl::string_view key) {
    rocksdb::PinnableSlice row;
    const auto found = database_->rocks().Read(family, key, &row);
    EXPECT_TRUE(found.ok()) << found.status();
    return *found;
  }
  // How many of the session's four rows there are.
  int RowsOf(const Session& session, const SessionKey& key) {
    return Stored(Family::kSessions, key.view()) +
           Stored(Family::kSessionIds, session.id.view()) +
           Stored(Family::kSessionsByAccount,
                  AccountIndexKey(session.account_uid, session.id)) +
           Stored(Family::kActivity, key.view());
  }
  Session Add(uint32_t number) {
    const Session session = ContractSession(alice_, number);
    EXPECT_TRUE(
        CreateSession(sessions(), ContractKey(number), session, base_.Now())
            .ok());
    EXPECT_TRUE(sessions()
                    .SaveActivity({{ContractKey(number),
                                    session.last_seen_time + absl::Seconds(1),
                                    session.expire_time}})
                    .ok());
    return session;
  }
  void AdvanceTo(absl::Time time) { base_.Advance(time - base_.Now()); }

  TemporaryDirectory directory_;
  FakeClock base_;
  HookedClock clock_;
  const std::unique_ptr<Log> log_;
  std::shared_ptr<FaultDisk> disk_;
  std::unique_ptr<rocksdb::Env> env_;
  Database::Options options_;
  std::unique_ptr<RocksDatabase> database_;
  const Account alice_ = ContractAccount("alice");
  const absl::Duration tick_ = absl::Microseconds(1);
};

TEST_F(ExpiryFilterTest, FreesAllRowsAnHourBehindTheEndAndNotBefore) {
  const Session session = Add(1);
  AdvanceTo(session.expire_time + kFreeAfter - tick_);
  Compact();
  EXPECT_EQ(RowsOf(session, ContractKey(1)), 4);
  AdvanceTo(session.expire_time + kFreeAfter);
  Compact();
  EXPECT_EQ(RowsOf(session, ContractKey(1)), 0);
}

TEST_F(ExpiryFilterTest, NeverFreesByIdleTime) {
  // Idle long past by what is on disk, while newer activity may be in memory.
  const Session session = Add(1);
  AdvanceTo(session.expire_time - tick_);
  ASSERT_GT(base_.Now(), session.idle_expire_time() + absl::Minutes(30));
  Compact();
  EXPECT_EQ(RowsOf(session, ContractKey(1)), 4);
  // And it was: the session lives on.
  ASSERT_TRUE(
      sessions()
          .SaveActivity({{ContractKey(1), base_.Now(), session.expire_time}})
          .ok());
  EXPECT_TRUE(sessions().Find(ContractKey(1), base_.Now()).ok());
}

TEST_F(ExpiryFilterTest, FreesStrayActivityToo) {
  const Session session = ContractSession(alice_, 1);
  ASSERT_TRUE(
      sessions()
          .SaveActivity({{ContractKey(1), base_.Now(), session.expire_time}})
          .ok());
  Compact();
  EXPECT_TRUE(Stored(Family::kActivity, ContractKey(1).view()));
  AdvanceTo(session.expire_time + kFreeAfter);
  Compact();
  EXPECT_FALSE(Stored(Family::kActivity, ContractKey(1).view()));
}

TEST_F(ExpiryFilterTest, FreesUsedAssertionsByTheirOwnExpiry) {
  const Account billing = ContractService("billing");
  ASSERT_TRUE(database_->accounts().Create(billing).ok());
  const Session session = ContractSession(billing, 1);
  const ProofUse::Assertion assertion = {NumberedId<AssertionId>(7),
                                         base_.Now() + absl::Minutes(5)};
  ASSERT_TRUE(
      CreateSessionByProof(sessions(), ContractKey(1), session,
                           {.proof_generation = billing.proof_generation,
                            .assertion = assertion},
                           base_.Now())
          .ok());
  const std::string row = AssertionKey(billing.uid, assertion.id);
  // Ending the session gives the assertion back to nobody.
  ASSERT_TRUE(sessions().End({ContractKey(1)}, base_.Now()).ok());
  AdvanceTo(assertion.expire_time + kFreeAfter - tick_);
  Compact();
  EXPECT_TRUE(Stored(Family::kSessionIds, row));
  AdvanceTo(assertion.expire_time + kFreeAfter);
  Compact();
  EXPECT_FALSE(Stored(Family::kSessionIds, row));
}

TEST_F(ExpiryFilterTest, KeepsRevocationsUntilNoTokenCanNeedThem) {
  const Session session = Add(1);
  const auto ended = sessions().End({ContractKey(1)}, base_.Now());
  ASSERT_TRUE(ended.ok());
  ByteWriter key;
  key.U64(ended->revision);
  const std::string row = key.Take();
  AdvanceTo(session.expire_time + absl::Seconds(60) + kFreeAfter - tick_);
  Compact();
  EXPECT_TRUE(Stored(Family::kRevocations, row));
  AdvanceTo(base_.Now() + tick_);
  Compact();
  EXPECT_FALSE(Stored(Family::kRevocations, row));
}

TEST_F(ExpiryFilterTest, FreesNothingElse) {
  const KeyRecord key = {
      "kid", KeyAlgorithm::kEs256, base_.Now(), base_.Now(), "{}", "sealed"};
  ASSERT_TRUE(database_->keys().Add(key).ok());
  const uint64_t revision = sessions().Revision();
  base_.Advance(absl::Hours(24 * 365 * 20));
  Compact();
  Reopen();
  EXPECT_TRUE(database_->accounts().Find("alice").ok());
  EXPECT_EQ(database_->keys().List()->size(), 1u);
  EXPECT_EQ(sessions().Revision(), revision);
}

TEST_F(ExpiryFilterTest, ClockThatJumpsAheadDuringACompactionFreesNothing) {
  const Session session = Add(1);
  base_.Advance(absl::Minutes(1));
  const absl::Time true_time = base_.Now();
  std::atomic<int> looks{0};
  clock_.SetHook([&] {
    // Somewhere in the middle of what the compaction sees of the time.
    if (++looks == 2) base_.SetNow(true_time + absl::Hours(24 * 365));
  });
  Compact();
  clock_.SetHook(nullptr);
  EXPECT_GE(looks, 2);
  ASSERT_EQ(base_.Now(), true_time + absl::Hours(24 * 365));
  // While it is ahead every reader refuses.
  EXPECT_FALSE(sessions().Find(ContractKey(1), base_.Now()).ok());
  Compact();
  // It is set right, and the server starts again.
  base_.SetNow(true_time);
  Reopen();
  EXPECT_EQ(RowsOf(session, ContractKey(1)), 4);
  // So who is alive again can be taken back, by name too.
  EXPECT_TRUE(sessions().Find(ContractKey(1), base_.Now()).ok());
  const auto key = sessions().FindKey(session.id);
  ASSERT_TRUE(key.ok());
  EXPECT_EQ(sessions().List(alice_.uid, std::nullopt, 10, base_.Now())->size(),
            1u);
  EXPECT_EQ(sessions().End({*key}, base_.Now())->ended, 1);
}

TEST_F(ExpiryFilterTest, CompactionStandsBackFromOtherThreads) {
  Add(1);
  std::atomic<int> lowest{0};
  clock_.SetHook([&] {
    lowest = std::max(lowest.load(), getpriority(PRIO_PROCESS, gettid()));
  });
  Compact();
  clock_.SetHook(nullptr);
  EXPECT_GE(lowest, 10);
}

TEST_F(ExpiryFilterTest, ExpiryIsTheSameWithAndWithoutCompaction) {
  const Session session = Add(1);
  const absl::Time idle_end =
      session.last_seen_time + absl::Seconds(1) + session.idle_ttl;
  for (const bool compacted : {false, true}) {
    if (compacted) Compact();
    EXPECT_TRUE(sessions().Find(ContractKey(1), idle_end - tick_).ok());
    EXPECT_FALSE(sessions().Find(ContractKey(1), idle_end).ok());
    EXPECT_FALSE(sessions().Find(ContractKey(1), idle_end + tick_).ok());
  }
  Reopen();
  EXPECT_TRUE(sessions().Find(ContractKey(1), idle_end - tick_).ok());
  EXPECT_FALSE(sessions().Find(ContractKey(1), idle_end).ok());
}

// --- What is written together ---

using WrittenTogetherTest = ExpiryFilterTest;

TEST_F(WrittenTogetherTest, EndAndItsRevocationsLandTogether) {
  const Session one = Add(1);
  const Session two = Add(2);
  const auto ended =
      sessions().End({ContractKey(1), ContractKey(2)}, base_.Now());
  ASSERT_TRUE(ended.ok());
  // The power goes right behind the answer.
  disk_->CutPower();
  database_.reset();
  std::mt19937_64 random(1);
  disk_->LoseUnsynced(&random);
  disk_ = std::make_shared<FaultDisk>(directory_.path());
  env_ = FaultDisk::MakeEnv(disk_);
  Reopen();
  EXPECT_EQ(RowsOf(one, ContractKey(1)) + RowsOf(two, ContractKey(2)), 0);
  ByteWriter key;
  key.U64(ended->revision);
  rocksdb::PinnableSlice row;
  ASSERT_TRUE(*database_->rocks().Read(Family::kRevocations, key.Take(), &row));
  const std::vector<Revocation> expected = {
      Revocation::OfSession(one.id, one.expire_time),
      Revocation::OfSession(two.id, two.expire_time)};
  EXPECT_EQ(expected[0].drop_time, one.expire_time + absl::Seconds(60));
  EXPECT_EQ(*DecodeRevocations(ToView(row)), expected);
}

TEST_F(WrittenTogetherTest, AccountChangeAndItsRevocationLandTogether) {
  AccountEdit edit;
  edit.disabled = true;
  const absl::Time now = base_.Now();
  const auto changed = database_->accounts().Edit("alice", edit, now);
  const auto deleted = database_->accounts().Delete("alice", now);
  ASSERT_TRUE(changed.ok() && deleted.ok());
  uint64_t lowest_good = alice_.generation;
  for (const uint64_t revision : {changed->revision, deleted->revision}) {
    ByteWriter key;
    key.U64(revision);
    rocksdb::PinnableSlice row;
    ASSERT_TRUE(
        *database_->rocks().Read(Family::kRevocations, key.Take(), &row));
    const std::vector<Revocation> expected = {Revocation::OfAccount(
        alice_.uid, ++lowest_good, now + options_.max_session_ttl)};
    EXPECT_EQ(expected[0].drop_time,
              now + options_.max_session_ttl + absl::Seconds(60));
    EXPECT_EQ(*DecodeRevocations(ToView(row)), expected);
  }
}

TEST_F(WrittenTogetherTest, SweepWritesNoRevocation) {
  const Session session = Add(1);
  ASSERT_EQ(*sessions().Sweep(session.expire_time, 10), 1);
  EXPECT_EQ(*database_->rocks().Count(Family::kRevocations), 0u);
  EXPECT_EQ(RowsOf(session, ContractKey(1)), 0);
}

}  // namespace
}  // namespace latchkey
