#ifndef LATCHKEY_TESTS_SUPPORT_MEMORY_ARCHIVE_H_
#define LATCHKEY_TESTS_SUPPORT_MEMORY_ARCHIVE_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "server/session/lease_store.h"
#include "server/session/revocation_archive.h"

namespace latchkey {

// MemoryArchive is a RevocationArchive in memory, which can break. One thread.
class MemoryArchive final : public RevocationArchive {
 public:
  // Add makes `change` durable.
  void Add(RevocationsAt change) {
    newest = change.revision;
    changes.push_back(std::move(change));
  }

  absl::StatusOr<RevocationPage> ReadAfter(uint64_t revision,
                                           size_t limit) const override {
    if (!failure.ok()) return failure;
    ++reads;
    RevocationPage page = {.changes = {}, .through = newest};
    size_t count = 0;
    for (const RevocationsAt& change : changes) {
      if (change.revision <= revision) continue;
      if (count >= limit) {
        page.through = page.changes.back().revision;
        break;
      }
      count += change.revocations.size();
      page.changes.push_back(change);
    }
    return page;
  }

  uint64_t newest = 0;  // revisions that revoked nothing included
  std::vector<RevocationsAt> changes;
  absl::Status failure;
  mutable int reads = 0;
};

// MemoryLeaseStore is a LeaseStore in memory, which can break. One thread.
class MemoryLeaseStore final : public LeaseStore {
 public:
  absl::StatusOr<absl::Duration> LongestTtl() const override {
    if (!read_failure.ok()) return read_failure;
    return longest;
  }
  absl::Status StoreLongestTtl(absl::Duration ttl) override {
    if (!write_failure.ok()) return write_failure;
    longest = ttl;
    return absl::OkStatus();
  }

  absl::Duration longest;
  absl::Status read_failure;
  absl::Status write_failure;
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SUPPORT_MEMORY_ARCHIVE_H_
