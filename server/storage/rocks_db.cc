#include "server/storage/rocks_db.h"

#include <algorithm>
#include <string>
#include <utility>

#include "rocksdb/options.h"

#include "server/base/error.h"

namespace latchkey {
namespace {

// Up to here a count is exact: what a person compares with a list. It also
// bounds the walk.
constexpr uint64_t kExactCount = 10'000;

rocksdb::ReadOptions ReadOptionsOf(Reach reach) {
  rocksdb::ReadOptions options;
  if (reach == Reach::kMemory) options.read_tier = rocksdb::kBlockCacheTier;
  return options;
}

// Returned on a hot path: made once, then shared.
const absl::Status& NotInMemory() {
  static const absl::Status& status =
      *new absl::Status(absl::StatusCode::kUnavailable, "needs the disk");
  return status;
}

}  // namespace

RocksDb::RocksDb(std::unique_ptr<rocksdb::DB> db,
                 const std::vector<rocksdb::ColumnFamilyHandle*>& handles,
                 StoreHealth& health, Log& log)
    : db_(std::move(db)),
      default_handle_(handles[0]),
      health_(health),
      log_(log) {
  for (size_t i = 0; i < kFamilyCount; ++i) handles_[i] = handles[i + 1];
}

RocksDb::~RocksDb() {
  // Handles must go before the database. Nothing can be done about an error
  // here, and nothing depends on it: what was acknowledged is synced.
  for (rocksdb::ColumnFamilyHandle* handle : handles_) {
    db_->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
  }
  db_->DestroyColumnFamilyHandle(default_handle_).PermitUncheckedError();
}

absl::StatusOr<bool> RocksDb::Read(Family family, absl::string_view key,
                                   rocksdb::PinnableSlice* value,
                                   Reach reach) const {
  static const rocksdb::ReadOptions& from_disk =
      *new rocksdb::ReadOptions(ReadOptionsOf(Reach::kDisk));
  static const rocksdb::ReadOptions& from_memory =
      *new rocksdb::ReadOptions(ReadOptionsOf(Reach::kMemory));
  const absl::Status ready = health_.Ready();
  if (!ready.ok()) return ready;
  const rocksdb::Status status =
      db_->Get(reach == Reach::kDisk ? from_disk : from_memory, handle(family),
               ToSlice(key), value);
  if (status.ok()) {
    // Where a table is not open RocksDB before 9.1 forgets to say that it would
    // have needed the disk (facebook/rocksdb#12443). No row of ours is empty.
    if (reach == Reach::kMemory && value->empty()) return NotInMemory();
    return true;
  }
  // A missing file is an IOError, never NotFound, so it cannot pass for an
  // absent row.
  if (status.IsNotFound()) return false;
  return FromRead(status);
}

std::unique_ptr<rocksdb::Iterator> RocksDb::Scan(Family family,
                                                 absl::string_view to,
                                                 size_t readahead) const {
  // The bound must live as long as the iterator: hang it on it.
  struct Bound {
    std::string bytes;
    rocksdb::Slice slice;
  };
  auto bound = std::make_unique<Bound>();
  bound->bytes = std::string(to);
  bound->slice = bound->bytes;
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  options.total_order_seek = true;
  options.readahead_size = readahead;
  if (!to.empty()) options.iterate_upper_bound = &bound->slice;
  std::unique_ptr<rocksdb::Iterator> iterator(
      db_->NewIterator(options, handle(family)));
  iterator->RegisterCleanup(
      [](void* arg, void*) { delete static_cast<Bound*>(arg); },
      bound.release(), nullptr);
  return iterator;
}

absl::Status RocksDb::ScanEnd(const rocksdb::Iterator& iterator) const {
  const rocksdb::Status status = iterator.status();
  return status.ok() ? absl::OkStatus() : FromRead(status);
}

absl::StatusOr<uint64_t> RocksDb::Count(Family family) const {
  const absl::Status ready = health_.Ready();
  if (!ready.ok()) return ready;
  const std::unique_ptr<rocksdb::Iterator> row = Scan(family, "");
  uint64_t count = 0;
  for (row->SeekToFirst(); row->Valid(); row->Next()) {
    if (++count > kExactCount) break;
  }
  if (count <= kExactCount) {
    const absl::Status end = ScanEnd(*row);
    if (!end.ok()) return end;
    return count;
  }
  uint64_t estimate = 0;
  db_->GetIntProperty(handle(family), rocksdb::DB::Properties::kEstimateNumKeys,
                      &estimate);
  return std::max(estimate, count);
}

absl::Status RocksDb::Write(rocksdb::WriteBatch* batch, Durability durability) {
  const absl::Status ready = health_.Ready();
  if (!ready.ok()) return ready;
  rocksdb::WriteOptions options;
  options.sync = durability == Durability::kSynced;
  const rocksdb::Status status = db_->Write(options, batch);
  if (status.ok()) return absl::OkStatus();
  // Even a failed unsynced write stops the store: the log file it failed on is
  // the one that the next synced write goes to.
  health_.StopAfterFailedWrite(status.ToString());
  return health_.Ready();
}

absl::Status RocksDb::FromRead(const rocksdb::Status& status) const {
  if (status.IsIncomplete()) return NotInMemory();
  log_.Error("store read failed", {{"detail", status.ToString()}});
  if (status.IsCorruption()) {
    return MakeError(absl::StatusCode::kDataLoss, Reason::kCorruptRecord,
                     "the store is damaged");
  }
  return MakeError(absl::StatusCode::kUnavailable, Reason::kStoreFailed,
                   "the store cannot be read");
}

}  // namespace latchkey
