#ifndef LATCHKEY_SERVER_STORAGE_ROCKS_REVOCATION_ARCHIVE_H_
#define LATCHKEY_SERVER_STORAGE_ROCKS_REVOCATION_ARCHIVE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"

#include "server/session/revocation_archive.h"
#include "server/storage/rocks_db.h"

namespace latchkey {

// RocksRevocationArchive is the RevocationArchive over RocksDB. It hands out
// every row there is: rows are freed an hour after they may be dropped, so
// that a clock that was ahead, and was put right by a restart, hides nothing.
// Safe from any thread.
class RocksRevocationArchive final : public RevocationArchive {
 public:
  // `revision` holds the newest that is durable. Both must outlive it.
  RocksRevocationArchive(const RocksDb& db,
                         const std::atomic<uint64_t>& revision)
      : db_(db), revision_(revision) {}

  absl::StatusOr<RevocationPage> ReadAfter(uint64_t revision,
                                           size_t limit) const override;

 private:
  const RocksDb& db_;
  const std::atomic<uint64_t>& revision_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORAGE_ROCKS_REVOCATION_ARCHIVE_H_
