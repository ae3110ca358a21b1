#include "tools/bench/write_file.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <signal.h>
#include <string>
#include <sys/resource.h>

namespace latchkey::bench {
namespace {

class WriteFileTest : public testing::Test {
 protected:
  WriteFileTest() {
    std::string path = testing::TempDir() + "latchkey_bench_XXXXXX";
    folder_ = mkdtemp(path.data());
  }
  ~WriteFileTest() override { std::filesystem::remove_all(folder_); }

  std::string Path() const { return folder_ + "/report.json"; }

  std::string Content() const {
    std::ifstream file(Path());
    return {std::istreambuf_iterator<char>(file), {}};
  }

  int Files() const {
    const std::filesystem::directory_iterator files(folder_);
    return static_cast<int>(std::distance(begin(files), end(files)));
  }

  std::string folder_;
};

TEST_F(WriteFileTest, WritesAndReplaces) {
  ASSERT_TRUE(WriteFile(Path(), "one").ok());
  EXPECT_EQ(Content(), "one");
  ASSERT_TRUE(WriteFile(Path(), "").ok());
  EXPECT_EQ(Content(), "");
  EXPECT_EQ(Files(), 1);
}

TEST_F(WriteFileTest, AMissingFolderIsAPlaceThatCannotBeWritten) {
  const absl::Status status = WriteFile(folder_ + "/none/report.json", "one");
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(status.message().find("none/report.json"), absl::string_view::npos);
}

TEST_F(WriteFileTest, AFolderInItsPlaceStays) {
  std::filesystem::create_directory(Path());
  EXPECT_EQ(WriteFile(Path(), "one").code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(std::filesystem::is_directory(Path()));
  EXPECT_EQ(Files(), 1);
}

TEST_F(WriteFileTest, WithoutRoomTheOldFileStaysAndNothingElse) {
  ASSERT_TRUE(WriteFile(Path(), "old").ok());
  // A limit on the size of files stands in for a full disk.
  signal(SIGXFSZ, SIG_IGN);
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small = {.rlim_cur = 4096, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const absl::Status status = WriteFile(Path(), std::string(10000, 'x'));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_EQ(Content(), "old");
  EXPECT_EQ(Files(), 1);
}

}  // namespace
}  // namespace latchkey::bench
