// What a running database does when its disk fails it.

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rocksdb/options.h"
#include "rocksdb/write_batch.h"

#include "server/base/error.h"
#include "server/storage/directory_files.h"
#include "server/storage/family.h"
#include "server/storage/store_health.h"
#include "server/storage/table_check.h"
#include "tests/contract/stores_under_test.h"
#include "tests/server/storage/database_in_directory.h"
#include "tests/server/storage/fault_disk.h"
#include "tests/support/create_session.h"

namespace latchkey {
namespace {

namespace fs = std::filesystem;

// OnFaultDisk is a database whose disk does as it is told.
class OnFaultDisk : public testing::Test {
 protected:
  OnFaultDisk() {
    fs::create_directory(database_.path());
    disk_ = std::make_shared<FaultDisk>(database_.path());
    env_ = FaultDisk::MakeEnv(disk_);
    database_.UseEnv(env_.get());
    EXPECT_TRUE(database_.Open().ok());
    EXPECT_TRUE(database_->accounts().Create(ContractAccount("alice")).ok());
  }
  ~OnFaultDisk() override { database_.Close(); }
  rocksdb::Status Flush() {
    rocksdb::DB& db = database_->rocks().raw();
    const rocksdb::Status flushed = db.Flush(
        rocksdb::FlushOptions(), database_->rocks().handle(Family::kAccounts));
    // Flush may return before its job has told the listener, which is what
    // raises the floor; to pause is to wait for the job's end.
    db.PauseBackgroundWork().PermitUncheckedError();
    db.ContinueBackgroundWork().PermitUncheckedError();
    return flushed;
  }

  DatabaseInDirectory database_;
  std::shared_ptr<FaultDisk> disk_;
  std::unique_ptr<rocksdb::Env> env_;
};

TEST_F(OnFaultDisk, FailedActivityWriteStopsTheStoreToo) {
  // It went to the log that the next synced write would go to.
  disk_->Fail(FaultDisk::Failure::kLogAppend);
  const absl::Status failed = database_->sessions().SaveActivity(
      {Activity{ContractKey(1), ContractStart(), ContractStart()}});
  EXPECT_EQ(ReasonOf(failed), Reason::kStoreFailed);
  EXPECT_EQ(ReasonOf(database_->Health()), Reason::kStoreFailed);
}

TEST_F(OnFaultDisk, FailedFlushInTheBackgroundStopsTheStore) {
  disk_->Fail(FaultDisk::Failure::kNoSpace);
  EXPECT_FALSE(Flush().ok());
  EXPECT_EQ(ReasonOf(database_->Health()), Reason::kStoreFailed);
  EXPECT_EQ(ReasonOf(database_->accounts().Find("alice").status()),
            Reason::kStoreFailed);
}

TEST_F(OnFaultDisk, FlushRaisesTheFloor) {
  const auto before = ReadFloor(env_.get(), database_.path());
  ASSERT_TRUE(Flush().ok());
  const auto after = ReadFloor(env_.get(), database_.path());
  ASSERT_TRUE(before.ok() && after.ok());
  EXPECT_EQ(before->revision, 0u);
  EXPECT_EQ(after->revision, 1u);
  EXPECT_GT(after->manifest_bytes, before->manifest_bytes);
  EXPECT_GT(after->wal_number, before->wal_number);
}

TEST_F(OnFaultDisk, ManifestCutBehindAFlushIsRefused) {
  // The log that the flush has made needless is gone: only the floor knows.
  ASSERT_TRUE(Flush().ok());
  const std::string image = absl::StrCat(database_.path(), ".image");
  fs::copy(database_.path(), image);
  database_.UseEnv(rocksdb::Env::Default());
  database_.Close();
  fs::remove_all(database_.path());
  fs::rename(image, database_.path());
  const fs::path manifest = OnlyFile(database_.path(), "MANIFEST-", "");
  fs::resize_file(manifest, fs::file_size(manifest) - 1);
  const absl::Status status = database_.Open();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              testing::HasSubstr("damaged or cut off"));
}

TEST_F(OnFaultDisk, LargeDatabaseIsCheckedWhileItAnswers) {
  ASSERT_TRUE(Flush().ok());
  const fs::path table = OnlyFile(database_.path(), "", ".sst");
  StoreHealth health(database_.log());
  TableCheck check(database_->rocks().raw(), env_.get(), health);
  std::fstream file(table, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(20);
  file.write("\xde\xad\xbe\xef", 4);
  file.close();
  EXPECT_TRUE(check.Start(/*foreground_bytes=*/0).ok());
  while (health.Health().ok()) std::this_thread::yield();
  EXPECT_TRUE(absl::IsDataLoss(health.Health()));
  EXPECT_EQ(ReasonOf(health.Health()), Reason::kCorruptRecord);
  EXPECT_TRUE(health.Ready().ok());  // what is whole is still answered
  TableCheck small(database_->rocks().raw(), env_.get(), health);
  EXPECT_TRUE(absl::IsDataLoss(small.Start(TableCheck::kForegroundBytes)));
}

TEST_F(OnFaultDisk, FindInMemoryNeverReadsTheDisk) {
  const Account alice = *database_->accounts().Find("alice");
  const SessionKey key = ContractKey(1);
  const absl::Time now = ContractStart();
  const Session session = ContractSession(alice, 1);
  ASSERT_TRUE(CreateSession(database_->sessions(), key, session, now).ok());
  // Still in the memtable.
  EXPECT_EQ(*database_->sessions().FindInMemory(key, now), session);
  database_.Close();
  ASSERT_TRUE(database_.Open().ok());
  // In tables that nobody has read from.
  EXPECT_TRUE(absl::IsUnavailable(
      database_->sessions().FindInMemory(key, now).status()));
  EXPECT_TRUE(absl::IsUnavailable(
      database_->sessions().FindKeyInMemory(session.id).status()));
  EXPECT_TRUE(absl::IsUnavailable(
      database_->accounts().FindInMemory("alice").status()));
  EXPECT_EQ(*database_->sessions().Find(key, now), session);
  EXPECT_EQ(*database_->sessions().FindInMemory(key, now), session);
}

TEST_F(OnFaultDisk, CountIsExactUpToTenThousandAndAnEstimateBeyond) {
  const auto add = [this](uint32_t from, uint32_t to) {
    rocksdb::WriteBatch batch;
    for (uint32_t i = from; i < to; ++i) {
      ASSERT_TRUE(batch
                      .Put(database_->rocks().handle(Family::kSessions),
                           ToSlice(ContractKey(i).view()), "row")
                      .ok());
    }
    ASSERT_TRUE(
        database_->rocks().Write(&batch, RocksDb::Durability::kUnsynced).ok());
  };
  add(0, 10'000);
  EXPECT_EQ(*database_->sessions().Count(), 10'000u);
  add(10'000, 20'000);
  const uint64_t estimate = *database_->sessions().Count();
  EXPECT_GT(estimate, 15'000u);
  EXPECT_LT(estimate, 25'000u);
}

TEST_F(OnFaultDisk, FailedWriteMakesHealthFailUntilARestart) {
  EXPECT_TRUE(database_->Health().ok());
  disk_->Fail(FaultDisk::Failure::kLogSync);
  EXPECT_EQ(
      ReasonOf(
          database_->accounts().Create(ContractAccount("bob", 2)).status()),
      Reason::kStoreFailed);
  disk_->Fail(FaultDisk::Failure::kNone);
  EXPECT_EQ(ReasonOf(database_->Health()), Reason::kStoreFailed);
  EXPECT_EQ(ReasonOf(database_->accounts().Find("alice").status()),
            Reason::kStoreFailed);
  MetricText text;
  database_->WriteMetrics(text);
  EXPECT_THAT(text.text(), testing::HasSubstr("\nlatchkey_store_healthy 0\n"));
  EXPECT_THAT(text.text(),
              testing::HasSubstr("\nlatchkey_store_write_failed 1\n"));
  database_.Close();
  ASSERT_TRUE(database_.Open().ok());
  EXPECT_TRUE(database_->accounts().Find("alice").ok());
  database_.Close();
}

}  // namespace
}  // namespace latchkey
