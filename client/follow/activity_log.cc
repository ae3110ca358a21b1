#include "client/follow/activity_log.h"

#include <algorithm>
#include <utility>

namespace latchkey {

std::shared_ptr<const UseMark> ActivityLog::Open(const SessionId& session) {
  auto mark = std::make_shared<UseMark>(session);
  MutexLock lock(&mutex_);
  if (marks_.size() >= max_marks_) {
    ++unreported_;
    return nullptr;
  }
  marks_.push_back(mark);
  return mark;
}

std::vector<SessionUse> ActivityLog::Take(absl::Duration now,
                                          absl::Duration interval) {
  const int64_t now_nanos = absl::ToInt64Nanoseconds(now);
  const int64_t interval_nanos = absl::ToInt64Nanoseconds(interval);
  std::vector<SessionUse> uses;
  MutexLock lock(&mutex_);
  const size_t scan = std::min(kScan, marks_.size());
  for (size_t i = 0; i < scan && uses.size() < kMaxHeartbeatUses; ++i) {
    if (next_ >= marks_.size()) next_ = 0;
    UseMark& mark = *marks_[next_];
    // Nobody else can come to hold it then. A use noted just before may be
    // overlooked: it counts a moment less.
    const bool is_last = marks_[next_].use_count() == 1;
    const int64_t used = mark.used_nanos_.load(std::memory_order_relaxed);
    const bool is_told = used <= mark.told_use_nanos_;
    if (!is_told && now_nanos - mark.told_at_nanos_ >= interval_nanos) {
      mark.told_use_nanos_ = used;
      mark.told_at_nanos_ = now_nanos;
      uses.push_back(
          {.session = mark.session_,
           .age = absl::Nanoseconds(std::max<int64_t>(0, now_nanos - used))});
    } else if (is_told && is_last) {
      std::swap(marks_[next_], marks_.back());
      marks_.pop_back();
      continue;
    }
    ++next_;
  }
  return uses;
}

uint64_t ActivityLog::Unreported() const {
  MutexLock lock(&mutex_);
  return unreported_;
}

size_t ActivityLog::size() const {
  MutexLock lock(&mutex_);
  return marks_.size();
}

}  // namespace latchkey
