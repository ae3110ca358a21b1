// One byte flipped, one sector zeroed, or the end cut off, in every file of a
// database: it opens with the same state, or it refuses. Never less in
// silence, but for the two stated limits: a log cut off at its end and damage
// inside its very last record look like a write that a crash tore.
//
// LATCHKEY_DAMAGE_STEP=1 tries every byte instead of LATCHKEY_DAMAGE_PLACES a
// file.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "server/base/error.h"
#include "server/storage/wal_scan.h"
#include "tests/contract/stores_under_test.h"
#include "tests/server/storage/database_in_directory.h"
#include "tests/server/storage/fault_disk.h"
#include "tests/support/create_session.h"

namespace latchkey {
namespace {

namespace fs = std::filesystem;

using Image = std::map<std::string, std::string>;  // file name -> content

Image ReadImage(const std::string& directory) {
  Image image;
  for (const auto& entry : fs::directory_iterator(directory)) {
    std::ifstream in(entry.path(), std::ios::binary);
    image[entry.path().filename()] =
        std::string(std::istreambuf_iterator<char>(in), {});
  }
  return image;
}

// Every row of every family.
std::string Dump(RocksDatabase& database) {
  std::string rows;
  for (const FamilyInfo& info : kFamilies) {
    const auto row = database.rocks().Scan(info.family, "");
    for (row->SeekToFirst(); row->Valid(); row->Next()) {
      absl::StrAppend(&rows, info.name, " ", row->key().ToString(true), " ",
                      row->value().ToString(true), "\n");
    }
    EXPECT_TRUE(row->status().ok()) << row->status().ToString();
  }
  return rows;
}

class DamageTest : public testing::Test {
 protected:
  // What came of opening an image.
  struct Outcome {
    absl::Status status;
    std::string state;  // if it opened
  };

  DamageTest() {
    if (const char* step = std::getenv("LATCHKEY_DAMAGE_STEP")) {
      EXPECT_TRUE(absl::SimpleAtoi(step, &step_));
    }
    MakeImages();
  }

  // Makes a database with tables and a log; `crashed_` is what a crash leaves
  // of it, `closed_` what a clean end does. The log of both has a record for
  // each of `states_` but the first.
  void MakeImages() {
    DatabaseInDirectory database;
    fs::create_directory(database.path());
    const auto disk = std::make_shared<FaultDisk>(database.path());
    const auto env = FaultDisk::MakeEnv(disk);
    database.UseEnv(env.get());
    ASSERT_TRUE(database.Open().ok());
    const Account alice = ContractAccount("alice");
    ASSERT_TRUE(database->accounts().Create(alice).ok());
    for (uint32_t i = 0; i < 10; ++i) AddSession(*database, alice, i);
    database.Close();
    ASSERT_TRUE(database.Open().ok());  // the log becomes tables
    states_.push_back(Dump(*database));
    for (uint32_t i = 10; i < 20; ++i) {
      AddSession(*database, alice, i);
      states_.push_back(Dump(*database));
    }
    ASSERT_TRUE(database->sessions()
                    .End({ContractKey(3), ContractKey(13)}, ContractStart())
                    .ok());
    states_.push_back(Dump(*database));
    AccountEdit edit;
    edit.disabled = true;
    ASSERT_TRUE(database->accounts().Edit("alice", edit, ContractStart()).ok());
    states_.push_back(Dump(*database));
    crashed_ = ReadImage(database.path());
    database.Close();
    closed_ = ReadImage(database.path());
  }
  static void AddSession(RocksDatabase& database, const Account& account,
                         uint32_t number) {
    ASSERT_TRUE(CreateSession(database.sessions(), ContractKey(number),
                              ContractSession(account, number), ContractStart())
                    .ok());
  }

  static Outcome Open(const Image& image) {
    DatabaseInDirectory database;
    fs::create_directory(database.path());
    for (const auto& [name, content] : image) {
      std::ofstream(absl::StrCat(database.path(), "/", name), std::ios::binary)
          << content;
    }
    const auto disk = std::make_shared<FaultDisk>(database.path());
    const auto env = FaultDisk::MakeEnv(disk);
    database.UseEnv(env.get());
    Outcome outcome;
    outcome.status = database.Open();
    if (outcome.status.ok()) outcome.state = Dump(*database);
    database.Close();
    return outcome;
  }

  static void ExpectClearRefusal(const absl::Status& status,
                                 const std::string& what) {
    EXPECT_TRUE(absl::IsDataLoss(status)) << what << ": " << status;
    EXPECT_EQ(ReasonOf(status), Reason::kCorruptRecord) << what;
    EXPECT_FALSE(status.message().empty()) << what;
    EXPECT_FALSE(absl::StrContains(status.message(), "\n")) << what;
  }
  // Opens `image`, damaged as `what` says.
  void ExpectSameOrRefused(const Image& image, const std::string& what) {
    const Outcome outcome = Open(image);
    if (outcome.status.ok()) {
      EXPECT_TRUE(outcome.state == states_.back()) << what << " rolled back";
      ++same_;
    } else {
      ExpectClearRefusal(outcome.status, what);
      ++refused_;
    }
  }
  // The same over all places of a file; `damage` changes it at an offset.
  template <typename Damage>
  void TryPlaces(const Image& good, const std::string& name, size_t step,
                 size_t end, Damage damage) {
    for (size_t at = 0; at < end; at += step) {
      Image image = good;
      damage(&image[name], at);
      if (image[name] == good.at(name)) continue;
      ExpectSameOrRefused(image, absl::StrCat(name, " at ", at));
    }
  }
  // Some tens of places in a file of that size, or all.
  size_t Step(size_t size) const {
    return step_ > 0 ? step_ : size / LATCHKEY_DAMAGE_PLACES + 1;
  }
  static std::string LogOf(const Image& image) {
    for (const auto& [name, content] : image) {
      if (absl::EndsWith(name, ".log")) return name;
    }
    ADD_FAILURE() << "no log";
    return "";
  }
  // Where the last record of a log begins.
  static size_t LastRecord(const std::string& log) {
    return ScanLog(log.substr(0, log.size() - 1)).valid_bytes;
  }

  static void Flip(std::string* content, size_t at) {
    (*content)[at] = static_cast<char>((*content)[at] ^ (1 << (at % 8)));
  }
  static void ZeroSector(std::string* content, size_t at) {
    for (size_t i = at; i < content->size() && i < at + 512; ++i) {
      (*content)[i] = '\0';
    }
  }
  static void Cut(std::string* content, size_t at) { content->resize(at); }

  size_t step_ = 0;
  Image crashed_;
  Image closed_;
  std::vector<std::string> states_;
  int same_ = 0;
  int refused_ = 0;
};

TEST_F(DamageTest, UndamagedImagesOpen) {
  for (const Image& image : {crashed_, closed_}) {
    const Outcome outcome = Open(image);
    ASSERT_TRUE(outcome.status.ok()) << outcome.status;
    EXPECT_TRUE(outcome.state == states_.back());
  }
}

TEST_F(DamageTest, FlippedByteNeverRollsBack) {
  for (const auto& [name, content] : crashed_) {
    // The second limit is a test of its own.
    const bool log = absl::EndsWith(name, ".log");
    const size_t end = log ? LastRecord(content) : content.size();
    TryPlaces(crashed_, name, Step(content.size()), end, Flip);
  }
  EXPECT_GT(refused_, 6 * LATCHKEY_DAMAGE_PLACES);
  // OPTIONS, LOCK and the like hold nothing of ours.
  EXPECT_GT(same_, 0);
}

TEST_F(DamageTest, FlippedByteInTheLogIsRefused) {
  const std::string name = LogOf(crashed_);
  const size_t end = LastRecord(crashed_[name]);
  TryPlaces(crashed_, name, Step(end), end, Flip);
  EXPECT_EQ(same_, 0);
}

TEST_F(DamageTest, FlippedByteAfterACleanEndNeverRollsBack) {
  // Then even the last record of the log is known to have been there.
  for (const auto& [name, content] : closed_) {
    TryPlaces(closed_, name, Step(content.size()) * 2, content.size(), Flip);
  }
}

TEST_F(DamageTest, ZeroedSectorNeverRollsBack) {
  for (const auto& [name, content] : closed_) {
    TryPlaces(closed_, name, std::max<size_t>(512, Step(content.size())),
              content.size(), ZeroSector);
  }
  const std::string log = LogOf(crashed_);
  TryPlaces(crashed_, log, 512, LastRecord(crashed_[log]) - 512, ZeroSector);
}

TEST_F(DamageTest, CutFileNeverRollsBackButForTheLog) {
  for (const auto& [name, content] : crashed_) {
    if (absl::EndsWith(name, ".log")) continue;
    TryPlaces(crashed_, name, Step(content.size()) * 2, content.size(), Cut);
  }
}

TEST_F(DamageTest, CutFileAfterACleanEndNeverRollsBack) {
  for (const auto& [name, content] : closed_) {
    TryPlaces(closed_, name, Step(content.size()) * 2, content.size(), Cut);
  }
}

TEST_F(DamageTest, LogCutAtItsEndLooksLikeATornWriteAfterACrash) {
  // The first limit: what opens is what was true after some earlier change.
  const std::string name = LogOf(crashed_);
  const std::string& log = crashed_[name];
  for (size_t size = 0; size < log.size(); size += Step(log.size())) {
    Image image = crashed_;
    image[name].resize(size);
    const Outcome outcome = Open(image);
    ASSERT_TRUE(outcome.status.ok()) << size << ": " << outcome.status;
    const LogScan scan = ScanLog(image[name]);
    EXPECT_TRUE(outcome.state == states_[scan.records]) << size;
  }
}

TEST_F(DamageTest, DamageInTheLastRecordLooksLikeATornWriteAfterACrash) {
  // The second limit: all but the last change is there.
  const std::string name = LogOf(crashed_);
  const size_t size = crashed_[name].size();
  for (size_t at = LastRecord(crashed_[name]); at < size; at += Step(1000)) {
    Image image = crashed_;
    Flip(&image[name], at);
    const Outcome outcome = Open(image);
    ASSERT_TRUE(outcome.status.ok()) << at << ": " << outcome.status;
    EXPECT_TRUE(outcome.state == states_[states_.size() - 2]) << at;
  }
}

TEST_F(DamageTest, DamagedBlockIsNeverTakenForAnAbsentRow) {
  DatabaseInDirectory database;
  ASSERT_TRUE(database.Open().ok());
  const Account alice = ContractAccount("alice");
  ASSERT_TRUE(database->accounts().Create(alice).ok());
  AddSession(*database, alice, 1);
  rocksdb::DB& raw = database->rocks().raw();
  for (const Family family : {Family::kAccounts, Family::kSessions}) {
    ASSERT_TRUE(
        raw.Flush(rocksdb::FlushOptions(), database->rocks().handle(family))
            .ok());
  }
  // Under the open database, so that no check at open can help.
  for (const auto& entry : fs::directory_iterator(database.path())) {
    if (entry.path().extension() != ".sst") continue;
    std::fstream file(entry.path(),
                      std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(20);
    file.write("\xde\xad\xbe\xef", 4);
  }
  const auto found = database->sessions().Find(ContractKey(1), ContractStart());
  EXPECT_TRUE(absl::IsDataLoss(found.status())) << found.status();
  EXPECT_EQ(ReasonOf(found.status()), Reason::kCorruptRecord);
  EXPECT_TRUE(absl::IsDataLoss(database->accounts().Find("alice").status()));
  EXPECT_TRUE(absl::IsDataLoss(database->accounts().List("", 9).status()));
  AccountEdit edit;
  edit.disabled = true;
  EXPECT_TRUE(absl::IsDataLoss(
      database->accounts().Edit("alice", edit, ContractStart()).status()));
}

}  // namespace
}  // namespace latchkey
