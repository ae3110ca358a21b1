#include "server/storage/rocks_database.h"

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "client/base/mutex.h"
#include "client/base/status_macros.h"
#include "server/storage/checked_file.h"
#include "server/storage/committer.h"
#include "server/storage/directory_files.h"
#include "server/storage/directory_lock.h"
#include "server/storage/expiry_filter.h"
#include "server/storage/family.h"
#include "server/storage/floor_keeper.h"
#include "server/storage/opening.h"
#include "server/storage/rocks_account_store.h"
#include "server/storage/rocks_db.h"
#include "server/storage/rocks_key_store.h"
#include "server/storage/rocks_options.h"
#include "server/storage/rocks_session_store.h"
#include "server/storage/store_health.h"
#include "server/storage/table_check.h"

namespace latchkey {
namespace {

std::string ParentOf(const std::string& path) {
  const size_t end = path.find_last_not_of('/');
  const size_t slash =
      end == std::string::npos ? end : path.find_last_of('/', end);
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// RocksDatabase owns the parts in the order in which they lean on each other.
class RocksDatabase final : public Database {
 public:
  RocksDatabase(DirectoryLock lock, const Clock& clock, Log& log)
      : lock_(std::move(lock)), log_(log), filter_clock_(clock), health_(log) {}
  ~RocksDatabase() override { Close(); }

  absl::Status Start(const Options& options, rocksdb::Env* env);

  AccountStore& accounts() override { return *accounts_; }
  SessionStore& sessions() override { return *sessions_; }
  KeyStore& keys() override { return *keys_; }
  const Epoch& epoch() const override { return epoch_; }
  absl::Status Health() const override { return health_.Health(); }
  void Close() override;

 private:
  const DirectoryLock lock_;
  Log& log_;
  const FilterClock filter_clock_;
  StoreHealth health_;
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

  Mutex close_mutex_;  // held by Close throughout: it runs once
  bool closed_ ABSL_GUARDED_BY(close_mutex_) = false;
};

absl::Status RocksDatabase::Start(const Options& options, rocksdb::Env* env) {
  floor_ = std::make_shared<FloorKeeper>(env, options.path, revision_, health_,
                                         log_);
  RocksSetup setup;
  setup.env = env;
  setup.cache_bytes = options.cache_bytes;
  setup.expiry_filter = NewExpiryFilterFactory(filter_clock_);
  setup.listener = floor_;
  setup.log = &log_;
  LATCHKEY_ASSIGN_OR_RETURN(
      OpenedRocks opened,
      OpenDirectory(env, options.path, MakeRocksOptions(setup), log_));
  epoch_ = opened.epoch;
  revision_ = opened.revision;
  db_ = std::make_unique<RocksDb>(std::move(opened.db), opened.handles, health_,
                                  log_);
  table_check_.emplace(db_->raw(), env, health_);
  LATCHKEY_RETURN_IF_ERROR(table_check_->Start());
  LATCHKEY_RETURN_IF_ERROR(floor_->Raise(&db_->raw()));
  if (opened.created) {
    LATCHKEY_RETURN_IF_ERROR(SyncDirectory(env, ParentOf(options.path)));
    LATCHKEY_RETURN_IF_ERROR(WriteMarker(
        env, options.path, Marker{kSchemaVersion, /*ready=*/true, epoch_}));
  }
  committer_.emplace(*db_, health_, revision_);
  accounts_.emplace(*db_, *committer_, options.max_session_ttl);
  sessions_.emplace(*db_, *committer_, log_);
  keys_.emplace(*db_, *committer_);
  return absl::OkStatus();
}

void RocksDatabase::Close() {
  MutexLock lock(&close_mutex_);
  if (closed_) return;
  closed_ = true;
  if (committer_.has_value()) committer_->Stop();
  health_.BeginClose();
  if (table_check_.has_value()) table_check_->Stop();
  if (!committer_.has_value()) return;  // it never started
  // After a failed write what is on disk is not known: nothing to vouch for.
  if (absl::IsUnavailable(health_.Health())) return;
  // Activity was written unsynced.
  absl::Status closed = db_->SyncWal();
  if (closed.ok()) closed = floor_->Raise(&db_->raw());
  if (!closed.ok()) log_.Warning("store closed late", {{"why", closed}});
}

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> OpenRocksDatabase(
    const Database::Options& options, const Clock& clock, Log& log,
    rocksdb::Env* env) {
  LATCHKEY_ASSIGN_OR_RETURN(DirectoryLock lock,
                            DirectoryLock::Take(options.path));
  auto database = std::make_unique<RocksDatabase>(std::move(lock), clock, log);
  LATCHKEY_RETURN_IF_ERROR(database->Start(options, env));
  return database;
}

absl::StatusOr<std::unique_ptr<Database>> Database::Open(Options options,
                                                         const Clock& clock,
                                                         Log& log) {
  return OpenRocksDatabase(options, clock, log, rocksdb::Env::Default());
}

}  // namespace latchkey
