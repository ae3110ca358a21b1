#include "server/account/hash_pool.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "server/base/error.h"

namespace latchkey {
namespace {

// The share of the newest hash in the moving mean: follows a changed cost
// within a dozen hashes, and one slow hash does not double the delays.
constexpr int kMeanWeight = 8;

absl::Status ShuttingDown() {
  return MakeError(absl::StatusCode::kUnavailable, Reason::kShuttingDown,
                   "the server is shutting down");
}

}  // namespace

HashPool::HashPool(const Options& options, const Clock& clock)
    : options_(options),
      clock_(clock),
      pool_({.name = "hash",
             .threads = options.threads,
             .queue_limit = options.queue_limit}) {}

HashPool::~HashPool() { Stop(); }

absl::Status HashPool::Submit(HashJob job) {
  auto shared = std::make_shared<const HashJob>(std::move(job));
  if (pool_.TrySubmit([this, shared] { Take(*shared); })) {
    return absl::OkStatus();
  }
  ++refused_;
  if (stopping_) return ShuttingDown();
  return WithRetryDelay(
      MakeError(absl::StatusCode::kResourceExhausted, Reason::kHashQueueFull,
                "too many logins are waiting"),
      RetryDelay());
}

void HashPool::Stop() {
  stopping_ = true;
  pool_.Stop();
}

HashPool::Counts HashPool::counts() const {
  return {.started = started_, .dropped = dropped_, .refused = refused_};
}

void HashPool::Take(const HashJob& job) {
  if (stopping_) {
    ++dropped_;
    job.drop(ShuttingDown());
    return;
  }
  if (job.abandoned()) {
    ++dropped_;
    job.drop(MakeError(absl::StatusCode::kCancelled, Reason::kCancelled,
                       "the call ended before its turn came"));
    return;
  }
  ++started_;
  const absl::Duration begin = clock_.SinceBoot();
  job.run();
  NoteDuration(clock_.SinceBoot() - begin);
}

void HashPool::NoteDuration(absl::Duration took) {
  MutexLock lock(&mutex_);
  if (mean_duration_ == absl::ZeroDuration()) {
    mean_duration_ = took;
  } else {
    mean_duration_ += (took - mean_duration_) / kMeanWeight;
  }
}

absl::Duration HashPool::RetryDelay() const {
  absl::Duration mean;
  {
    MutexLock lock(&mutex_);
    mean = mean_duration_;
  }
  const absl::Duration until_empty =
      mean * static_cast<double>(pool_.Waiting()) / options_.threads;
  return std::clamp(until_empty, kMinRetryDelay, kMaxRetryDelay);
}

}  // namespace latchkey
