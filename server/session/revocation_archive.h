#ifndef LATCHKEY_SERVER_SESSION_REVOCATION_ARCHIVE_H_
#define LATCHKEY_SERVER_SESSION_REVOCATION_ARCHIVE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"

#include "client/verify/revocation.h"

namespace latchkey {

// RevocationsAt is what one change revoked.
struct RevocationsAt {
  uint64_t revision = 0;
  std::vector<Revocation> revocations;  // at least one
};

// RevocationPage is every change behind some revision and up to `through` that
// revoked something which may still matter, in order.
struct RevocationPage {
  std::vector<RevocationsAt> changes;
  uint64_t through = 0;
};

// RevocationArchive is all revocations that are durable and may still matter.
// Safe from any thread. Blocks on the disk.
class RevocationArchive {
 public:
  virtual ~RevocationArchive() = default;

  // ReadAfter returns the changes behind `revision`, so many that they have
  // `limit` revocations or a little more (a change's are never parted).
  // If that is not all, `through` is the last one's; else the newest revision
  // that was durable when the reading began.
  //   kDataLoss, kUnavailable  as the store
  [[nodiscard]] virtual absl::StatusOr<RevocationPage> ReadAfter(
      uint64_t revision, size_t limit) const = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SESSION_REVOCATION_ARCHIVE_H_
