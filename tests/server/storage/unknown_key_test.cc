// What it costs to be asked for what is not there.

#include <cstdint>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "rocksdb/options.h"
#include "rocksdb/perf_context.h"
#include "rocksdb/perf_level.h"
#include "rocksdb/write_batch.h"

#include "server/storage/family.h"
#include "server/storage/records.h"
#include "server/storage/rocks_db.h"
#include "tests/contract/stores_under_test.h"
#include "tests/server/storage/database_in_directory.h"

namespace latchkey {
namespace {

constexpr uint32_t kStored = 2000;
constexpr uint32_t kAsked = 2000;

// Spreads the numbers as digests are spread, so that unknown keys lie between
// the known ones and not behind them all.
template <typename Id>
Id SpreadId(uint32_t number) {
  Id id = NumberedId<Id>(number);
  const uint32_t spread = number * 2654435761u;
  for (size_t i = 0; i < 4; ++i) {
    id.array()[i] = static_cast<uint8_t>(spread >> (24 - 8 * i));
  }
  return id;
}

class UnknownKeyTest : public testing::Test {
 protected:
  UnknownKeyTest() {
    // So much that nothing is moved to tables before a test says so.
    database_.UseCacheBytes(size_t{64} << 20);
    EXPECT_TRUE(database_.Open().ok());
    rocksdb::WriteBatch batch;
    for (uint32_t number = 0; number < kStored; ++number) {
      const SessionKey key = SpreadId<SessionKey>(number);
      const Session session = ContractSession(alice_, number);
      EXPECT_TRUE(batch
                      .Put(database_->rocks().handle(Family::kSessions),
                           ToSlice(key.view()), EncodeSession(session))
                      .ok());
      EXPECT_TRUE(batch
                      .Put(database_->rocks().handle(Family::kSessionIds),
                           ToSlice(SpreadId<SessionId>(number).view()),
                           EncodeSessionPointer({session.expire_time, key}))
                      .ok());
    }
    EXPECT_TRUE(
        database_->rocks().Write(&batch, RocksDb::Durability::kSynced).ok());
  }
  ~UnknownKeyTest() override {
    rocksdb::SetPerfLevel(rocksdb::PerfLevel::kDisable);
  }

  SessionStore& sessions() { return database_->sessions(); }
  void MoveToTables() {
    for (const FamilyInfo& info : kFamilies) {
      ASSERT_TRUE(database_->rocks()
                      .raw()
                      .Flush(rocksdb::FlushOptions(),
                             database_->rocks().handle(info.family))
                      .ok());
    }
  }
  static rocksdb::PerfContext& Counters() {
    rocksdb::SetPerfLevel(rocksdb::PerfLevel::kEnableCount);
    return *rocksdb::get_perf_context();
  }

  DatabaseInDirectory database_;
  const Account alice_ = ContractAccount("alice");
  const absl::Time now_ = ContractStart();
};

TEST_F(UnknownKeyTest, IsAnsweredFromMemoryWithoutAReadOnceFiltersAreThere) {
  MoveToTables();
  database_.Close();
  ASSERT_TRUE(database_.Open().ok());
  // What brings the filters into memory: any look-up that may read.
  ASSERT_TRUE(sessions().Find(SpreadId<SessionKey>(1), now_).ok());
  ASSERT_TRUE(sessions().FindKey(SpreadId<SessionId>(1)).ok());
  Counters().Reset();
  int unknown = 0;
  for (uint32_t number = kStored; number < kStored + kAsked; ++number) {
    unknown += absl::IsNotFound(
        sessions().FindInMemory(SpreadId<SessionKey>(number), now_).status());
    unknown += absl::IsNotFound(
        sessions().FindKeyInMemory(SpreadId<SessionId>(number)).status());
  }
  EXPECT_EQ(Counters().block_read_count, 0u);
  // But for the few that the filter lets pass, which would need the disk:
  // some one in 1,000.
  EXPECT_GE(unknown, static_cast<int>(2 * kAsked - kAsked / 100));
}

TEST_F(UnknownKeyTest, CostsNoWalkThroughTheWriteBuffer) {
  Counters().Reset();
  for (uint32_t number = kStored; number < kStored + kAsked; ++number) {
    EXPECT_TRUE(absl::IsNotFound(
        sessions().FindInMemory(SpreadId<SessionKey>(number), now_).status()));
  }
  EXPECT_LE(Counters().bloom_memtable_hit_count, kAsked / 100);
  EXPECT_GE(Counters().bloom_memtable_miss_count, kAsked - kAsked / 100);
  EXPECT_EQ(Counters().block_read_count, 0u);
}

TEST_F(UnknownKeyTest, KnownOnesPassBothFilters) {
  for (const bool in_tables : {false, true}) {
    if (in_tables) MoveToTables();
    for (uint32_t number = 0; number < kStored; number += 7) {
      EXPECT_TRUE(sessions().Find(SpreadId<SessionKey>(number), now_).ok());
      EXPECT_TRUE(sessions().FindKey(SpreadId<SessionId>(number)).ok());
    }
  }
}

}  // namespace
}  // namespace latchkey
