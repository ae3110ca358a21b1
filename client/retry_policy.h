#ifndef LATCHKEY_CLIENT_RETRY_POLICY_H_
#define LATCHKEY_CLIENT_RETRY_POLICY_H_

#include <optional>

#include "absl/random/random.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

#include "client/base/mutex.h"

namespace latchkey {

struct RetryOptions {
  // Of one call, the first included; 1-10. 1: nothing is tried again.
  int max_attempts = 4;
  // The longest wait before the second attempt, at least 1 ms; it doubles with
  // each, up to max_backoff, which is at most 1 minute. The wait itself is
  // random between nothing and that, so that clients that failed together do
  // not come back together.
  absl::Duration first_backoff = absl::Milliseconds(50);
  absl::Duration max_backoff = absl::Seconds(2);
  // How many second attempts each call earns for this client, 0-1, and how many
  // may be saved up, 1-10,000: so a server that fails gets little more than it
  // was asked anyway.
  double budget_per_call = 0.1;
  double budget_max = 20;
};

// FullJitter returns a random wait before attempt `failures` + 1, after
// `failures` attempts (at least 1) have failed: between nothing and `first`,
// doubled with each failure, at most `max`.
absl::Duration FullJitter(int failures, absl::Duration first,
                          absl::Duration max, absl::BitGen& random);

// RetryPolicy decides whether and when a call that failed is tried again.
// Safe from any thread.
class RetryPolicy {
 public:
  // REQUIRES: Check(options) is OK.
  explicit RetryPolicy(const RetryOptions& options);

  //   kInvalidArgument  an option is out of its limits
  static absl::Status Check(const RetryOptions& options);

  // Started notes that a call begins: the budget grows.
  void Started();

  // A Repeat says whether a call may be done twice.
  enum class Repeat { kSafe, kOnlyIfNotBegun };

  // DelayAfter returns how long to wait before the next attempt, and takes it
  // from the budget; nullopt: `error`, which the `attempts`th attempt got, is
  // the answer. `left` is what is left until the deadline.
  std::optional<absl::Duration> DelayAfter(const absl::Status& error,
                                           Repeat repeat, int attempts,
                                           absl::Duration left);

 private:
  const RetryOptions options_;
  Mutex mutex_;
  double budget_ ABSL_GUARDED_BY(mutex_);
  absl::BitGen random_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_RETRY_POLICY_H_
