// A file of lines on a real disk, made to fail by a limit on its size.
#include "server/base/line_file.h"

#include <cstdio>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <memory>
#include <signal.h>
#include <string>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "gtest/gtest.h"

namespace latchkey {
namespace {

// No file may grow beyond `bytes` while this lives.
class SizeLimit {
 public:
  explicit SizeLimit(rlim_t bytes) {
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~SizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }
  SizeLimit(const SizeLimit&) = delete;
  SizeLimit& operator=(const SizeLimit&) = delete;

 private:
  rlimit before_;
};

class LineFileTest : public ::testing::Test {
 protected:
  ~LineFileTest() override {
    std::remove(path_.c_str());
    std::remove(rotated_.c_str());
  }

  std::unique_ptr<LineFile> Open(LineFile::Options options = {}) {
    auto file = LineFile::Open(path_, options);
    EXPECT_TRUE(file.ok()) << file.status();
    return *std::move(file);
  }
  void Put(const std::string& text) {
    std::ofstream(path_, std::ios::binary | std::ios::app) << text;
  }
  std::string Text() const { return TextOf(path_); }
  static std::string TextOf(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  const std::string path_ =
      ::testing::TempDir() + "line_file_" + std::to_string(getpid());
  const std::string rotated_ = path_ + ".1";
};

TEST_F(LineFileTest, AppendsAndIsForItsOwnerOnly) {
  ASSERT_TRUE(Open()->Append("one\n").ok());
  ASSERT_TRUE(Open({.sync = true})->Append("two\nthree\n").ok());
  EXPECT_EQ(Text(), "one\ntwo\nthree\n");
  struct stat info;
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(LineFileTest, AShortWriteIsTakenBack) {
  const auto file = Open();
  ASSERT_TRUE(file->Append("before\n").ok());
  {
    const SizeLimit limit(10);
    EXPECT_FALSE(file->Append("does not fit\n").ok());
    EXPECT_EQ(Text(), "before\n");
    EXPECT_FALSE(file->Append("one\ntwo\n").ok());
    EXPECT_EQ(Text(), "before\n");
    EXPECT_TRUE(file->Append("ok\n").ok());
    EXPECT_FALSE(file->Append("x\n").ok());
  }
  EXPECT_TRUE(file->Append("after\n").ok());
  EXPECT_EQ(Text(), "before\nok\nafter\n");
}

TEST_F(LineFileTest, BeginsAFreshLineBehindWhatACrashLeft) {
  Put("whole\nhal");
  {
    const auto file = Open();
    const SizeLimit limit(12);
    EXPECT_FALSE(file->Append("no room\n").ok());
    EXPECT_EQ(Text(), "whole\nhal");
  }
  const auto file = Open();
  EXPECT_TRUE(file->Append("next\n").ok());
  EXPECT_TRUE(file->Append("last\n").ok());
  EXPECT_EQ(Text(), "whole\nhal\nnext\nlast\n");
}

// Standard error as a pipe that is full after some bytes.
class StderrPipe {
 public:
  StderrPipe() : before_(dup(STDERR_FILENO)) {
    EXPECT_EQ(pipe2(ends_, O_NONBLOCK | O_CLOEXEC), 0);
    size_ = fcntl(ends_[1], F_SETPIPE_SZ, 4096);
    dup2(ends_[1], STDERR_FILENO);
  }
  ~StderrPipe() {
    Restore();
    close(ends_[0]);
    close(ends_[1]);
  }
  StderrPipe(const StderrPipe&) = delete;
  StderrPipe& operator=(const StderrPipe&) = delete;

  size_t size() const { return static_cast<size_t>(size_); }
  std::string Read() {
    std::string text(size() + 1, '\0');
    const ssize_t got = read(ends_[0], text.data(), text.size());
    text.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return text;
  }
  // For a test's own complaints.
  void Restore() {
    if (before_ < 0) return;
    dup2(before_, STDERR_FILENO);
    close(std::exchange(before_, -1));
  }

 private:
  int before_;
  int ends_[2];
  int size_ = 0;
};

TEST_F(LineFileTest, BeginsAFreshLineWhereNothingCanBeCut) {
  StderrPipe pipe;
  const auto file = LineFile::OnStderr();
  const bool first = file->Append("first\n").ok();
  const bool too_long = file->Append(std::string(pipe.size(), 'x') + "\n").ok();
  const std::string before = pipe.Read();
  const bool last = file->Append("last\n").ok();
  const std::string after = pipe.Read();
  pipe.Restore();
  EXPECT_TRUE(first);
  EXPECT_FALSE(too_long);
  EXPECT_TRUE(last);
  ASSERT_EQ(before.substr(0, 7), "first\nx");
  EXPECT_EQ(after, "\nlast\n");
}

TEST_F(LineFileTest, CutsOffNothingOfOthers) {
  const auto file = Open();
  ASSERT_TRUE(file->Append("mine\n").ok());
  Put("theirs\n");
  {
    const SizeLimit limit(14);
    EXPECT_FALSE(file->Append("too much\n").ok());
  }
  EXPECT_EQ(Text(), "mine\ntheirs\n");
}

TEST_F(LineFileTest, ReopenFollowsARotation) {
  const auto file = Open();
  ASSERT_TRUE(file->Append("before\n").ok());
  ASSERT_EQ(std::rename(path_.c_str(), rotated_.c_str()), 0);
  ASSERT_TRUE(file->Append("still there\n").ok());
  ASSERT_TRUE(file->Reopen().ok());
  ASSERT_TRUE(file->Append("after\n").ok());
  EXPECT_EQ(TextOf(rotated_), "before\nstill there\n");
  EXPECT_EQ(Text(), "after\n");
}

TEST_F(LineFileTest, GoesOnInTheOldOneIfItCannotReopen) {
  const std::string folder = path_ + ".d";
  ASSERT_EQ(mkdir(folder.c_str(), 0700), 0);
  auto file = LineFile::Open(folder + "/audit", {});
  ASSERT_TRUE(file.ok());
  ASSERT_EQ(std::rename((folder + "/audit").c_str(), path_.c_str()), 0);
  ASSERT_EQ(rmdir(folder.c_str()), 0);
  EXPECT_FALSE((*file)->Reopen().ok());
  EXPECT_TRUE((*file)->Append("kept\n").ok());
  EXPECT_EQ(Text(), "kept\n");
}

TEST_F(LineFileTest, SaysWhyItCannotOpen) {
  const auto file = LineFile::Open("/nowhere/audit", {});
  EXPECT_EQ(file.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(std::string(file.status().message()).find("/nowhere/audit"),
            std::string::npos);
}

TEST(LineFile, ADiskThatIsFullIsAnError) {
  const auto file = LineFile::Open("/dev/full", {});
  ASSERT_TRUE(file.ok());
  EXPECT_FALSE((*file)->Append("line\n").ok());
}

}  // namespace
}  // namespace latchkey
