#include "server/storage/rocks_lease_store.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "client/base/status_macros.h"
#include "server/storage/change_view.h"
#include "server/storage/family.h"
#include "server/storage/records.h"

namespace latchkey {
namespace {

// Whole microseconds, cut up: never waited out for less than was granted.
uint64_t MicrosOf(absl::Duration ttl) {
  return static_cast<uint64_t>(absl::ToInt64Microseconds(
      absl::Ceil(std::max(ttl, absl::ZeroDuration()), absl::Microseconds(1))));
}

}  // namespace

absl::StatusOr<absl::Duration> RocksLeaseStore::LongestTtl() const {
  rocksdb::PinnableSlice row;
  LATCHKEY_ASSIGN_OR_RETURN(const bool found,
                            db_.Read(Family::kMeta, kMetaLongestLease, &row));
  if (!found) return absl::ZeroDuration();
  LATCHKEY_ASSIGN_OR_RETURN(const uint64_t micros,
                            DecodeMetaNumber64(ToView(row)));
  return absl::Microseconds(micros);
}

absl::Status RocksLeaseStore::StoreLongestTtl(absl::Duration ttl) {
  return committer_
      .Commit([&](ChangeView& view) -> absl::Status {
        LATCHKEY_ASSIGN_OR_RETURN(const std::optional<std::string> row,
                                  view.Get(Family::kMeta, kMetaLongestLease));
        if (row.has_value()) {
          LATCHKEY_ASSIGN_OR_RETURN(const uint64_t stored,
                                    DecodeMetaNumber64(*row));
          if (stored >= MicrosOf(ttl)) return absl::OkStatus();
        }
        view.Put(Family::kMeta, kMetaLongestLease,
                 EncodeMetaNumber64(MicrosOf(ttl)));
        return absl::OkStatus();
      })
      .status();
}

}  // namespace latchkey
