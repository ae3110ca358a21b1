// Look-ups that must do without the disk, where RocksDB has more tables than it
// keeps open.

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "rocksdb/options.h"
#include "rocksdb/write_batch.h"

#include "server/storage/family.h"
#include "server/storage/records.h"
#include "server/storage/rocks_db.h"
#include "tests/contract/stores_under_test.h"
#include "tests/server/storage/database_in_directory.h"

namespace latchkey {
namespace {

// Of each of three families, with one row in each.
constexpr uint32_t kTables = 48;
// The fewest that RocksDB takes; it leaves ten of them to other files.
constexpr int kFewTableFiles = 20;
constexpr int kManyTableFiles = 256;

class MemoryReadTest : public testing::Test {
 protected:
  // Fills a database that keeps up to so many tables open.
  void Fill(int table_files) {
    database_.UseTableFiles(table_files);
    ASSERT_TRUE(database_.Open().ok());
    for (const Family family :
         {Family::kAccounts, Family::kSessions, Family::kSessionIds}) {
      KeepTables(family);
    }
    for (uint32_t number = 0; number < kTables; ++number) AddTables(number);
  }

  // The rows of one session, and of an account, in tables of their own.
  void AddTables(uint32_t number) {
    const SessionKey key = NumberedId<SessionKey>(number);
    const Session session = ContractSession(alice_, number);
    rocksdb::WriteBatch batch;
    Put(Family::kSessions, key.view(), EncodeSession(session), &batch);
    Put(Family::kSessionIds, session.id.view(),
        EncodeSessionPointer({session.expire_time, key}), &batch);
    Put(Family::kAccounts, AccountName(number), EncodeAccount(alice_), &batch);
    EXPECT_TRUE(rocks().Write(&batch, RocksDb::Durability::kSynced).ok());
    for (const FamilyInfo& info : kFamilies) {
      EXPECT_TRUE(
          rocks()
              .raw()
              .Flush(rocksdb::FlushOptions(), rocks().handle(info.family))
              .ok());
    }
  }

  void Put(Family family, absl::string_view key, const std::string& value,
           rocksdb::WriteBatch* batch) {
    EXPECT_TRUE(batch->Put(rocks().handle(family), ToSlice(key), value).ok());
  }
  // No compaction makes one table of many.
  void KeepTables(Family family) {
    EXPECT_TRUE(rocks()
                    .raw()
                    .SetOptions(rocks().handle(family),
                                {{"disable_auto_compactions", "true"}})
                    .ok());
  }
  // Looks everything up with the disk, which opens each table.
  void FindAll() {
    for (uint32_t number = 0; number < kTables; ++number) {
      const auto key = NumberedId<SessionKey>(number);
      EXPECT_TRUE(database_->sessions().Find(key, now_).ok()) << number;
      EXPECT_TRUE(database_->accounts().Find(AccountName(number)).ok());
      const auto found =
          database_->sessions().FindKey(ContractSession(alice_, number).id);
      ASSERT_TRUE(found.ok()) << found.status();
      EXPECT_EQ(*found, key);
    }
  }
  // Looks everything up without; returns how many look-ups would need it.
  int FindAllInMemory() {
    int need_disk = 0;
    for (uint32_t number = 0; number < kTables; ++number) {
      const auto key = NumberedId<SessionKey>(number);
      const SessionId id = ContractSession(alice_, number).id;
      for (const absl::Status& status :
           {database_->sessions().FindInMemory(key, now_).status(),
            database_->sessions().FindKeyInMemory(id).status(),
            database_->accounts().FindInMemory(AccountName(number)).status()}) {
        EXPECT_TRUE(status.ok() || absl::IsUnavailable(status)) << status;
        need_disk += absl::IsUnavailable(status);
      }
    }
    return need_disk;
  }
  static std::string AccountName(uint32_t number) {
    return "account" + std::to_string(number);
  }
  RocksDb& rocks() { return database_->rocks(); }

  DatabaseInDirectory database_;
  const Account alice_ = ContractAccount("alice");
  const absl::Time now_ = ContractStart();
};

// RocksDB before 9.1 answers OK and no bytes for a row in a table that it has
// not open (facebook/rocksdb#12443): that was DATA_LOSS here.
TEST_F(MemoryReadTest, NeedsTheDiskWhereATableIsNotOpen) {
  Fill(kFewTableFiles);
  EXPECT_GT(FindAllInMemory(), 0);
  FindAll();
  EXPECT_GT(FindAllInMemory(), 0);
}

TEST_F(MemoryReadTest, KeepsAsManyTablesOpenAsItMay) {
  Fill(kManyTableFiles);
  FindAll();
  EXPECT_EQ(FindAllInMemory(), 0);
}

}  // namespace
}  // namespace latchkey
