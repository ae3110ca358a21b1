#include "client/base/clock.h"

#include <cstdlib>
#include <time.h>

namespace latchkey {
namespace {

timespec Read(clockid_t id) {
  timespec value;
  // Cannot fail for the two clocks below on any Linux this builds for; if it
  // does, no answer about expiry would be right.
  if (clock_gettime(id, &value) != 0) std::abort();
  return value;
}

}  // namespace

absl::Time SystemClock::Now() const {
  const timespec value = Read(CLOCK_REALTIME);
  return absl::FromUnixMicros(int64_t{value.tv_sec} * 1000000 +
                              value.tv_nsec / 1000);
}

absl::Duration SystemClock::SinceBoot() const {
  return absl::DurationFromTimespec(Read(CLOCK_BOOTTIME));
}

ForwardClock::ForwardClock(const Clock& base)
    : base_(base), latest_micros_(absl::ToUnixMicros(base.Now())) {}

absl::Time ForwardClock::Now() const {
  const int64_t wall = absl::ToUnixMicros(base_.Now());
  int64_t latest = latest_micros_.load(std::memory_order_acquire);
  while (wall > latest) {
    if (latest_micros_.compare_exchange_weak(latest, wall,
                                             std::memory_order_acq_rel)) {
      return absl::FromUnixMicros(wall);
    }
  }
  return absl::FromUnixMicros(latest);
}

absl::Duration ForwardClock::SinceBoot() const { return base_.SinceBoot(); }

absl::Duration ForwardClock::HeldFor() const {
  const absl::Time latest =
      absl::FromUnixMicros(latest_micros_.load(std::memory_order_acquire));
  const absl::Duration behind = latest - base_.Now();
  return behind > absl::ZeroDuration() ? behind : absl::ZeroDuration();
}

}  // namespace latchkey
