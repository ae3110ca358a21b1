#include "server/data_dir.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace latchkey {
namespace {

using ::testing::HasSubstr;

class DataDirTest : public ::testing::Test {
 protected:
  ~DataDirTest() override { std::filesystem::remove_all(path_); }
  static mode_t ModeOf(const std::string& path) {
    struct stat info;
    return stat(path.c_str(), &info) == 0 ? info.st_mode & 07777 : 0;
  }
  const std::string path_ =
      ::testing::TempDir() + "data_dir_" + std::to_string(getpid());
};

TEST_F(DataDirTest, IsMadeForItsOwnerOnly) {
  const auto dir = DataDir::Open(path_);
  ASSERT_TRUE(dir.ok()) << dir.status();
  EXPECT_EQ(ModeOf(path_), 0700u);
  EXPECT_EQ((*dir)->admin_socket(), path_ + "/admin.sock");
  EXPECT_EQ((*dir)->database(), path_ + "/db");
}

TEST_F(DataDirTest, IsRefusedIfOthersMayEnter) {
  std::filesystem::create_directory(path_);
  ASSERT_EQ(chmod(path_.c_str(), 0750), 0);
  const auto dir = DataDir::Open(path_);
  EXPECT_EQ(dir.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(dir.status().message()), HasSubstr("chmod 700"));
  EXPECT_TRUE(std::filesystem::is_empty(path_));
}

TEST_F(DataDirTest, IsHeldByOneAtATime) {
  auto first = DataDir::Open(path_);
  ASSERT_TRUE(first.ok());
  const auto second = DataDir::Open(path_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("in use"));
  first->reset();
  EXPECT_TRUE(DataDir::Open(path_).ok());
}

TEST_F(DataDirTest, ASocketPathThatIsTooLongIsRefusedWithItsLength) {
  const std::string base = path_ + "/";
  // admin.sock and its slash are 11 bytes.
  const std::string fits = base + std::string(107 - 11 - base.size(), 'x');
  const std::string longer = fits + "x";
  std::filesystem::create_directory(path_);
  const auto refused = DataDir::Open(longer);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("108 bytes"));
  EXPECT_FALSE(std::filesystem::exists(longer));
  EXPECT_TRUE(DataDir::Open(fits).ok());
}

TEST_F(DataDirTest, AFileIsNoDirectory) {
  { std::ofstream file(path_); }
  EXPECT_THAT(std::string(DataDir::Open(path_).status().message()),
              HasSubstr("is not a directory"));
  EXPECT_FALSE(DataDir::Open(path_ + "/below").ok());
  EXPECT_FALSE(DataDir::Open("").ok());
}

}  // namespace
}  // namespace latchkey
