#ifndef LATCHKEY_SERVER_STORAGE_ROCKS_DB_H_
#define LATCHKEY_SERVER_STORAGE_ROCKS_DB_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "rocksdb/db.h"
#include "rocksdb/iterator.h"
#include "rocksdb/slice.h"
#include "rocksdb/status.h"
#include "rocksdb/write_batch.h"

#include "server/base/log.h"
#include "server/base/reach.h"
#include "server/storage/family.h"
#include "server/storage/store_health.h"

namespace latchkey {

// RocksDb is one open RocksDB with our families. It is where a rocksdb::Status
// ends: what leaves is an absl::Status in general words, and the detail (which
// file, which offset; never a row) goes to the log.
//
// Safe from any thread. Iterators and pinned slices must die before it.
class RocksDb {
 public:
  // Takes `db` with its `handles` in the order of kFamilies behind the default
  // family's. `health` and `log` must outlive it.
  RocksDb(std::unique_ptr<rocksdb::DB> db,
          const std::vector<rocksdb::ColumnFamilyHandle*>& handles,
          StoreHealth& health, Log& log);
  ~RocksDb();
  RocksDb(const RocksDb&) = delete;
  RocksDb& operator=(const RocksDb&) = delete;

  // Read puts the row under `key` into `value`; false if there is none.
  //   kUnavailable  the answer is not in memory (Reach::kMemory); the store
  //                 has stopped or is closing; the disk cannot be read
  //   kDataLoss     a damaged block
  [[nodiscard]] absl::StatusOr<bool> Read(Family family, absl::string_view key,
                                          rocksdb::PinnableSlice* value,
                                          Reach reach = Reach::kDisk) const;

  // Scan returns an iterator over `family` from `from` up to, not including,
  // `to` (empty: to the end), before the first row. What it reads stays out of
  // the block cache: a walk must not push out what Validate needs. Reads
  // `readahead` bytes at a time, if that is more than a block.
  std::unique_ptr<rocksdb::Iterator> Scan(Family family, absl::string_view to,
                                          size_t readahead = 0) const;
  // ScanEnd tells why an iterator is not valid any more: OK at the end.
  [[nodiscard]] absl::Status ScanEnd(const rocksdb::Iterator& iterator) const;

  // Count returns how many rows `family` has: exactly up to 10,000, beyond
  // that an estimate.
  [[nodiscard]] absl::StatusOr<uint64_t> Count(Family family) const;

  // Write applies `batch` as one. Once it fails, the store has stopped.
  enum class Durability { kSynced, kUnsynced };
  [[nodiscard]] absl::Status Write(rocksdb::WriteBatch* batch,
                                   Durability durability);

  rocksdb::ColumnFamilyHandle* handle(Family family) const {
    return handles_[static_cast<size_t>(family)];
  }
  rocksdb::DB& raw() const { return *db_; }
  absl::Status Ready() const { return health_.Ready(); }

 private:
  [[nodiscard]] absl::Status FromRead(const rocksdb::Status& status) const;

  const std::unique_ptr<rocksdb::DB> db_;
  rocksdb::ColumnFamilyHandle* default_handle_;
  std::array<rocksdb::ColumnFamilyHandle*, kFamilyCount> handles_;
  StoreHealth& health_;
  Log& log_;
};

// ToSlice and ToView pass bytes between the two libraries without a copy.
inline rocksdb::Slice ToSlice(absl::string_view bytes) {
  return rocksdb::Slice(bytes.data(), bytes.size());
}
inline absl::string_view ToView(const rocksdb::Slice& bytes) {
  return absl::string_view(bytes.data(), bytes.size());
}

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORAGE_ROCKS_DB_H_
