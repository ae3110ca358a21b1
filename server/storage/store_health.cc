#include "server/storage/store_health.h"

#include "server/base/error.h"

namespace latchkey {
namespace {

absl::Status StoreFailed() {
  return MakeError(absl::StatusCode::kUnavailable, Reason::kStoreFailed,
                   "the store stopped after a failed write");
}

}  // namespace

absl::Status StoreHealth::Ready() const {
  if (failed_.load(std::memory_order_acquire)) return StoreFailed();
  if (closing_.load(std::memory_order_acquire)) {
    return MakeError(absl::StatusCode::kUnavailable, Reason::kShuttingDown,
                     "the store is closing");
  }
  return absl::OkStatus();
}

absl::Status StoreHealth::Health() const {
  if (failed_.load(std::memory_order_acquire)) return StoreFailed();
  if (damaged_.load(std::memory_order_acquire)) {
    return MakeError(absl::StatusCode::kDataLoss, Reason::kCorruptRecord,
                     "the store is damaged");
  }
  return absl::OkStatus();
}

void StoreHealth::StopAfterFailedWrite(absl::string_view detail) {
  if (failed_.exchange(true, std::memory_order_acq_rel)) return;
  log_.Error("store stopped after a failed write", {{"detail", detail}});
}

void StoreHealth::ReportDamage(absl::string_view detail) {
  damaged_.store(true, std::memory_order_release);
  log_.Error("store is damaged", {{"detail", detail}});
}

void StoreHealth::BeginClose() {
  closing_.store(true, std::memory_order_release);
}

}  // namespace latchkey
