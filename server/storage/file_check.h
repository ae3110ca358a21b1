#ifndef LATCHKEY_SERVER_STORAGE_FILE_CHECK_H_
#define LATCHKEY_SERVER_STORAGE_FILE_CHECK_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "rocksdb/env.h"

#include "server/storage/directory_files.h"

namespace latchkey {

// What is looked at before RocksDB opens a directory, because RocksDB would
// leave out in silence what it cannot read at the end of its MANIFEST, and in
// zeroed parts of a log. Nothing is changed.

// TornTail says what a crash tore off a file in the middle of a write: nothing
// that was acknowledged, since nothing is before it is synced.
struct TornTail {
  std::string file;     // its name, without the directory
  uint64_t offset = 0;  // the end of the last whole record
  uint64_t bytes = 0;   // how many follow
};

// CheckManifest makes sure that CURRENT names a MANIFEST which is not older or
// shorter than `floor` says, and is whole. A torn tail beyond that, behind
// which no record with a right checksum lies, is returned.
//   kDataLoss            missing, damaged, or cut off
//   kFailedPrecondition  cannot be read
[[nodiscard]] absl::StatusOr<std::optional<TornTail>> CheckManifest(
    rocksdb::Env* env, const std::string& directory, const Floor& floor);

// CheckLogs makes sure that the log `floor` speaks of, or a later one, is
// there, not shorter than it says, and that all logs are whole. A torn tail,
// behind which no log has a whole record any more, is returned; so is that of
// any such later log.
//   kDataLoss            missing, or damaged before the last record
//   kFailedPrecondition  cannot be read
[[nodiscard]] absl::StatusOr<std::vector<TornTail>> CheckLogs(
    rocksdb::Env* env, const std::string& directory, const Floor& floor);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORAGE_FILE_CHECK_H_
