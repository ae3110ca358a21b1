#include "client/retry_policy.h"

#include <algorithm>

#include "client/error_details.h"

namespace latchkey {
namespace {

bool MayRepeat(const absl::Status& error, const ErrorDetails& details,
               RetryPolicy::Repeat repeat) {
  if (error.code() != absl::StatusCode::kUnavailable) return false;
  // Without details it may be the connection that broke, in mid-call.
  return repeat == RetryPolicy::Repeat::kSafe ||
         (details.reason == "OVERLOADED" && details.retry_delay.has_value());
}

}  // namespace

absl::Duration FullJitter(int failures, absl::Duration first,
                          absl::Duration max, absl::BitGen& random) {
  absl::Duration limit = first;
  for (int i = 1; i < failures && limit < max; ++i) limit *= 2;
  return std::min(limit, max) * absl::Uniform(random, 0.0, 1.0);
}

RetryPolicy::RetryPolicy(const RetryOptions& options)
    : options_(options), budget_(options.budget_max) {}

absl::Status RetryPolicy::Check(const RetryOptions& options) {
  if (options.max_attempts < 1 || options.max_attempts > 10) {
    return absl::InvalidArgumentError("max_attempts must be 1 to 10");
  }
  if (options.first_backoff < absl::Milliseconds(1) ||
      options.first_backoff > options.max_backoff ||
      options.max_backoff > absl::Minutes(1)) {
    return absl::InvalidArgumentError(
        "first_backoff must be at least 1 ms, at most max_backoff, and that at "
        "most 1 minute");
  }
  // Written so that what is no number is refused, too.
  if (!(options.budget_per_call >= 0 && options.budget_per_call <= 1) ||
      !(options.budget_max >= 1 && options.budget_max <= 10'000)) {
    return absl::InvalidArgumentError(
        "budget_per_call must be 0 to 1, budget_max 1 to 10,000");
  }
  return absl::OkStatus();
}

void RetryPolicy::Started() {
  MutexLock lock(&mutex_);
  budget_ = std::min(options_.budget_max, budget_ + options_.budget_per_call);
}

std::optional<absl::Duration> RetryPolicy::DelayAfter(const absl::Status& error,
                                                      Repeat repeat,
                                                      int attempts,
                                                      absl::Duration left) {
  const ErrorDetails details = ErrorDetailsOf(error);
  if (attempts >= options_.max_attempts || !MayRepeat(error, details, repeat)) {
    return std::nullopt;
  }
  const absl::Duration asked = std::max(
      details.retry_delay.value_or(absl::ZeroDuration()), absl::ZeroDuration());
  MutexLock lock(&mutex_);
  const absl::Duration delay =
      asked + FullJitter(attempts, options_.first_backoff, options_.max_backoff,
                         random_);
  if (delay >= left || budget_ < 1) return std::nullopt;
  budget_ -= 1;
  return delay;
}

}  // namespace latchkey
