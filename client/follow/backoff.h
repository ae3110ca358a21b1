#ifndef LATCHKEY_CLIENT_FOLLOW_BACKOFF_H_
#define LATCHKEY_CLIENT_FOLLOW_BACKOFF_H_

#include <algorithm>
#include <random>

#include "absl/time/time.h"

namespace latchkey {

// Backoff says how long to wait before something that failed is tried again:
// twice as long each time, up to a limit, of which a random part between a half
// and all, so that those who lost the same server do not come back together.
// One thread.
class Backoff {
 public:
  Backoff(absl::Duration first, absl::Duration longest)
      : first_(first), longest_(longest), next_(first) {}

  // Next returns how long to wait now.
  absl::Duration Next() {
    const absl::Duration wait = next_ * part_(random_);
    next_ = std::min(longest_, next_ * 2);
    return wait;
  }

  // Reset says that it succeeded.
  void Reset() { next_ = first_; }

 private:
  const absl::Duration first_;
  const absl::Duration longest_;
  absl::Duration next_;
  // No secret: it only has to differ between machines.
  std::minstd_rand random_{std::random_device()()};
  std::uniform_real_distribution<double> part_{0.5, 1.0};
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_FOLLOW_BACKOFF_H_
