#ifndef LATCHKEY_SERVER_STORAGE_ROCKS_LEASE_STORE_H_
#define LATCHKEY_SERVER_STORAGE_ROCKS_LEASE_STORE_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "server/session/lease_store.h"
#include "server/storage/committer.h"
#include "server/storage/rocks_db.h"

namespace latchkey {

// RocksLeaseStore is the LeaseStore over RocksDB: a row in Family::kMeta.
// Safe from any thread.
class RocksLeaseStore final : public LeaseStore {
 public:
  // Both must outlive it.
  RocksLeaseStore(const RocksDb& db, Committer& committer)
      : db_(db), committer_(committer) {}

  absl::StatusOr<absl::Duration> LongestTtl() const override;
  // A shorter one than is stored changes nothing.
  absl::Status StoreLongestTtl(absl::Duration ttl) override;

 private:
  const RocksDb& db_;
  Committer& committer_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORAGE_ROCKS_LEASE_STORE_H_
