#ifndef LATCHKEY_SERVER_BASE_METRICS_H_
#define LATCHKEY_SERVER_BASE_METRICS_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

namespace latchkey {

// Threads that count at the same time should not pass one cache line to and
// fro: each thread has a stripe, and few share one. Reading adds them up.
inline constexpr size_t kMetricStripes = 4;
inline constexpr size_t kMetricLine = 64;  // bytes of a cache line

// MetricStripe returns the calling thread's stripe. Threads take them in turn.
inline size_t MetricStripe() {
  static std::atomic<size_t> next{0};
  static thread_local const size_t stripe =
      next.fetch_add(1, std::memory_order_relaxed) % kMetricStripes;
  return stripe;
}

// Counter counts events since the start. Adding is one relaxed increment, some
// nanoseconds.
//
// Safe from any thread. What Value returns may lack what other threads are
// adding at this moment; it never goes back.
class Counter {
 public:
  void Add(uint64_t more = 1) {
    stripes_[MetricStripe()].value.fetch_add(more, std::memory_order_relaxed);
  }

  uint64_t Value() const {
    uint64_t sum = 0;
    for (const Stripe& stripe : stripes_) {
      sum += stripe.value.load(std::memory_order_relaxed);
    }
    return sum;
  }

 private:
  struct alignas(kMetricLine) Stripe {
    std::atomic<uint64_t> value{0};
  };

  std::array<Stripe, kMetricStripes> stripes_;
};

// DurationHistogram counts durations in buckets, each twice as wide as the one
// before: from 1 us, which is less than any call takes, to 16.8 s, which is
// more than anybody waits. Adding is two relaxed increments.
//
// Safe from any thread; as Counter.
class DurationHistogram {
 public:
  // With a bound: bucket i holds what is longer than the bound before and not
  // longer than 2^i us, as `le` of Prometheus says. One more, behind them,
  // holds what is longer than all.
  static constexpr size_t kBounds = 25;

  // Add counts `took`; a negative one counts as zero.
  void Add(absl::Duration took) { AddNanos(absl::ToInt64Nanoseconds(took)); }
  void AddNanos(int64_t took) {
    const uint64_t nanos = static_cast<uint64_t>(std::max<int64_t>(0, took));
    Stripe& stripe = stripes_[MetricStripe()];
    stripe.counts[BucketOf(nanos)].fetch_add(1, std::memory_order_relaxed);
    stripe.sum_nanos.fetch_add(nanos, std::memory_order_relaxed);
  }

  // What was counted.
  struct Snapshot {
    std::array<uint64_t, kBounds + 1> counts{};  // of each bucket alone
    uint64_t total = 0;                          // of all of them
    uint64_t sum_nanos = 0;
  };
  Snapshot Read() const;

  // BucketOf returns the bucket of a duration.
  static constexpr size_t BucketOf(uint64_t nanos) {
    // Up to whole microseconds: 2^i us and no more is still in bucket i.
    const uint64_t micros = nanos / 1000 + (nanos % 1000 != 0 ? 1 : 0);
    if (micros <= 1) return 0;
    return std::min<size_t>(kBounds, std::bit_width(micros - 1));
  }

 private:
  struct alignas(kMetricLine) Stripe {
    std::array<std::atomic<uint64_t>, kBounds + 1> counts{};
    std::atomic<uint64_t> sum_nanos{0};
  };

  std::array<Stripe, kMetricStripes> stripes_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_BASE_METRICS_H_
