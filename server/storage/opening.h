#ifndef LATCHKEY_SERVER_STORAGE_OPENING_H_
#define LATCHKEY_SERVER_STORAGE_OPENING_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"

#include "client/base/ids.h"
#include "server/base/log.h"
#include "server/storage/rocks_options.h"

namespace latchkey {

// OpenedRocks is a RocksDB whose content is proven to be at least what was
// known to be on disk.
struct OpenedRocks {
  std::unique_ptr<rocksdb::DB> db;
  // The default family's, then those of kFamilies; owned by whoever has `db`.
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  Epoch epoch;
  uint64_t revision = 0;
  bool created = false;  // the marker must still be made ready
};

// OpenDirectory opens the database in `directory`, or makes one if nothing is
// there. The caller holds the directory's lock.
//
//   marker ---> MANIFEST, logs ---> RocksDB ---> schema, epoch, revision
//   ours?       whole? not below    absolute     those of the marker?
//   ready?      the floor?          consistency  not below the floor?
//
// Only where that refuses, and MANIFEST and logs are whole but for torn tails,
// are those cut off, which is logged, and RocksDB is asked again.
//   kFailedPrecondition  not ours, of a newer schema, cannot be read or made
//   kDataLoss            damaged; the message says what and where
[[nodiscard]] absl::StatusOr<OpenedRocks> OpenDirectory(
    rocksdb::Env* env, const std::string& directory, RocksOptions options,
    Log& log);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORAGE_OPENING_H_
