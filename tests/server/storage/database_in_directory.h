#ifndef LATCHKEY_TESTS_SERVER_STORAGE_DATABASE_IN_DIRECTORY_H_
#define LATCHKEY_TESTS_SERVER_STORAGE_DATABASE_IN_DIRECTORY_H_

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "rocksdb/env.h"

#include "client/base/clock.h"
#include "server/base/log.h"
#include "server/storage/database.h"
#include "server/storage/rocks_database.h"
#include "tests/support/fake_clock.h"

namespace latchkey {

// TemporaryDirectory is an absent path of its own, removed in the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    static std::atomic<int> number{0};
    path_ = absl::StrCat(testing::TempDir(), "/latchkey_", getpid(), "_",
                         number.fetch_add(1));
    std::filesystem::remove_all(path_);
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// OnlyFile returns the one file of `directory` whose name begins and ends so.
inline std::filesystem::path OnlyFile(const std::string& directory,
                                      absl::string_view begin,
                                      absl::string_view end) {
  std::filesystem::path found;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const std::string name = entry.path().filename();
    if (absl::StartsWith(name, begin) && absl::EndsWith(name, end)) {
      EXPECT_TRUE(found.empty()) << found << " and " << name;
      found = entry.path();
    }
  }
  EXPECT_FALSE(found.empty()) << begin << "*" << end;
  return found;
}

// DatabaseInDirectory is a database that can be closed and opened again, with
// a clock that stands still and a log that can be read.
class DatabaseInDirectory {
 public:
  DatabaseInDirectory() : log_path_(absl::StrCat(directory_.path(), ".log")) {
    log_ = *Log::ToFile(log_path_, LogLevel::kDebug, clock_);
    options_.path = directory_.path();
    options_.cache_bytes = size_t{8} << 20;
  }
  ~DatabaseInDirectory() {
    database_.reset();
    std::filesystem::remove(log_path_);
  }

  // Open opens it, over `env` if one was given to UseEnv.
  absl::Status Open() {
    auto opened = RocksDatabase::Open(options_, clock_, *log_, env_);
    if (!opened.ok()) return opened.status();
    database_ = *std::move(opened);
    return absl::OkStatus();
  }
  void Close() { database_.reset(); }
  void UseEnv(rocksdb::Env* env) { env_ = env; }
  void UseCacheBytes(size_t bytes) { options_.cache_bytes = bytes; }
  void UseTableFiles(int files) { options_.table_files = files; }

  RocksDatabase& operator*() { return *database_; }
  RocksDatabase* operator->() { return database_.get(); }
  FakeClock& clock() { return clock_; }
  Log& log() { return *log_; }
  const std::string& log_path() const { return log_path_; }
  const std::string& path() const { return directory_.path(); }
  const Database::Options& options() const { return options_; }

 private:
  TemporaryDirectory directory_;
  const std::string log_path_;
  FakeClock clock_;
  std::unique_ptr<Log> log_;
  Database::Options options_;
  rocksdb::Env* env_ = rocksdb::Env::Default();
  std::unique_ptr<RocksDatabase> database_;
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SERVER_STORAGE_DATABASE_IN_DIRECTORY_H_
