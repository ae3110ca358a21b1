#include "tools/bench/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>

namespace latchkey::bench {
namespace {

// Buckets per doubling: a bucket is less than 1/128 of its value wide, so its
// middle is within 0.4 % of all that lies in it.
constexpr int kPrecisionBits = 7;
constexpr int64_t kPerDoubling = 1 << kPrecisionBits;
constexpr int64_t kLargestNanos = 100'000'000'000;

size_t BucketOf(int64_t nanos) {
  if (nanos < kPerDoubling) return static_cast<size_t>(nanos);
  const int shift =
      static_cast<int>(std::bit_width(static_cast<uint64_t>(nanos))) - 1 -
      kPrecisionBits;
  return static_cast<size_t>(kPerDoubling * shift + (nanos >> shift));
}

// Returns the middle of what falls into `bucket`.
int64_t MiddleOf(size_t bucket) {
  const auto index = static_cast<int64_t>(bucket);
  if (index < 2 * kPerDoubling) return index;
  const int64_t shift = index / kPerDoubling - 1;
  const int64_t low = (index - kPerDoubling * shift) << shift;
  return low + ((int64_t{1} << shift) - 1) / 2;
}

}  // namespace

Histogram::Histogram() : buckets_(BucketOf(kLargestNanos) + 1, 0) {}

void Histogram::AddNanos(int64_t nanos) {
  nanos = std::max<int64_t>(nanos, 0);
  ++buckets_[BucketOf(std::min(nanos, kLargestNanos))];
  min_nanos_ = count_ == 0 ? nanos : std::min(min_nanos_, nanos);
  max_nanos_ = std::max(max_nanos_, nanos);
  sum_nanos_ += static_cast<double>(nanos);
  ++count_;
}

void Histogram::Merge(const Histogram& other) {
  if (other.count_ == 0) return;
  for (size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  min_nanos_ =
      count_ == 0 ? other.min_nanos_ : std::min(min_nanos_, other.min_nanos_);
  max_nanos_ = std::max(max_nanos_, other.max_nanos_);
  sum_nanos_ += other.sum_nanos_;
  count_ += other.count_;
}

absl::Duration Histogram::Mean() const {
  if (count_ == 0) return absl::ZeroDuration();
  return absl::Nanoseconds(sum_nanos_ / static_cast<double>(count_));
}

absl::Duration Histogram::Min() const { return absl::Nanoseconds(min_nanos_); }

absl::Duration Histogram::Max() const { return absl::Nanoseconds(max_nanos_); }

absl::Duration Histogram::Percentile(double percent) const {
  if (count_ == 0) return absl::ZeroDuration();
  // A hair less, so that 29 % of 100 values is the 29th although 0.29 * 100 is
  // a little above 29 in binary.
  const double rank = percent / 100 * static_cast<double>(count_);
  const auto wanted = static_cast<uint64_t>(std::ceil(rank * (1 - 1e-12)));
  if (wanted >= count_) return Max();
  uint64_t seen = 0;
  for (size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen >= std::max<uint64_t>(wanted, 1)) {
      return absl::Nanoseconds(std::clamp(MiddleOf(i), min_nanos_, max_nanos_));
    }
  }
  return Max();
}

}  // namespace latchkey::bench
