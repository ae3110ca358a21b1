#include "server/storage/ordered_logs.h"

#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "rocksdb/file_system.h"

#include "tests/server/storage/database_in_directory.h"
#include "tests/server/storage/fault_disk.h"

namespace latchkey {
namespace {

class OrderedLogsTest : public testing::Test {
 protected:
  OrderedLogsTest() {
    std::filesystem::create_directory(directory_.path());
    disk_ = std::make_shared<FaultDisk>(directory_.path());
    base_ = FaultDisk::MakeEnv(disk_);
    env_ = MakeOrderedLogsEnv(base_.get());
  }

  rocksdb::IOStatus Make(absl::string_view name,
                         std::unique_ptr<rocksdb::FSWritableFile>* file) {
    return env_->GetFileSystem()->NewWritableFile(
        absl::StrCat(directory_.path(), "/", name), rocksdb::FileOptions(),
        file, nullptr);
  }
  static void Append(rocksdb::FSWritableFile& file) {
    ASSERT_TRUE(file.Append("bytes", rocksdb::IOOptions(), nullptr).ok());
  }

  TemporaryDirectory directory_;
  std::shared_ptr<FaultDisk> disk_;
  std::unique_ptr<rocksdb::Env> base_;
  std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<rocksdb::FSWritableFile> first_, second_, third_;
};

TEST_F(OrderedLogsTest, LogIsSyncedBeforeTheNextOneIsMade) {
  ASSERT_TRUE(Make("1.log", &first_).ok());
  Append(*first_);
  EXPECT_EQ(disk_->log_syncs(), 0);
  ASSERT_TRUE(Make("2.log", &second_).ok());
  EXPECT_EQ(disk_->log_syncs(), 1);
  Append(*second_);
  ASSERT_TRUE(Make("3.log", &third_).ok());
  EXPECT_EQ(disk_->log_syncs(), 2);
}

TEST_F(OrderedLogsTest, NextLogIsNotMadeIfTheSyncFails) {
  ASSERT_TRUE(Make("1.log", &first_).ok());
  Append(*first_);
  disk_->Fail(FaultDisk::Failure::kLogSync);
  EXPECT_FALSE(Make("2.log", &second_).ok());
  EXPECT_FALSE(std::filesystem::exists(directory_.path() + "/2.log"));
}

TEST_F(OrderedLogsTest, OtherFilesAndClosedLogsCostNoSync) {
  ASSERT_TRUE(Make("1.log", &first_).ok());
  Append(*first_);
  ASSERT_TRUE(Make("1.sst", &second_).ok());
  ASSERT_TRUE(first_->Close(rocksdb::IOOptions(), nullptr).ok());
  ASSERT_TRUE(Make("2.log", &third_).ok());
  EXPECT_EQ(disk_->log_syncs(), 0);
}

TEST_F(OrderedLogsTest, LogThatIsGoneIsForgotten) {
  ASSERT_TRUE(Make("1.log", &first_).ok());
  first_.reset();
  EXPECT_TRUE(Make("2.log", &second_).ok());
}

}  // namespace
}  // namespace latchkey
