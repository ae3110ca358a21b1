#ifndef LATCHKEY_SERVER_SESSION_REVOCATION_LOG_H_
#define LATCHKEY_SERVER_SESSION_REVOCATION_LOG_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

#include "client/base/mutex.h"
#include "client/verify/revocation.h"
#include "client/verify/revocation_message.h"
#include "server/session/revocation_archive.h"

namespace latchkey {

// RevocationLog hands revocations out in the order of revisions, from any
// revision on: the newest from memory, what is older from the archive.
//
//   0 ............ floor ................ head
//      archive only  |  memory (and archive)
//
// So nothing is ever lost to whoever resumes: a cursor behind which memory was
// compacted reads on from the disk, and a snapshot is a reading from 0.
//
// Safe from any thread. Only reading behind the floor blocks.
class RevocationLog {
 public:
  struct Options {
    // In memory, of about 120 bytes each, all of it taken at the start. A
    // stream falls behind them only if it is slower than so many logouts; it
    // then reads from the disk.
    size_t max_entries = 65536;  // at least 1
  };

  // Begins with nothing in memory; `revision` is the newest that is durable.
  // `archive` must outlive it.
  RevocationLog(const Options& options, uint64_t revision,
                const RevocationArchive& archive);

  // Publish appends what became durable: all up to `through`, of which
  // `changes` revoked something.
  // REQUIRES: each revision is above all before it; ends the process if not,
  // since streams would pass it by
  void Publish(uint64_t through, absl::Span<const RevocationsAt> changes);

  // ReadAfter returns the next batch behind `revision`: about `limit`
  // revocations, at most; empty, through `revision`, if that is the head.
  //   as RevocationArchive::ReadAfter
  [[nodiscard]] absl::StatusOr<RevocationBatch> ReadAfter(uint64_t revision,
                                                          size_t limit) const;

  // ReadsDisk tells whether ReadAfter(revision) may block now.
  bool ReadsDisk(uint64_t revision) const;

  // Head returns the newest revision published.
  uint64_t Head() const;
  // Entries returns how many are in memory.
  size_t Entries() const;

 private:
  struct Entry {
    uint64_t revision = 0;
    Revocation revocation;
  };

  // Appends one, for which the oldest revision makes room.
  void Append(uint64_t revision, const Revocation& revocation)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Forgets the oldest revision: it is in memory as a whole, or not.
  void ForgetOldest() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The place in `ring_` of the entry that has `index` older ones.
  size_t PlaceOf(size_t index) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // How many entries are not above `revision`.
  size_t CountThrough(uint64_t revision) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  RevocationBatch ReadMemory(uint64_t revision, size_t limit) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const RevocationArchive& archive_;

  mutable Mutex mutex_;
  // `size_` entries by revision, from `begin_` on, around the end.
  std::vector<Entry> ring_ ABSL_GUARDED_BY(mutex_);
  size_t begin_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t size_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t floor_ ABSL_GUARDED_BY(mutex_);  // all above is in memory
  uint64_t head_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SESSION_REVOCATION_LOG_H_
