#ifndef LATCHKEY_TESTS_SUPPORT_FAKE_CLOCK_H_
#define LATCHKEY_TESTS_SUPPORT_FAKE_CLOCK_H_

#include <atomic>
#include <cstdint>

#include "absl/time/time.h"

#include "client/base/clock.h"

namespace latchkey {

// FakeClock stands still until told otherwise. Wall clock and boot clock move
// together by Advance, and apart by SetNow. Safe from any thread.
class FakeClock final : public Clock {
 public:
  // Starts at 2030-01-01T00:00:00Z, an hour after boot.
  FakeClock() = default;

  absl::Time Now() const override {
    return absl::FromUnixMicros(now_micros_.load());
  }
  absl::Duration SinceBoot() const override {
    return absl::Microseconds(boot_micros_.load());
  }

  void Advance(absl::Duration by) {
    now_micros_ += absl::ToInt64Microseconds(by);
    boot_micros_ += absl::ToInt64Microseconds(by);
  }
  // SetNow steps the wall clock alone, as an operator or NTP does.
  void SetNow(absl::Time now) { now_micros_ = absl::ToUnixMicros(now); }

 private:
  std::atomic<int64_t> now_micros_{1893456000ll * 1000000};
  std::atomic<int64_t> boot_micros_{3600ll * 1000000};
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SUPPORT_FAKE_CLOCK_H_
