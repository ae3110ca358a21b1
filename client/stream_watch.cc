#include "client/stream_watch.h"

#include <algorithm>
#include <pthread.h>
#include <utility>

namespace latchkey {
namespace {

// Between two looks at all streams, whatever clocks say.
constexpr absl::Duration kLongestWait = absl::Seconds(1);

}  // namespace

WatchedStream::WatchedStream(Verdict who, absl::string_view credential,
                             std::string audience,
                             std::function<void(StreamEnd)> end)
    : who_(std::move(who)),
      credential_(credential),
      audience_(std::move(audience)),
      end_(std::move(end)) {}

void WatchedStream::End(StreamEnd why) {
  if (open_.exchange(false)) end_(why);
}

StreamWatch::StreamWatch(Validator& validator, const Clock& clock,
                         absl::Duration check_timeout,
                         absl::Duration recheck_interval)
    : validator_(validator),
      clock_(clock),
      check_timeout_(check_timeout),
      recheck_interval_(recheck_interval),
      wait_(kLongestWait),
      subscription_(validator.OnChange([this] { Ring(); })),
      thread_([this] { Run(); }) {}

StreamWatch::~StreamWatch() { Stop(); }

void StreamWatch::Add(const std::shared_ptr<WatchedStream>& stream) {
  const absl::Duration wish = UntilExpiry(*stream);
  bool too_late = false;
  {
    MutexLock lock(&mutex_);
    too_late = stopped_;
    if (!too_late) {
      if (streams_.empty() || wish < wait_) {
        rung_ = true;
        changed_.NotifyOne();
      }
      wait_ = std::min(wait_, wish);
      streams_.insert(stream);
    }
  }
  if (too_late) return stream->End(StreamEnd::kUnsure);
  // Only now: what is taken back from here on rings.
  const Validator::Standing standing = validator_.StandingOf(*stream->who_);
  if (standing == Validator::Standing::kEnded) {
    stream->End(StreamEnd::kTakenBack);
  } else if (standing == Validator::Standing::kUnknown) {
    Ring();
  }
}

void StreamWatch::Remove(const std::shared_ptr<WatchedStream>& stream) {
  stream->Gone();
  MutexLock lock(&mutex_);
  streams_.erase(stream);
}

void StreamWatch::Stop() {
  // First: it calls Ring no more when it is gone.
  subscription_.reset();
  {
    MutexLock lock(&mutex_);
    stopped_ = true;
    changed_.NotifyOne();
  }
  if (!thread_.joinable()) return;
  thread_.join();
  for (const auto& stream : Snapshot()) stream->End(StreamEnd::kUnsure);
}

size_t StreamWatch::open() const {
  MutexLock lock(&mutex_);
  return streams_.size();
}

void StreamWatch::Ring() {
  MutexLock lock(&mutex_);
  rung_ = true;
  changed_.NotifyOne();
}

void StreamWatch::Run() {
  pthread_setname_np(pthread_self(), "stream_watch");
  while (WaitForWork()) {
    absl::Duration wait = kLongestWait;
    for (const auto& stream : Snapshot()) {
      if (stream->open()) wait = std::min(wait, Look(stream));
    }
    WaitAtMost(wait);
  }
}

bool StreamWatch::WaitForWork() {
  MutexLock lock(&mutex_);
  while (!rung_ && !stopped_) {
    if (streams_.empty()) {
      changed_.Wait(&mutex_);
    } else if (!changed_.WaitFor(&mutex_, wait_)) {
      break;
    }
  }
  rung_ = false;
  return !stopped_;
}

// What is added from here on shortens the wait by itself.
StreamWatch::Streams StreamWatch::Snapshot() {
  MutexLock lock(&mutex_);
  wait_ = kLongestWait;
  return Streams(streams_.begin(), streams_.end());
}

void StreamWatch::WaitAtMost(absl::Duration wait) {
  MutexLock lock(&mutex_);
  wait_ = std::min(wait_, wait);
}

// Returns when to look again, at the latest.
absl::Duration StreamWatch::Look(const std::shared_ptr<WatchedStream>& stream) {
  switch (validator_.StandingOf(*stream->who_)) {
    case Validator::Standing::kGood:
      stream->asked_ = -absl::InfiniteDuration();
      return UntilExpiry(*stream);
    case Validator::Standing::kEnded:
      stream->End(StreamEnd::kTakenBack);
      return kLongestWait;
    case Validator::Standing::kUnknown:
      break;
  }
  return AskAbout(stream);
}

absl::Duration StreamWatch::AskAbout(
    const std::shared_ptr<WatchedStream>& stream) {
  const absl::Duration now = clock_.SinceBoot();
  const absl::Duration wait = stream->asked_ + recheck_interval_ - now;
  if (wait > absl::ZeroDuration()) return wait;
  if (stream->asking_.exchange(true)) return recheck_interval_;
  stream->asked_ = now;
  // How fresh, and how long ago a proof was, it was asked when it began.
  const CheckOptions options = {.audience = stream->audience_, .passive = true};
  validator_.Check(stream->credential_.Reveal(), options,
                   clock_.Now() + check_timeout_,
                   [stream](const absl::StatusOr<Verdict>& verdict) {
                     stream->asking_.store(false);
                     if (!verdict.ok()) {
                       stream->End(StreamEnd::kUnsure);
                     } else if (*verdict == nullptr) {
                       stream->End(StreamEnd::kTakenBack);
                     }
                   });
  return recheck_interval_;
}

// What is past its end, and good all the same, by the skew that is allowed, is
// looked at each second.
absl::Duration StreamWatch::UntilExpiry(const WatchedStream& stream) const {
  const absl::Duration left = stream.who_->expire_time - clock_.Now();
  return left > absl::ZeroDuration() ? std::min(left, kLongestWait)
                                     : kLongestWait;
}

}  // namespace latchkey
