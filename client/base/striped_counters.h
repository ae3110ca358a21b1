#ifndef LATCHKEY_CLIENT_BASE_STRIPED_COUNTERS_H_
#define LATCHKEY_CLIENT_BASE_STRIPED_COUNTERS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <sched.h>

namespace latchkey {

// StripedCounters counts N kinds of events that happen often and at the same
// time: each processor counts in a cache line of its own, so that counting
// costs the same however many do.
//
// Safe from any thread.
template <size_t N>
class StripedCounters {
 public:
  static_assert(N >= 1 && N <= 8, "one cache line");

  // Add counts one event of kind `kind`.
  void Add(size_t kind) {
    const int processor = sched_getcpu();
    lines_[static_cast<size_t>(processor < 0 ? 0 : processor) % kLines]
        .counts[kind]
        .fetch_add(1, std::memory_order_relaxed);
  }

  // Sum returns how many there were so far.
  uint64_t Sum(size_t kind) const {
    uint64_t sum = 0;
    for (const Line& line : lines_) {
      sum += line.counts[kind].load(std::memory_order_relaxed);
    }
    return sum;
  }

 private:
  // A line for each of the first so many processors; further ones share.
  static constexpr size_t kLines = 64;
  struct alignas(64) Line {
    std::array<std::atomic<uint64_t>, N> counts = {};
  };

  std::array<Line, kLines> lines_;
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_BASE_STRIPED_COUNTERS_H_
