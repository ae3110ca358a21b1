#ifndef LATCHKEY_SERVER_SESSION_LEASE_STORE_H_
#define LATCHKEY_SERVER_SESSION_LEASE_STORE_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace latchkey {

// LeaseStore remembers, beyond the life of the process, the longest lease that
// was ever granted from this data directory. Blocks on the disk.
class LeaseStore {
 public:
  virtual ~LeaseStore() = default;

  // LongestTtl returns the longest stored so far; zero if none ever was.
  //   kDataLoss, kUnavailable  as the store: grant nothing then
  [[nodiscard]] virtual absl::StatusOr<absl::Duration> LongestTtl() const = 0;

  // StoreLongestTtl makes `ttl` the longest, durably.
  [[nodiscard]] virtual absl::Status StoreLongestTtl(absl::Duration ttl) = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SESSION_LEASE_STORE_H_
