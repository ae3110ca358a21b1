#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <sys/stat.h>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rocksdb/options.h"
#include "rocksdb/write_batch.h"

#include "server/base/error.h"
#include "server/storage/checked_file.h"
#include "server/storage/directory_files.h"
#include "server/storage/family.h"
#include "server/storage/records.h"
#include "tests/contract/stores_under_test.h"
#include "tests/server/storage/database_in_directory.h"
#include "tests/server/storage/fault_disk.h"
#include "tests/support/create_session.h"

namespace latchkey {
namespace {

namespace fs = std::filesystem;

std::string Read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

// Every file of a directory with its content.
std::map<std::string, std::string> Content(const std::string& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::directory_iterator(directory)) {
    files[entry.path().filename()] = Read(entry.path());
  }
  return files;
}

class OpeningTest : public testing::Test {
 protected:
  // Opens, writes an account, and closes.
  void MakeDatabase() {
    ASSERT_TRUE(database_.Open().ok());
    ASSERT_TRUE(database_->accounts().Create(ContractAccount("alice")).ok());
    database_.Close();
  }
  // Expects a refusal in one line that contains `words` and changes nothing.
  void ExpectRefused(absl::StatusCode code, absl::string_view words) {
    const auto before = Content(database_.path());
    const absl::Status status = database_.Open();
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(std::string(status.message()),
                testing::HasSubstr(std::string(words)));
    EXPECT_FALSE(absl::StrContains(status.message(), "\n"));
    EXPECT_TRUE(before == Content(database_.path()));
  }
  fs::path In(absl::string_view name) {
    return absl::StrCat(database_.path(), "/", name);
  }
  fs::path Only(absl::string_view begin, absl::string_view end) {
    return OnlyFile(database_.path(), begin, end);
  }

  DatabaseInDirectory database_;
};

TEST_F(OpeningTest, NewDirectoryIsForItsOwnerAlone) {
  ASSERT_TRUE(database_.Open().ok());
  struct stat info;
  ASSERT_EQ(stat(database_.path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
}

TEST_F(OpeningTest, EmptyDirectoryBecomesADatabase) {
  fs::create_directory(database_.path());
  EXPECT_TRUE(database_.Open().ok());
}

TEST_F(OpeningTest, EpochStaysWithTheDirectoryAndDiffersFromOthers) {
  ASSERT_TRUE(database_.Open().ok());
  const Epoch epoch = database_->epoch();
  EXPECT_NE(epoch, Epoch());
  database_.Close();
  ASSERT_TRUE(database_.Open().ok());
  EXPECT_EQ(database_->epoch(), epoch);
  DatabaseInDirectory other;
  ASSERT_TRUE(other.Open().ok());
  EXPECT_NE(other->epoch(), epoch);
}

TEST_F(OpeningTest, SecondOpenIsRefusedAndTheFirstGoesOn) {
  ASSERT_TRUE(database_.Open().ok());
  const auto before = Content(database_.path());
  const auto second =
      Database::Open(database_.options(), database_.clock(), database_.log());
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(second.status().message()),
              testing::HasSubstr("in use"));
  EXPECT_TRUE(before == Content(database_.path()));
  EXPECT_TRUE(database_->accounts().Create(ContractAccount("alice")).ok());
}

TEST_F(OpeningTest, DirectoryOfSomethingElseIsRefused) {
  fs::create_directory(database_.path());
  std::ofstream(In("precious")) << "data";
  ExpectRefused(absl::StatusCode::kFailedPrecondition,
                "holds no Latchkey database");
}

TEST_F(OpeningTest, DatabaseOfSomebodyElseIsRefused) {
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* db = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(options, database_.path(), &db).ok());
  delete db;
  ExpectRefused(absl::StatusCode::kFailedPrecondition,
                "holds no Latchkey database");
}

TEST_F(OpeningTest, FileInPlaceOfTheDirectoryIsRefused) {
  std::ofstream(database_.path()) << "a file";
  const absl::Status status = database_.Open();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              testing::HasSubstr("Not a directory"));
  EXPECT_EQ(Read(database_.path()), "a file");
}

TEST_F(OpeningTest, MissingParentIsRefused) {
  Database::Options options = database_.options();
  options.path = absl::StrCat(database_.path(), "/not/there");
  const auto opened =
      Database::Open(options, database_.clock(), database_.log());
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(opened.status().message()),
              testing::HasSubstr("No such file or directory"));
}

TEST_F(OpeningTest, FullDiskIsSaidInOneLine) {
  fs::create_directory(database_.path());
  const auto disk = std::make_shared<FaultDisk>(database_.path());
  const auto env = FaultDisk::MakeEnv(disk);
  disk->Fail(FaultDisk::Failure::kNoSpace);
  database_.UseEnv(env.get());
  ExpectRefused(absl::StatusCode::kFailedPrecondition, "no space is left");
}

TEST_F(OpeningTest, FullDiskUnderAnExistingDatabaseIsSaidInOneLine) {
  MakeDatabase();
  const auto disk = std::make_shared<FaultDisk>(database_.path());
  const auto env = FaultDisk::MakeEnv(disk);
  disk->Fail(FaultDisk::Failure::kNoSpace);
  database_.UseEnv(env.get());
  const absl::Status status = database_.Open();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_THAT(std::string(status.message()),
              testing::HasSubstr("no space is left"));
  EXPECT_FALSE(absl::StrContains(status.message(), "\n"));
  database_.UseEnv(rocksdb::Env::Default());
  ASSERT_TRUE(database_.Open().ok());
  EXPECT_TRUE(database_->accounts().Find("alice").ok());
}

TEST_F(OpeningTest, NewerSchemaIsRefused) {
  MakeDatabase();
  rocksdb::Env* const env = rocksdb::Env::Default();
  const auto marker = ReadMarker(env, database_.path());
  ASSERT_TRUE(marker.ok() && marker->has_value());
  Marker newer = **marker;
  ++newer.schema;
  ASSERT_TRUE(WriteMarker(env, database_.path(), newer).ok());
  ExpectRefused(absl::StatusCode::kFailedPrecondition, "schema 2");
  // Also when the newer marker has lines that this program does not know.
  ASSERT_TRUE(WriteCheckedFile(env, database_.path(), "LATCHKEY",
                               "schema 3\ncolour red\n")
                  .ok());
  ExpectRefused(absl::StatusCode::kFailedPrecondition, "schema 3");
}

TEST_F(OpeningTest, MarkerOfAnotherDatabaseIsRefused) {
  MakeDatabase();
  DatabaseInDirectory other;
  ASSERT_TRUE(other.Open().ok());
  other.Close();
  fs::copy_file(absl::StrCat(other.path(), "/LATCHKEY"), In("LATCHKEY"),
                fs::copy_options::overwrite_existing);
  EXPECT_TRUE(absl::IsDataLoss(database_.Open()));
}

TEST_F(OpeningTest, LostFilesAreNeverTakenForAnEmptyDatabase) {
  MakeDatabase();
  const std::string image = absl::StrCat(database_.path(), ".image");
  fs::copy(database_.path(), image);
  const std::vector<fs::path> lost = {In("CURRENT"), Only("MANIFEST-", ""),
                                      Only("", ".log"), In("FLOOR"),
                                      In("LATCHKEY")};
  for (const fs::path& path : lost) {
    fs::remove(path);
    const absl::Status status = database_.Open();
    // A lost marker makes it a directory that is not ours.
    EXPECT_EQ(status.code(), path == In("LATCHKEY")
                                 ? absl::StatusCode::kFailedPrecondition
                                 : absl::StatusCode::kDataLoss)
        << path << ": " << status;
    fs::remove_all(database_.path());
    fs::copy(image, database_.path());
  }
  EXPECT_TRUE(database_.Open().ok());
  EXPECT_TRUE(database_->accounts().Find("alice").ok());
  fs::remove_all(image);
}

TEST_F(OpeningTest, LostTableIsRefused) {
  MakeDatabase();
  ASSERT_TRUE(database_.Open().ok());  // the log becomes tables
  database_.Close();
  for (const auto& entry : fs::directory_iterator(database_.path())) {
    if (entry.path().extension() == ".sst") fs::remove(entry.path());
  }
  EXPECT_TRUE(absl::IsDataLoss(database_.Open()));
}

TEST_F(OpeningTest, OlderManifestIsRefused) {
  MakeDatabase();
  const fs::path manifest = Only("MANIFEST-", "");
  const std::string current = Read(In("CURRENT"));
  const std::string content = Read(manifest);
  ASSERT_TRUE(database_.Open().ok());
  database_.Close();
  std::ofstream(manifest, std::ios::binary) << content;
  std::ofstream(In("CURRENT"), std::ios::binary) << current;
  ExpectRefused(absl::StatusCode::kDataLoss, "out of date");
}

TEST_F(OpeningTest, StateBelowTheFloorIsRefused) {
  MakeDatabase();
  rocksdb::Env* const env = rocksdb::Env::Default();
  auto floor = ReadFloor(env, database_.path());
  ASSERT_TRUE(floor.ok());
  EXPECT_EQ(floor->revision, 1u);
  ++floor->revision;
  ASSERT_TRUE(WriteFloor(env, database_.path(), *floor).ok());
  const absl::Status status = database_.Open();
  EXPECT_TRUE(absl::IsDataLoss(status));
  EXPECT_THAT(std::string(status.message()),
              testing::HasSubstr("changes are lost"));
}

TEST_F(OpeningTest, CreationMayBeInterruptedAnywhere) {
  std::mt19937_64 random(1);
  bool created = false;
  int operations = 0;
  for (; !created; operations += 3) {
    DatabaseInDirectory database;
    fs::create_directory(database.path());
    {
      const auto disk = std::make_shared<FaultDisk>(database.path());
      const auto env = FaultDisk::MakeEnv(disk);
      disk->CutPowerAfter(operations);
      database.UseEnv(env.get());
      created = database.Open().ok();
      disk->CutPower();
      database.Close();
      disk->LoseUnsynced(&random);
      database.UseEnv(rocksdb::Env::Default());
    }
    const auto disk = std::make_shared<FaultDisk>(database.path());
    const auto env = FaultDisk::MakeEnv(disk);
    database.UseEnv(env.get());
    const absl::Status again = database.Open();
    ASSERT_TRUE(again.ok()) << operations << ": " << again;
    EXPECT_EQ(*database->accounts().Count(), 0u);
    database.Close();
  }
  EXPECT_GT(operations, 30);  // it was interrupted at many places
}

TEST_F(OpeningTest, TornTailIsCutOffAndLogged) {
  ASSERT_TRUE(database_.Open().ok());
  ASSERT_TRUE(database_->accounts().Create(ContractAccount("alice")).ok());
  // As the disk is at this moment, with half a record behind.
  const std::string image = absl::StrCat(database_.path(), ".image");
  fs::copy(database_.path(), image);
  database_.Close();
  fs::remove_all(database_.path());
  fs::rename(image, database_.path());
  const fs::path log = Only("", ".log");
  std::ofstream(log, std::ios::binary | std::ios::app)
      << std::string("\x12\x34\x56\x78\xff\0\1half", 11);
  ASSERT_TRUE(database_.Open().ok());
  EXPECT_TRUE(database_->accounts().Find("alice").ok());
  EXPECT_THAT(Read(database_.log_path()),
              testing::HasSubstr("torn tail cut off"));
}

TEST_F(OpeningTest, CloseMayBeCalledAgainAndRefusesEverything) {
  ASSERT_TRUE(database_.Open().ok());
  database_->Close();
  database_->Close();
  const absl::Time now = ContractStart();
  const SessionKey key = ContractKey(1);
  for (const absl::Status& status :
       {database_->accounts().Create(ContractAccount("alice")).status(),
        database_->accounts().Find("alice").status(),
        database_->accounts().FindInMemory("alice").status(),
        database_->accounts().List("", 1).status(),
        database_->accounts().Edit("alice", {}, now).status(),
        database_->accounts().UpgradeHash("alice", {}, "", ""),
        database_->accounts().Delete("alice", now).status(),
        database_->accounts().Count().status(),
        CreateSession(database_->sessions(), key, Session(), now).status(),
        database_->sessions().Find(key, now).status(),
        database_->sessions().FindInMemory(key, now).status(),
        database_->sessions().FindKey(SessionId()).status(),
        database_->sessions().FindKeyInMemory(SessionId()).status(),
        database_->sessions().List(AccountUid(), std::nullopt, 1, now).status(),
        database_->sessions().End({key}, now).status(),
        database_->sessions().SaveActivity({}),
        database_->sessions().SaveActivity({Activity{key, now, now}}),
        database_->sessions().Sweep(now, 1).status(),
        database_->sessions().Count().status(),
        database_->keys().Add({}),
        database_->keys().List().status(),
        database_->keys().Remove("kid"),
        database_->keys().MasterKeyCheck().status(),
        database_->keys().SetMasterKeyCheck("")}) {
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
    EXPECT_EQ(ReasonOf(status), Reason::kShuttingDown);
  }
  EXPECT_TRUE(database_->Health().ok());
}

}  // namespace
}  // namespace latchkey
