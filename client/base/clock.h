#ifndef LATCHKEY_CLIENT_BASE_CLOCK_H_
#define LATCHKEY_CLIENT_BASE_CLOCK_H_

#include <atomic>
#include <cstdint>

#include "absl/time/time.h"

namespace latchkey {

// Clock tells the time to the edges of the program; everything below takes
// `now` as an argument and never asks.
//
// Safe to call from any thread; never blocks.
class Clock {
 public:
  virtual ~Clock() = default;

  // Now returns the wall clock, cut to whole microseconds, the precision that
  // records keep. Expiry is decided by it.
  virtual absl::Time Now() const = 0;

  // SinceBoot returns the time since the machine started, suspended time
  // included (CLOCK_BOOTTIME). Timeouts and leases are measured by it.
  virtual absl::Duration SinceBoot() const = 0;
};

// SystemClock reads the clocks of the machine as they are.
class SystemClock final : public Clock {
 public:
  absl::Time Now() const override;
  absl::Duration SinceBoot() const override;
};

// ForwardClock is a clock whose Now never goes back: when the wall clock under
// it steps back, Now stands still until the wall clock has caught up. So no
// session that was seen expired is ever seen alive again by this process.
class ForwardClock final : public Clock {
 public:
  // `base` must outlive this clock.
  explicit ForwardClock(const Clock& base);

  absl::Time Now() const override;
  absl::Duration SinceBoot() const override;

  // HeldFor returns by how much the wall clock is behind what Now answers;
  // zero unless it stepped back and has not yet caught up.
  absl::Duration HeldFor() const;

 private:
  const Clock& base_;
  mutable std::atomic<int64_t> latest_micros_;
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_BASE_CLOCK_H_
