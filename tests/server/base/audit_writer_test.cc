// The audit's thread, over a sink that a test can stop and break.
#include "server/base/audit_writer.h"

#include <atomic>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "server/base/error.h"
#include "tests/support/fake_clock.h"
#include "tests/support/notification.h"

namespace latchkey {
namespace {

using ::testing::HasSubstr;

// What a sink was given, shared with the test, which outlives it.
class Disk {
 public:
  absl::Status Append(absl::string_view lines) {
    if (on_append) on_append();
    MutexLock lock(&mutex_);
    if (full_) return absl::FailedPreconditionError("no space left");
    ++writes_;
    text_ += std::string(lines);
    return absl::OkStatus();
  }
  void SetFull(bool full) {
    MutexLock lock(&mutex_);
    full_ = full;
  }
  std::vector<std::string> Lines() const {
    MutexLock lock(&mutex_);
    return absl::StrSplit(text_, '\n', absl::SkipEmpty());
  }
  int writes() const {
    MutexLock lock(&mutex_);
    return writes_;
  }

  std::function<void()> on_append;  // called before each; set it first
  std::atomic<int> reopened = 0;
  absl::Status on_reopen;  // set it first

 private:
  mutable Mutex mutex_;
  bool full_ ABSL_GUARDED_BY(mutex_) = false;
  std::string text_ ABSL_GUARDED_BY(mutex_);
  int writes_ ABSL_GUARDED_BY(mutex_) = 0;
};

class DiskSink final : public LineSink {
 public:
  explicit DiskSink(Disk& disk) : disk_(disk) {}
  absl::Status Append(absl::string_view lines) override {
    return disk_.Append(lines);
  }
  absl::Status Reopen() override {
    ++disk_.reopened;
    return disk_.on_reopen;
  }

 private:
  Disk& disk_;
};

class AuditWriterTest : public ::testing::Test {
 protected:
  AuditWriterTest() : log_(*Log::ToFile(log_path_, LogLevel::kInfo, clock_)) {}
  ~AuditWriterTest() override {
    writer_.reset();
    std::remove(log_path_.c_str());
  }

  AuditWriter& Writer() {
    if (writer_ == nullptr) {
      writer_ = std::make_unique<AuditWriter>(std::make_unique<DiskSink>(disk_),
                                              clock_, *log_, kMaxWaiting);
    }
    return *writer_;
  }
  std::string Logged() const {
    std::ifstream file(log_path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static AuditEvent Login(const std::string& target) {
    AuditEvent event;
    event.kind = AuditKind::kLogin;
    event.target = target;
    return event;
  }
  static AuditEvent Refusal(const std::string& target) {
    AuditEvent event = Login(target);
    event.outcome = AuditOutcome::kRefused;
    event.reason = "WRONG_PROOF";
    return event;
  }

  static constexpr size_t kMaxWaiting = 15;
  FakeClock clock_;
  const std::string log_path_ =
      ::testing::TempDir() + "audit_writer_" + std::to_string(getpid());
  std::unique_ptr<Log> log_;
  Disk disk_;
  std::unique_ptr<AuditWriter> writer_;
};

TEST_F(AuditWriterTest, ALineIsThereWhenWriteReturns) {
  ASSERT_TRUE(Writer().Write(Login("accounts/alice")).ok());
  EXPECT_THAT(disk_.Lines(),
              ::testing::ElementsAre(
                  R"({"time":"2030-01-01T00:00:00.000000Z","event":"login",)"
                  R"("outcome":"done","actor_kind":"unknown",)"
                  R"("target":"accounts/alice"})"));
}

TEST_F(AuditWriterTest, WhatWaitsSharesAWrite) {
  Notification writing, go_on;
  std::atomic<int> writes = 0;
  disk_.on_append = [&] {
    if (writes++ > 0) return;
    writing.Notify();
    go_on.Wait();
  };
  constexpr int kThreads = 16;
  std::vector<std::thread> threads;
  std::atomic<int> written = 0;
  const auto write = [&] { written += Writer().Write(Login("x")).ok(); };
  Writer();
  threads.emplace_back(write);
  writing.Wait();
  for (int i = 1; i < kThreads; ++i) threads.emplace_back(write);
  while (Writer().Waiting() < kThreads - 1) std::this_thread::yield();
  go_on.Notify();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(written, kThreads);
  EXPECT_EQ(disk_.Lines().size(), static_cast<size_t>(kThreads));
  EXPECT_EQ(disk_.writes(), 2);
}

TEST_F(AuditWriterTest, ManyThreadsLoseNoLineAndTearNone) {
  constexpr int kThreads = 8, kEvents = 200;
  AuditWriter& writer = Writer();
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (int n = 0; n < kEvents; ++n) {
        EXPECT_TRUE(writer.Write(Login(std::to_string(i))).ok());
        writer.Note(Refusal(std::to_string(i)));
        if (n % 50 == 0) writer.Reopen();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  writer.Stop();
  int done = 0;
  for (const std::string& line : disk_.Lines()) {
    EXPECT_EQ(line.front(), '{');
    EXPECT_EQ(line.back(), '}');
    if (line.find("\"done\"") != std::string::npos) ++done;
  }
  EXPECT_EQ(done, kThreads * kEvents);
}

TEST_F(AuditWriterTest, SaysUnavailableWhileTheDiskIsFullAndGoesOnAfter) {
  AuditWriter& writer = Writer();
  disk_.SetFull(true);
  for (int i = 0; i < 3; ++i) {
    const absl::Status refused = writer.Write(Login("lost"));
    EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(ReasonOf(refused), Reason::kAuditUnavailable);
    EXPECT_TRUE(RetryDelayOf(refused).has_value());
  }
  disk_.SetFull(false);
  EXPECT_TRUE(writer.Write(Login("kept")).ok());
  ASSERT_EQ(disk_.Lines().size(), 1u);
  EXPECT_THAT(disk_.Lines()[0], HasSubstr("kept"));
  writer.Stop();
  // Once each, however many lines were refused.
  const std::string log = Logged();
  const auto failed = log.find("audit log cannot be written");
  EXPECT_NE(failed, std::string::npos);
  EXPECT_EQ(log.find("audit log cannot be written", failed + 1),
            std::string::npos);
  EXPECT_THAT(log, HasSubstr("audit log is written again"));
}

TEST_F(AuditWriterTest, NotedOnesOfASecondAreOneLineWithACount) {
  AuditWriter& writer = Writer();
  writer.Note(Refusal("accounts/alice"));
  ASSERT_TRUE(writer.Write(Login("x")).ok());
  for (int i = 0; i < 5; ++i) writer.Note(Refusal("accounts/alice"));
  ASSERT_TRUE(writer.Write(Login("x")).ok());
  EXPECT_EQ(disk_.Lines().size(), 3u);
  clock_.Advance(AuditTally::kInterval);
  ASSERT_TRUE(writer.Write(Login("x")).ok());
  const auto lines = disk_.Lines();
  ASSERT_EQ(lines.size(), 5u);
  EXPECT_THAT(lines[3], HasSubstr("\"count\":5"));
}

TEST_F(AuditWriterTest, NotedOnesAreKeptWhileTheDiskIsFull) {
  AuditWriter& writer = Writer();
  disk_.SetFull(true);
  for (int i = 0; i < 4; ++i) writer.Note(Refusal("accounts/alice"));
  EXPECT_FALSE(writer.Write(Login("x")).ok());
  disk_.SetFull(false);
  clock_.Advance(AuditTally::kInterval);
  ASSERT_TRUE(writer.Write(Login("x")).ok());
  clock_.Advance(AuditTally::kInterval);
  ASSERT_TRUE(writer.Write(Login("x")).ok());
  writer.Stop();
  int64_t refused = 0;
  for (const std::string& line : disk_.Lines()) {
    if (line.find("refused") == std::string::npos) continue;
    const size_t count = line.find("\"count\":");
    refused +=
        count == std::string::npos ? 1 : std::stoi(line.substr(count + 8));
  }
  EXPECT_EQ(refused, 4);
}

TEST_F(AuditWriterTest, StopWritesWhatIsCountedAndRefusesTheRest) {
  AuditWriter& writer = Writer();
  writer.Note(Refusal("accounts/alice"));
  ASSERT_TRUE(writer.Write(Login("x")).ok());
  writer.Note(Refusal("accounts/alice"));
  writer.Note(Refusal("accounts/alice"));
  writer.Stop();
  EXPECT_THAT(disk_.Lines().back(), HasSubstr("\"count\":2"));
  EXPECT_FALSE(writer.Write(Login("late")).ok());
  writer.Note(Refusal("late"));
  writer.Stop();
  EXPECT_EQ(disk_.Lines().size(), 3u);
}

TEST_F(AuditWriterTest, StopSaysWhatIsLost) {
  AuditWriter& writer = Writer();
  disk_.SetFull(true);
  writer.Note(Refusal("accounts/alice"));
  writer.Note(Refusal("accounts/alice"));
  writer.Stop();
  EXPECT_THAT(Logged(), HasSubstr("audit lines lost at the end events=2"));
}

TEST_F(AuditWriterTest, ReopenIsDoneByTheThread) {
  AuditWriter& writer = Writer();
  writer.Reopen();
  ASSERT_TRUE(writer.Write(Login("x")).ok());
  EXPECT_EQ(disk_.reopened, 1);
  EXPECT_THAT(Logged(), HasSubstr("INFO audit log reopened"));
}

TEST_F(AuditWriterTest, AReopenThatFailsIsToldAndTheOldOneStays) {
  disk_.on_reopen = absl::FailedPreconditionError("gone");
  AuditWriter& writer = Writer();
  writer.Reopen();
  EXPECT_TRUE(writer.Write(Login("x")).ok());
  EXPECT_THAT(Logged(), HasSubstr("ERROR audit log not reopened"));
}

TEST_F(AuditWriterTest, MoreThanItsLimitDoNotWait) {
  Notification writing, go_on;
  std::atomic<int> writes = 0;
  disk_.on_append = [&] {
    if (writes++ > 0) return;
    writing.Notify();
    go_on.Wait();
  };
  AuditWriter& writer = Writer();
  std::atomic<int> written = 0;
  const auto write = [&] { written += writer.Write(Login("x")).ok(); };
  std::vector<std::thread> threads;
  threads.emplace_back(write);
  writing.Wait();
  for (size_t i = 0; i < kMaxWaiting; ++i) {
    threads.emplace_back(write);
  }
  while (writer.Waiting() < kMaxWaiting) {
    std::this_thread::yield();
  }
  EXPECT_EQ(ReasonOf(writer.Write(Login("one too many"))),
            Reason::kAuditUnavailable);
  go_on.Notify();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(written, static_cast<int>(kMaxWaiting) + 1);
}

}  // namespace
}  // namespace latchkey
