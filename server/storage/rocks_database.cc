#include "server/storage/rocks_database.h"

#include <cstddef>
#include <utility>

#include "client/base/status_macros.h"
#include "server/storage/checked_file.h"
#include "server/storage/directory_files.h"
#include "server/storage/family.h"
#include "server/storage/opening.h"
#include "server/storage/ordered_logs.h"
#include "server/storage/rocks_options.h"
#include "server/storage/store_metrics.h"

namespace latchkey {
namespace {

std::string ParentOf(const std::string& path) {
  const size_t end = path.find_last_not_of('/');
  const size_t slash =
      end == std::string::npos ? end : path.find_last_of('/', end);
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

RocksDatabase::RocksDatabase(DirectoryLock lock, const Clock& clock, Log& log)
    : lock_(std::move(lock)),
      clock_(clock),
      log_(log),
      filter_clock_(clock),
      health_(log) {}

RocksDatabase::~RocksDatabase() { Close(); }

absl::StatusOr<std::unique_ptr<RocksDatabase>> RocksDatabase::Open(
    const Options& options, const Clock& clock, Log& log, rocksdb::Env* env) {
  LATCHKEY_ASSIGN_OR_RETURN(DirectoryLock lock,
                            DirectoryLock::Take(options.path));
  std::unique_ptr<RocksDatabase> database(
      new RocksDatabase(std::move(lock), clock, log));
  LATCHKEY_RETURN_IF_ERROR(database->Start(options, env));
  return database;
}

absl::Status RocksDatabase::Start(const Options& options, rocksdb::Env* env) {
  floor_ = std::make_shared<FloorKeeper>(env, options.path, revision_, health_,
                                         log_);
  RocksSetup setup;
  rocks_env_ = MakeOrderedLogsEnv(env);
  setup.env = rocks_env_.get();
  setup.cache_bytes = options.cache_bytes;
  setup.table_files = options.table_files;
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
  LATCHKEY_RETURN_IF_ERROR(table_check_->Start(TableCheck::kForegroundBytes));
  LATCHKEY_RETURN_IF_ERROR(floor_->Raise(&db_->raw()));
  if (opened.created) {
    LATCHKEY_RETURN_IF_ERROR(SyncDirectory(env, ParentOf(options.path)));
    LATCHKEY_RETURN_IF_ERROR(WriteMarker(
        env, options.path, Marker{kSchemaVersion, /*ready=*/true, epoch_}));
  }
  committer_.emplace(
      *db_, health_, revision_, clock_,
      Committer::Answerers{options.answerers, options.answers_together});
  accounts_.emplace(*db_, *committer_, options.max_session_ttl);
  sessions_.emplace(*db_, *committer_, log_);
  keys_.emplace(*db_, *committer_);
  revocations_.emplace(*db_, revision_);
  leases_.emplace(*db_, *committer_);
  return absl::OkStatus();
}

void RocksDatabase::WriteMetrics(MetricText& text) const {
  WriteStoreMetrics(*db_, health_, text);
  WriteCommitterMetrics(*committer_, text);
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
  const absl::Status closed = floor_->SyncAndRaise(&db_->raw());
  if (!closed.ok()) log_.Warning("store not closed", {{"why", closed}});
}

absl::StatusOr<std::unique_ptr<Database>> Database::Open(Options options,
                                                         const Clock& clock,
                                                         Log& log) {
  LATCHKEY_ASSIGN_OR_RETURN(
      std::unique_ptr<Database> database,
      RocksDatabase::Open(options, clock, log, rocksdb::Env::Default()));
  return database;
}

}  // namespace latchkey
