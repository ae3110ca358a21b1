#ifndef LATCHKEY_SERVER_STORAGE_DIRECTORY_FILES_H_
#define LATCHKEY_SERVER_STORAGE_DIRECTORY_FILES_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "rocksdb/env.h"

#include "client/base/ids.h"

namespace latchkey {

// The two files of ours in the database directory (see checked_file.h).
//
// LATCHKEY, the marker: this directory is ours, of that schema and epoch, and
// holds a database. So a lost CURRENT or MANIFEST is seen to be a loss, and
// never taken for an empty directory to begin anew in.
//
// FLOOR: what was certainly on disk at some time. Whatever is found later must
// be at least that. It catches what cannot be told from a torn write by the
// files alone: a MANIFEST or a log cut off at its end.

struct Marker {
  uint32_t schema = 0;
  // False while the database is being made; nothing was acknowledged then.
  bool ready = false;
  Epoch epoch;
};

// ReadMarker returns the marker; nullopt if there is none.
//   kFailedPrecondition  of a newer schema; cannot be read
//   kDataLoss            damaged
[[nodiscard]] absl::StatusOr<std::optional<Marker>> ReadMarker(
    rocksdb::Env* env, const std::string& directory);
[[nodiscard]] absl::Status WriteMarker(rocksdb::Env* env,
                                       const std::string& directory,
                                       const Marker& marker);

struct Floor {
  uint64_t revision = 0;         // changes up to this one are on disk
  uint64_t manifest_number = 0;  // the MANIFEST in use
  uint64_t manifest_bytes = 0;   // and how much of it is synced
  uint64_t wal_number = 0;       // the log in use, or an older one
  uint64_t wal_bytes = 0;        // and how much of it is synced, at least

  friend bool operator==(const Floor&, const Floor&) = default;
};

// ReadFloor returns the floor.
//   kDataLoss            missing or damaged
//   kFailedPrecondition  cannot be read
[[nodiscard]] absl::StatusOr<Floor> ReadFloor(rocksdb::Env* env,
                                              const std::string& directory);
[[nodiscard]] absl::Status WriteFloor(rocksdb::Env* env,
                                      const std::string& directory,
                                      const Floor& floor);

// IsUnused tells whether nothing is in `directory` but, at most, the rest of a
// marker whose writing was interrupted.
[[nodiscard]] absl::StatusOr<bool> IsUnused(rocksdb::Env* env,
                                            const std::string& directory);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORAGE_DIRECTORY_FILES_H_
