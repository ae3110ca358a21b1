#ifndef LATCHKEY_SERVER_STORAGE_STORE_HEALTH_H_
#define LATCHKEY_SERVER_STORAGE_STORE_HEALTH_H_

#include <atomic>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "server/base/log.h"

namespace latchkey {

// StoreHealth is what the parts of one open store know in common about whether
// it may still answer. It only ever gets worse; a restart makes a new one.
//
// Safe from any thread; no call blocks on the disk.
class StoreHealth {
 public:
  // `log` must outlive this object.
  explicit StoreHealth(Log& log) : log_(log) {}
  StoreHealth(const StoreHealth&) = delete;
  StoreHealth& operator=(const StoreHealth&) = delete;

  // Ready is what every call to a store asks first: OK, or the refusal.
  //   kUnavailable  kStoreFailed: a write failed; kShuttingDown: closing
  absl::Status Ready() const;

  // Health is OK unless a write failed (kUnavailable, kStoreFailed) or the
  // check of the files found damage (kDataLoss, kCorruptRecord).
  absl::Status Health() const;

  // StopAfterFailedWrite makes Ready refuse for good: what is on disk is not
  // known any more. `detail` is logged, not told to callers.
  void StopAfterFailedWrite(absl::string_view detail);

  // ReportDamage makes Health fail. Reads go on: each block that is read is
  // checked, so what is damaged is refused and the rest is right.
  void ReportDamage(absl::string_view detail);

  // BeginClose makes Ready refuse from now on.
  void BeginClose();

 private:
  Log& log_;
  std::atomic<bool> failed_{false};
  std::atomic<bool> damaged_{false};
  std::atomic<bool> closing_{false};
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORAGE_STORE_HEALTH_H_
