#include "server/credential/master_key.h"

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "server/base/error.h"
#include "tests/server/credential/failing_key_store.h"
#include "tests/support/memory_store.h"

namespace latchkey {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

constexpr absl::string_view kHex =
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

class MasterKeyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = absl::StrCat(
        ::testing::TempDir(), "/master_key_test.", getpid(), ".",
        ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
    ASSERT_TRUE(std::filesystem::create_directory(folder_));
    path_ = folder_ + "/master.key";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void Write(absl::string_view text, mode_t mode = 0600) {
    std::ofstream(path_) << text;
    ASSERT_EQ(chmod(path_.c_str(), mode), 0);
  }
  std::string Content() {
    std::ostringstream text;
    text << std::ifstream(path_).rdbuf();
    return text.str();
  }
  int FilesInFolder() {
    int count = 0;
    for ([[maybe_unused]] const auto& entry :
         std::filesystem::directory_iterator(folder_)) {
      ++count;
    }
    return count;
  }

  // The refusal names the file, says why and holds nothing of the file.
  void ExpectRefused(const absl::Status& status, const char* why) {
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    EXPECT_EQ(ReasonOf(status), Reason::kMasterKeyWrong);
    const std::string message(status.message());
    EXPECT_THAT(message, HasSubstr(path_));
    EXPECT_THAT(message, HasSubstr(why));
    EXPECT_THAT(message, Not(HasSubstr("00010203")));
    EXPECT_THAT(message, Not(HasSubstr("\n")));
  }

  std::string folder_;
  std::string path_;
  MemoryStore memory_;
  FailingKeyStore store_{memory_.keys()};
};

TEST_F(MasterKeyTest, AFileMadeIsReadAgainAsTheSameKey) {
  const auto made = CreateMasterKey(path_);
  ASSERT_TRUE(made.ok()) << made.status();
  const auto read = ReadMasterKey(path_);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->Open(*made->Seal("text", ""), "")->Reveal(), "text");
}

TEST_F(MasterKeyTest, AFileMadeIsClosedToOthersWholeAndAlone) {
  const mode_t old = umask(0);
  ASSERT_TRUE(CreateMasterKey(path_).ok());
  umask(old);
  struct stat about;
  ASSERT_EQ(stat(path_.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 07777, 0600u);
  EXPECT_EQ(FilesInFolder(), 1);
  EXPECT_THAT(Content(), MatchesRegex("(#[^\n]*\n)*[0-9a-f]{64}\n"));
}

TEST_F(MasterKeyTest, TwoFilesMadeHoldDifferentKeys) {
  ASSERT_TRUE(CreateMasterKey(path_).ok());
  const std::string first = Content();
  ASSERT_EQ(unlink(path_.c_str()), 0);
  ASSERT_TRUE(CreateMasterKey(path_).ok());
  EXPECT_NE(Content(), first);
}

TEST_F(MasterKeyTest, WhatIsThereIsNeverReplaced) {
  Write("something else\n");
  EXPECT_EQ(CreateMasterKey(path_).status().code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Content(), "something else\n");
  EXPECT_EQ(FilesInFolder(), 1);
}

TEST_F(MasterKeyTest, AFolderThatIsNotThereIsNamed) {
  path_ = folder_ + "/absent/master.key";
  ExpectRefused(CreateMasterKey(path_).status(), "cannot be made");
}

TEST_F(MasterKeyTest, ReadsAKeyWithAndWithoutCommentsAndLastLineEnd) {
  // Sealed elsewhere under the key 00 .. 1f (see sealer_test.cc).
  const std::string sealed = absl::HexStringToBytes(
      "01404142434445464748494a4bc9b3c23ebecd69c4c2d87bc27ee34810");
  for (const std::string& text : {absl::StrCat(kHex), absl::StrCat(kHex, "\n"),
                                  absl::StrCat("# one\n# two\n", kHex, "\n"),
                                  absl::StrCat(kHex, "\n# after\n")}) {
    Write(text);
    const auto key = ReadMasterKey(path_);
    ASSERT_TRUE(key.ok()) << key.status();
    EXPECT_TRUE(key->Open(sealed, "").ok());
  }
}

TEST_F(MasterKeyTest, AnyOtherTextIsRefused) {
  for (const std::string& text :
       {std::string(), std::string("\n"), std::string("# only a comment\n"),
        absl::StrCat(kHex.substr(1)), absl::StrCat(kHex, "0"),
        absl::StrCat(" ", kHex), absl::StrCat(kHex, "\r\n"),
        absl::StrCat(kHex, "\n\n"), absl::StrCat(kHex, "\n", kHex, "\n"),
        absl::StrCat("A", kHex.substr(1)), absl::StrCat("g", kHex.substr(1)),
        std::string(64, '\0')}) {
    Write(text);
    ExpectRefused(ReadMasterKey(path_).status(), "not a master key file");
  }
}

TEST_F(MasterKeyTest, AFileOverItsLimitIsRefused) {
  const std::string key = absl::StrCat(kHex, "\n");
  const auto padded = [&](size_t size) {
    return "#" + std::string(size - key.size() - 2, ' ') + "\n" + key;
  };
  Write(padded(4096));
  EXPECT_TRUE(ReadMasterKey(path_).ok());
  Write(padded(4097));
  ExpectRefused(ReadMasterKey(path_).status(), "too long");
}

TEST_F(MasterKeyTest, AFileOpenToAnybodyElseIsRefused) {
  for (const mode_t mode : {0640, 0620, 0610, 0604, 0602, 0601, 0777}) {
    Write(kHex, mode);
    ExpectRefused(ReadMasterKey(path_).status(), "chmod 600");
  }
  for (const mode_t mode : {0600, 0400}) {
    Write(kHex, mode);
    EXPECT_TRUE(ReadMasterKey(path_).ok()) << mode;
    ASSERT_EQ(chmod(path_.c_str(), 0600), 0);
  }
}

TEST_F(MasterKeyTest, AFileOfAnotherUserIsRefused) {
  // Judged by what would be found, since only root can give a file away.
  Write(kHex);
  struct stat about;
  ASSERT_EQ(stat(path_.c_str(), &about), 0);
  constexpr uid_t kSelf = 1000;
  for (const uid_t owner : {kSelf, uid_t{0}}) {
    about.st_uid = owner;
    EXPECT_TRUE(CheckMasterKeyFile(path_, about, kSelf).ok()) << owner;
  }
  about.st_uid = kSelf + 1;
  ExpectRefused(CheckMasterKeyFile(path_, about, kSelf), "chown");
  // Not even root reads another user's.
  ExpectRefused(CheckMasterKeyFile(path_, about, 0), "chown");
  if (geteuid() == 0) {
    ASSERT_EQ(chown(path_.c_str(), 12345, 12345), 0);
    ExpectRefused(ReadMasterKey(path_).status(), "chown");
  }
}

TEST_F(MasterKeyTest, WhatIsNoFileIsRefused) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  ExpectRefused(ReadMasterKey(path_).status(), "is not a file");
  ASSERT_EQ(unlink(path_.c_str()), 0);
  ASSERT_EQ(mkdir(path_.c_str(), 0700), 0);
  ExpectRefused(ReadMasterKey(path_).status(), "is not a file");
}

TEST_F(MasterKeyTest, NoFileIsNotFound) {
  EXPECT_EQ(ReadMasterKey(path_).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(MasterKeyTest, TheFirstStartMakesFileAndCheck) {
  const auto sealer = OpenMasterKey(path_, store_);
  ASSERT_TRUE(sealer.ok()) << sealer.status();
  EXPECT_TRUE(std::filesystem::exists(path_));
  EXPECT_TRUE(store_.MasterKeyCheck().ok());
  const auto again = OpenMasterKey(path_, store_);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->Open(*sealer->Seal("text", ""), "").ok());
}

TEST_F(MasterKeyTest, TheFirstStartTakesAFileThatIsThere) {
  Write(kHex);
  ASSERT_TRUE(OpenMasterKey(path_, store_).ok());
  EXPECT_EQ(Content(), kHex);
}

TEST_F(MasterKeyTest, TheCheckOnDiskIsReadForEver) {
  Write(kHex);
  ASSERT_TRUE(
      store_
          .SetMasterKeyCheck(absl::HexStringToBytes(
              "01404142434445464748494a4b8ed8da404e57e27aeda97645ef01617b12a32b"
              "4f4221b04b78b8b389f178e8e98aefb5"))
          .ok());
  EXPECT_TRUE(OpenMasterKey(path_, store_).ok());
}

TEST_F(MasterKeyTest, AMissingFileOfAUsedStoreIsRefusedAndNotMade) {
  ASSERT_TRUE(OpenMasterKey(path_, store_).ok());
  ASSERT_EQ(unlink(path_.c_str()), 0);
  ExpectRefused(OpenMasterKey(path_, store_).status(), "put it back");
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(MasterKeyTest, TheWrongKeyIsRefused) {
  ASSERT_TRUE(OpenMasterKey(path_, store_).ok());
  Write(kHex);
  ExpectRefused(OpenMasterKey(path_, store_).status(), "put back the right");
}

TEST_F(MasterKeyTest, KeysWithoutACheckAreDamage) {
  KeyRecord record;
  record.kid = "kid";
  ASSERT_TRUE(store_.Add(record).ok());
  const absl::Status status = OpenMasterKey(path_, store_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(ReasonOf(status), Reason::kCorruptRecord);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(MasterKeyTest, ADamagedCheckIsToldFromAWrongKey) {
  ASSERT_TRUE(store_.SetMasterKeyCheck("").ok());
  Write(kHex);
  EXPECT_EQ(OpenMasterKey(path_, store_).status().code(),
            absl::StatusCode::kDataLoss);
}

TEST_F(MasterKeyTest, AFailingStoreIsReportedAndNoFileIsMade) {
  store_.FailWith(absl::UnavailableError("closing"));
  EXPECT_EQ(OpenMasterKey(path_, store_).status().code(),
            absl::StatusCode::kUnavailable);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

}  // namespace
}  // namespace latchkey
