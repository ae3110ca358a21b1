#ifndef LATCHKEY_CLIENT_FOLLOW_ACTIVITY_LOG_H_
#define LATCHKEY_CLIENT_FOLLOW_ACTIVITY_LOG_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/time/time.h"

#include "client/base/ids.h"
#include "client/base/mutex.h"
#include "client/verify/revocation_message.h"

namespace latchkey {

// UseMark is where checks note that a session was used. From any thread.
class UseMark {
 public:
  explicit UseMark(const SessionId& session) : session_(session) {}

  // Touch notes a use at `now`, by the boot clock. It writes only if the last
  // one is kGrain ago, so that threads that check the same credential do not
  // take the cache line from each other.
  void Touch(absl::Duration now) const {
    const int64_t nanos = absl::ToInt64Nanoseconds(now);
    if (nanos - used_nanos_.load(std::memory_order_relaxed) >= kGrainNanos) {
      used_nanos_.store(nanos, std::memory_order_relaxed);
    }
  }

  static constexpr absl::Duration kGrain = absl::Milliseconds(100);

 private:
  friend class ActivityLog;
  static constexpr int64_t kGrainNanos = 100'000'000;
  // Long before any boot.
  static constexpr int64_t kNever = INT64_MIN / 2;

  const SessionId session_;
  mutable std::atomic<int64_t> used_nanos_{kNever};
  // Of the log: the newest use told of, and when.
  int64_t told_use_nanos_ = kNever;
  int64_t told_at_nanos_ = kNever;
};

// ActivityLog collects which sessions were used, each at most once in an
// interval, and the last use too, since that is what an idle timeout counts
// from. A session whose uses have all been told, and that nobody can use
// through its mark any more, is forgotten.
class ActivityLog {
 public:
  // Marks that one Take looks at: more than a message holds, for most were not
  // used since.
  static constexpr size_t kScan = 4096;

  // What does not fit into `max_marks` is not told of.
  explicit ActivityLog(size_t max_marks) : max_marks_(max_marks) {}

  // Open returns a new mark for `session`; null if there is no room. From any
  // thread.
  std::shared_ptr<const UseMark> Open(const SessionId& session);

  // Take returns what is to be told at `now`, by the boot clock: at most
  // kMaxHeartbeatUses. One thread.
  std::vector<SessionUse> Take(absl::Duration now, absl::Duration interval);

  // Unreported returns how often there was no room.
  uint64_t Unreported() const;
  size_t size() const;

 private:
  const size_t max_marks_;

  mutable Mutex mutex_;
  std::vector<std::shared_ptr<UseMark>> marks_ ABSL_GUARDED_BY(mutex_);
  size_t next_ ABSL_GUARDED_BY(mutex_) = 0;  // to be looked at
  uint64_t unreported_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_FOLLOW_ACTIVITY_LOG_H_
