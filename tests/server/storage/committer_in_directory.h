#ifndef LATCHKEY_TESTS_SERVER_STORAGE_COMMITTER_IN_DIRECTORY_H_
#define LATCHKEY_TESTS_SERVER_STORAGE_COMMITTER_IN_DIRECTORY_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "gtest/gtest.h"
#include "rocksdb/env.h"
#include "rocksdb/listener.h"

#include "server/base/log.h"
#include "server/storage/committer.h"
#include "server/storage/directory_lock.h"
#include "server/storage/expiry_filter.h"
#include "server/storage/opening.h"
#include "server/storage/rocks_db.h"
#include "server/storage/rocks_options.h"
#include "server/storage/store_health.h"
#include "tests/server/storage/database_in_directory.h"
#include "tests/support/fake_clock.h"

namespace latchkey {

// CommitterInDirectory is a new database and its committer, without the stores
// above.
class CommitterInDirectory {
 public:
  CommitterInDirectory()
      : log_(Log::ToStderr(LogLevel::kError, clock_)),
        health_(*log_),
        filter_clock_(clock_) {
    EXPECT_TRUE(DirectoryLock::Take(directory_.path()).ok());
    Open();
  }

  RocksDb& db() { return *db_; }
  Committer& committer() { return *committer_; }
  const std::atomic<uint64_t>& revision() const { return revision_; }

 private:
  void Open() {
    RocksSetup setup;
    setup.env = rocksdb::Env::Default();
    setup.cache_bytes = size_t{8} << 20;
    setup.expiry_filter = NewExpiryFilterFactory(filter_clock_);
    setup.listener = std::make_shared<rocksdb::EventListener>();
    setup.log = log_.get();
    auto opened = OpenDirectory(setup.env, directory_.path(),
                                MakeRocksOptions(setup), *log_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    revision_ = opened->revision;
    db_ = std::make_unique<RocksDb>(std::move(opened->db), opened->handles,
                                    health_, *log_);
    committer_ = std::make_unique<Committer>(*db_, health_, revision_, clock_,
                                             Committer::Answerers());
  }

  TemporaryDirectory directory_;
  FakeClock clock_;
  std::unique_ptr<Log> log_;
  StoreHealth health_;
  FilterClock filter_clock_;
  std::atomic<uint64_t> revision_{0};
  std::unique_ptr<RocksDb> db_;
  std::unique_ptr<Committer> committer_;
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SERVER_STORAGE_COMMITTER_IN_DIRECTORY_H_
