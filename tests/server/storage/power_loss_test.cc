// Random verbs on a disk that loses power at a random moment and forgets what
// was not synced. Whatever was acknowledged must be there afterwards; what was
// not may be there or not, but nothing in between.
//
// LATCHKEY_POWER_SEED and LATCHKEY_POWER_ROUNDS set what is run. With the
// committer's sync switched off in the code this test must fail.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "rocksdb/options.h"

#include "tests/contract/stores_under_test.h"
#include "tests/server/storage/database_in_directory.h"
#include "tests/server/storage/fault_disk.h"
#include "tests/support/create_session.h"

namespace latchkey {
namespace {

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  uint64_t value = otherwise;
  if (const char* text = std::getenv(name)) {
    EXPECT_TRUE(absl::SimpleAtoi(text, &value)) << name;
  }
  return value;
}

// What is known of a session or account: that it must be there, that it must
// not, or nothing, since the verb that would tell was not answered.
enum class Known { kThere, kGone, kOpen };

class PowerLossTest : public testing::Test {
 protected:
  PowerLossTest()
      : seed_(FromEnvironment("LATCHKEY_POWER_SEED", std::random_device()())),
        random_(seed_) {
    std::cout << "LATCHKEY_POWER_SEED=" << seed_ << std::endl;
    std::filesystem::create_directory(database_.path());
    PlugIn();
    EXPECT_TRUE(database_.Open().ok());
    EXPECT_TRUE(database_->accounts().Create(alice_).ok());
  }
  ~PowerLossTest() override { database_.Close(); }

  uint64_t Below(uint64_t limit) { return random_() % limit; }

  // Gives the database a disk that has what the last one left.
  void PlugIn() {
    disk_ = std::make_shared<FaultDisk>(database_.path());
    env_ = FaultDisk::MakeEnv(disk_);
    database_.UseEnv(env_.get());
  }
  void LosePower() {
    disk_->CutPower();
    database_.Close();
    disk_->LoseUnsynced(&random_);
    PlugIn();
  }

  void CreateSession() {
    const uint32_t number = next_session_++;
    const auto created =
        latchkey::CreateSession(database_->sessions(), ContractKey(number),
                                ContractSession(alice_, number), start_);
    Note(number, Known::kThere, created.status());
    if (created.ok()) acknowledged_ = std::max(acknowledged_, *created);
  }
  void EndSession() {
    const uint32_t number = static_cast<uint32_t>(Below(next_session_));
    const auto ended = database_->sessions().End({ContractKey(number)}, start_);
    if (!sessions_.contains(number)) return;
    Note(number, Known::kGone, ended.status());
    if (ended.ok()) acknowledged_ = std::max(acknowledged_, ended->revision);
  }
  void SaveActivity() {
    const uint32_t number = static_cast<uint32_t>(Below(next_session_));
    const Session session = ContractSession(alice_, number);
    // May fail, may be lost; must bring nothing back.
    database_->sessions()
        .SaveActivity({{ContractKey(number), start_ + absl::Minutes(1),
                        session.expire_time}})
        .IgnoreError();
  }
  void Flush() {
    for (const FamilyInfo& info : kFamilies) {
      if (Below(2) == 0) continue;
      database_->rocks()
          .raw()
          .Flush(rocksdb::FlushOptions(),
                 database_->rocks().handle(info.family))
          .PermitUncheckedError();
    }
  }
  void Compact() {
    const FamilyInfo& info = kFamilies[Below(kFamilies.size())];
    database_->rocks()
        .raw()
        .CompactRange(rocksdb::CompactRangeOptions(),
                      database_->rocks().handle(info.family), nullptr, nullptr)
        .PermitUncheckedError();
  }
  void Note(uint32_t number, Known wanted, const absl::Status& answer) {
    sessions_[number] = answer.ok() ? wanted : Known::kOpen;
  }

  void Step() {
    const uint64_t dice = Below(100);
    if (dice < 55) {
      CreateSession();
    } else if (dice < 75) {
      EndSession();
    } else if (dice < 95) {
      SaveActivity();
    } else if (dice < 98) {
      Flush();
    } else {
      Compact();
    }
  }

  // Compares what is there with what must be, and learns what was open.
  void Check() {
    ASSERT_GE(database_->sessions().Revision(), acknowledged_);
    ASSERT_TRUE(database_->accounts().Find("alice").ok());
    for (auto& [number, known] : sessions_) {
      const auto found =
          database_->sessions().Find(ContractKey(number), start_);
      ASSERT_TRUE(found.ok() || absl::IsNotFound(found.status()))
          << found.status();
      const bool by_id =
          database_->sessions().FindKey(NumberedId<SessionId>(number)).ok();
      // Session and index are there together, or not at all.
      ASSERT_EQ(found.ok(), by_id) << number;
      if (known != Known::kOpen) {
        ASSERT_EQ(found.ok(), known == Known::kThere) << "session " << number;
      }
      known = found.ok() ? Known::kThere : Known::kGone;
    }
  }

  const uint64_t seed_;
  std::mt19937_64 random_;
  DatabaseInDirectory database_;
  std::shared_ptr<FaultDisk> disk_;
  std::unique_ptr<rocksdb::Env> env_;
  const Account alice_ = ContractAccount("alice");
  const absl::Time start_ = ContractStart();
  uint32_t next_session_ = 1;
  std::map<uint32_t, Known> sessions_;
  uint64_t acknowledged_ = 1;
};

TEST_F(PowerLossTest, WhatWasAcknowledgedIsThereAfterThePowerCameBack) {
  const uint64_t rounds = FromEnvironment("LATCHKEY_POWER_ROUNDS", 30);
  for (uint64_t round = 0; round < rounds; ++round) {
    SCOPED_TRACE(absl::StrCat("seed ", seed_, ", round ", round));
    // In the middle of whatever is being done then.
    disk_->CutPowerAfter(static_cast<int>(1 + Below(150)));
    while (database_->Health().ok()) Step();
    LosePower();
    // Now and then it goes again while the database is being opened.
    if (Below(3) == 0) {
      disk_->CutPowerAfter(static_cast<int>(1 + Below(60)));
      database_.Open().IgnoreError();
      LosePower();
    }
    const absl::Status opened = database_.Open();
    ASSERT_TRUE(opened.ok()) << opened;
    Check();
    if (HasFatalFailure()) return;
  }
}

TEST_F(PowerLossTest, CleanEndLosesNotEvenActivity) {
  CreateSession();
  const Session session = ContractSession(alice_, 1);
  ASSERT_TRUE(database_->sessions()
                  .SaveActivity({{ContractKey(1), start_ + absl::Minutes(1),
                                  session.expire_time}})
                  .ok());
  database_->Close();
  LosePower();
  ASSERT_TRUE(database_.Open().ok());
  EXPECT_EQ(database_->sessions().Find(ContractKey(1), start_)->last_seen_time,
            start_ + absl::Minutes(1));
}

}  // namespace
}  // namespace latchkey
