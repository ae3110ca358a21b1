#ifndef LATCHKEY_SERVER_STORAGE_ROCKS_DATABASE_H_
#define LATCHKEY_SERVER_STORAGE_ROCKS_DATABASE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "rocksdb/env.h"

#include "client/base/clock.h"
#include "client/base/ids.h"
#include "client/base/mutex.h"
#include "server/base/log.h"
#include "server/storage/committer.h"
#include "server/storage/database.h"
#include "server/storage/directory_lock.h"
#include "server/storage/expiry_filter.h"
#include "server/storage/floor_keeper.h"
#include "server/storage/rocks_account_store.h"
#include "server/storage/rocks_db.h"
#include "server/storage/rocks_key_store.h"
#include "server/storage/rocks_lease_store.h"
#include "server/storage/rocks_revocation_archive.h"
#include "server/storage/rocks_session_store.h"
#include "server/storage/store_health.h"
#include "server/storage/table_check.h"

namespace latchkey {

// RocksDatabase is the Database over RocksDB. It owns the parts in the order
// in which they lean on each other.
class RocksDatabase final : public Database {
 public:
  // Open is Database::Open over `env`, through which all files but the lock
  // are reached. All arguments but `options` must outlive the database.
  static absl::StatusOr<std::unique_ptr<RocksDatabase>> Open(
      const Options& options, const Clock& clock, Log& log, rocksdb::Env* env);
  ~RocksDatabase() override;

  AccountStore& accounts() override { return *accounts_; }
  SessionStore& sessions() override { return *sessions_; }
  KeyStore& keys() override { return *keys_; }
  const RevocationArchive& revocations() const override {
    return *revocations_;
  }
  LeaseStore& leases() override { return *leases_; }
  void Listen(CommitListener& listener) override {
    committer_->Listen(listener);
  }
  uint64_t Revision() const override { return committer_->Revision(); }
  const Epoch& epoch() const override { return epoch_; }
  absl::Status Health() const override { return health_.Health(); }
  void WriteMetrics(MetricText& text) const override;
  void Close() override;

  // rocks returns what the stores lie on, for work on the files as a whole.
  RocksDb& rocks() { return *db_; }

 private:
  RocksDatabase(DirectoryLock lock, const Clock& clock, Log& log);
  absl::Status Start(const Options& options, rocksdb::Env* env);

  const DirectoryLock lock_;
  const Clock& clock_;
  Log& log_;
  const FilterClock filter_clock_;
  StoreHealth health_;
  std::unique_ptr<rocksdb::Env> rocks_env_;
  // The newest revision that is durable and seen by every reader.
  std::atomic<uint64_t> revision_{0};
  Epoch epoch_;
  std::shared_ptr<FloorKeeper> floor_;
  std::unique_ptr<RocksDb> db_;
  std::optional<TableCheck> table_check_;
  std::optional<Committer> committer_;
  std::optional<RocksAccountStore> accounts_;
  std::optional<RocksSessionStore> sessions_;
  std::optional<RocksKeyStore> keys_;
  std::optional<RocksRevocationArchive> revocations_;
  std::optional<RocksLeaseStore> leases_;

  Mutex close_mutex_;  // held by Close throughout: it runs once
  bool closed_ ABSL_GUARDED_BY(close_mutex_) = false;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORAGE_ROCKS_DATABASE_H_
