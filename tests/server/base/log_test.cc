#include "server/base/log.h"

#include <cstdio>
#include <fstream>
#include <iterator>
#include <sys/stat.h>
#include <unistd.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/support/fake_clock.h"

namespace latchkey {
namespace {

using ::testing::HasSubstr;

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class LogTest : public ::testing::Test {
 protected:
  FakeClock clock_;
  const std::string path_ =
      ::testing::TempDir() + "log_test_" + std::to_string(getpid()) + ".log";
  ~LogTest() override { std::remove(path_.c_str()); }
};

TEST_F(LogTest, WritesOneLinePerEvent) {
  auto log = Log::ToFile(path_, LogLevel::kInfo, clock_);
  ASSERT_TRUE(log.ok());
  (*log)->Info("listening", {{"address", "127.0.0.1:7870"}, {"count", 3}});
  EXPECT_EQ(ReadAll(path_),
            "2030-01-01T00:00:00.000000Z INFO listening "
            "address=127.0.0.1:7870 count=3\n");
}

TEST_F(LogTest, NothingFromOutsideCanForgeALine) {
  auto log = Log::ToFile(path_, LogLevel::kInfo, clock_);
  ASSERT_TRUE(log.ok());
  (*log)->Info("login", {{"agent", "a\n2030 ERROR x=\"y\"\x1b[31m"}});
  const std::string text = ReadAll(path_);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_THAT(text, HasSubstr("agent=\"a\\n2030 ERROR x=\\\"y\\\""));
}

TEST_F(LogTest, DropsWhatIsBelowItsLevel) {
  auto log = Log::ToFile(path_, LogLevel::kWarning, clock_);
  ASSERT_TRUE(log.ok());
  (*log)->Info("quiet", {});
  (*log)->Error("loud", {});
  EXPECT_EQ(ReadAll(path_).find("quiet"), std::string::npos);
  EXPECT_THAT(ReadAll(path_), HasSubstr("loud"));
}

TEST_F(LogTest, ReopenFollowsARotation) {
  auto log = Log::ToFile(path_, LogLevel::kInfo, clock_);
  ASSERT_TRUE(log.ok());
  (*log)->Info("before", {});
  const std::string rotated = path_ + ".1";
  ASSERT_EQ(std::rename(path_.c_str(), rotated.c_str()), 0);
  ASSERT_TRUE((*log)->Reopen().ok());
  (*log)->Info("after", {});
  EXPECT_THAT(ReadAll(rotated), HasSubstr("before"));
  EXPECT_THAT(ReadAll(path_), HasSubstr("after"));
  std::remove(rotated.c_str());
}

TEST_F(LogTest, FileIsForItsOwnerOnly) {
  auto log = Log::ToFile(path_, LogLevel::kInfo, clock_);
  ASSERT_TRUE(log.ok());
  struct stat info;
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST(ParseLogLevel, ReadsTheFourNamesOnly) {
  EXPECT_EQ(*ParseLogLevel("debug"), LogLevel::kDebug);
  EXPECT_EQ(*ParseLogLevel("error"), LogLevel::kError);
  EXPECT_FALSE(ParseLogLevel("Debug").ok());
  EXPECT_FALSE(ParseLogLevel("").ok());
}

TEST(DigestPrefix, ShowsEightDigits) {
  EXPECT_EQ(DigestPrefix(std::string(32, '\xab')), "abababab");
}

}  // namespace
}  // namespace latchkey
