#include "server/storage/session_loader.h"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/options.h"
#include "rocksdb/write_batch.h"

#include "client/base/status_macros.h"
#include "server/storage/family.h"
#include "server/storage/records.h"
#include "server/storage/rocks_db.h"
#include "server/storage/session_rows.h"

namespace latchkey {
namespace {

// Rows come in the order of random keys, so each buffer becomes a file that
// overlaps all others: large buffers make few of them to be merged in the end.
constexpr size_t kBufferBytes = size_t{96} << 20;
// A quarter of the cache is for write buffers (see rocks_options.cc).
constexpr size_t kCacheBytes = size_t{2} << 30;

// The families that are loaded.
constexpr Family kLoaded[] = {Family::kAccounts, Family::kSessions,
                              Family::kSessionIds, Family::kSessionsByAccount};

absl::Status FromLoading(const rocksdb::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("the database cannot be filled: ", status.ToString()));
}

}  // namespace

absl::StatusOr<std::unique_ptr<SessionLoader>> SessionLoader::Open(
    Database::Options options, const Clock& clock, Log& log) {
  options.cache_bytes = kCacheBytes;
  LATCHKEY_ASSIGN_OR_RETURN(
      std::unique_ptr<RocksDatabase> database,
      RocksDatabase::Open(options, clock, log, rocksdb::Env::Default()));
  std::unique_ptr<SessionLoader> loader(new SessionLoader(std::move(database)));
  LATCHKEY_RETURN_IF_ERROR(loader->PrepareForLoading());
  return loader;
}

// Nothing is merged while rows come in, and nobody is slowed down for the
// number of files: Finish merges them once.
absl::Status SessionLoader::PrepareForLoading() {
  RocksDb& rocks = database_->rocks();
  rocksdb::Status status =
      rocks.raw().SetDBOptions({{"max_background_jobs", "4"}});
  for (const Family family : kLoaded) {
    if (!status.ok()) break;
    status = rocks.raw().SetOptions(
        rocks.handle(family),
        {{"write_buffer_size", absl::StrCat(kBufferBytes)},
         {"max_write_buffer_number", "4"},
         {"disable_auto_compactions", "true"},
         {"level0_slowdown_writes_trigger", "10000"},
         {"level0_stop_writes_trigger", "20000"}});
  }
  return FromLoading(status);
}

absl::Status SessionLoader::AddAccounts(absl::Span<const Account> accounts) {
  RocksDb& rocks = database_->rocks();
  rocksdb::WriteBatch batch;
  for (const Account& account : accounts) {
    LATCHKEY_RETURN_IF_ERROR(
        FromLoading(batch.Put(rocks.handle(Family::kAccounts),
                              ToSlice(account.name), EncodeAccount(account))));
  }
  return Write(&batch);
}

absl::Status SessionLoader::AddSessions(
    absl::Span<const StoredSession> sessions) {
  RocksDb& rocks = database_->rocks();
  rocksdb::WriteBatch batch;
  const auto put = [&](Family family, absl::string_view key,
                       absl::string_view value) {
    return FromLoading(
        batch.Put(rocks.handle(family), ToSlice(key), ToSlice(value)));
  };
  // The rows of PutSession, without its view of what is there already.
  for (const auto& [key, session] : sessions) {
    const std::string pointer =
        EncodeSessionPointer({session.expire_time, key});
    LATCHKEY_RETURN_IF_ERROR(
        put(Family::kSessions, key.view(), EncodeSession(session)));
    LATCHKEY_RETURN_IF_ERROR(
        put(Family::kSessionIds, session.id.view(), pointer));
    LATCHKEY_RETURN_IF_ERROR(
        put(Family::kSessionsByAccount,
            AccountIndexKey(session.account_uid, session.id), pointer));
  }
  return Write(&batch);
}

absl::Status SessionLoader::Write(rocksdb::WriteBatch* batch) {
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  return FromLoading(database_->rocks().raw().Write(options, batch));
}

absl::Status SessionLoader::Finish(std::atomic<bool>* cancelled) {
  RocksDb& rocks = database_->rocks();
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  for (const Family family : kLoaded) handles.push_back(rocks.handle(family));
  LATCHKEY_RETURN_IF_ERROR(
      FromLoading(rocks.raw().Flush(rocksdb::FlushOptions(), handles)));
  rocksdb::CompactRangeOptions merge;
  merge.max_subcompactions = 4;
  merge.canceled = cancelled;
  for (rocksdb::ColumnFamilyHandle* handle : handles) {
    LATCHKEY_RETURN_IF_ERROR(
        FromLoading(rocks.raw().CompactRange(merge, handle, nullptr, nullptr)));
  }
  LATCHKEY_RETURN_IF_ERROR(database_->Health());
  database_->Close();
  return database_->Health();
}

}  // namespace latchkey
