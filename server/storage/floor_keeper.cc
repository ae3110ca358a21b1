#include "server/storage/floor_keeper.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "rocksdb/transaction_log.h"

#include "server/storage/checked_file.h"

namespace latchkey {
namespace {

// Finds the number of "/MANIFEST-000012" among the live files.
uint64_t ManifestNumber(const std::vector<std::string>& files) {
  for (const std::string& file : files) {
    absl::string_view name = file;
    uint64_t number = 0;
    if (absl::ConsumePrefix(&name, "/MANIFEST-") &&
        absl::SimpleAtoi(name, &number)) {
      return number;
    }
  }
  return 0;
}

}  // namespace

FloorKeeper::FloorKeeper(rocksdb::Env* env, std::string directory,
                         const std::atomic<uint64_t>& revision,
                         StoreHealth& health, Log& log)
    : env_(env),
      directory_(std::move(directory)),
      revision_(revision),
      health_(health),
      log_(log) {}

absl::Status FloorKeeper::Raise(rocksdb::DB* db) {
  return RaiseOver(db, /*wal_bytes=*/0);
}

absl::Status FloorKeeper::SyncAndRaise(rocksdb::DB* db) {
  // The size first: what it counts is synced then, whatever comes meanwhile.
  std::unique_ptr<rocksdb::LogFile> log_file;
  rocksdb::Status status = db->GetCurrentWalFile(&log_file);
  const uint64_t wal_bytes = status.ok() ? log_file->SizeFileBytes() : 0;
  if (status.ok()) status = db->SyncWAL();
  if (!status.ok()) return CannotOpen("syncing the log", status);
  return RaiseOver(db, wal_bytes);
}

absl::Status FloorKeeper::RaiseOver(rocksdb::DB* db, uint64_t wal_bytes) {
  begun_ = true;
  MutexLock lock(&mutex_);
  Floor floor;
  floor.revision = revision_.load(std::memory_order_acquire);
  // The size that RocksDB gives here counts synced bytes only, unlike that of
  // the file itself.
  std::vector<std::string> files;
  rocksdb::Status status =
      db->GetLiveFiles(files, &floor.manifest_bytes, /*flush_memtable=*/false);
  if (!status.ok()) return CannotOpen("listing the live files", status);
  floor.manifest_number = ManifestNumber(files);
  std::unique_ptr<rocksdb::LogFile> log_file;
  status = db->GetCurrentWalFile(&log_file);
  if (!status.ok()) return CannotOpen("asking for the log in use", status);
  floor.wal_number = log_file->LogNumber();
  floor.wal_bytes = wal_bytes;
  return WriteFloor(env_, directory_, floor);
}

void FloorKeeper::OnFlushCompleted(rocksdb::DB* db,
                                   const rocksdb::FlushJobInfo& /*info*/) {
  if (!begun_) return;
  const absl::Status raised = Raise(db);
  // The old floor is lower, and so still true.
  if (!raised.ok()) log_.Warning("floor not raised", {{"why", raised}});
}

void FloorKeeper::OnBackgroundError(rocksdb::BackgroundErrorReason /*reason*/,
                                    rocksdb::Status* error) {
  health_.StopAfterFailedWrite(error->ToString());
}

}  // namespace latchkey
