#include "server/base/metrics.h"

namespace latchkey {

DurationHistogram::Snapshot DurationHistogram::Read() const {
  Snapshot snapshot;
  for (const Stripe& stripe : stripes_) {
    for (size_t i = 0; i <= kBounds; ++i) {
      const uint64_t count = stripe.counts[i].load(std::memory_order_relaxed);
      snapshot.counts[i] += count;
      // Not a counter of its own: so the buckets always add up to it.
      snapshot.total += count;
    }
    snapshot.sum_nanos += stripe.sum_nanos.load(std::memory_order_relaxed);
  }
  return snapshot;
}

}  // namespace latchkey
