#include "server/account/hash_pool.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "server/base/error.h"
#include "server/base/short_turns.h"

namespace latchkey {
namespace {

// The share of the newest hash in the moving mean: follows a changed cost
// within a dozen hashes, and one slow hash does not double the delays.
constexpr int kMeanWeight = 8;

// The share of a processor that a hash has where nobody else wants one, and
// that of a thread with its tenth where others are not pressed.
constexpr double kAlone = 0.92;
constexpr double kAmple = 0.25;
// A thread that lives on leftovers starves at this, if a hash takes that long.
constexpr double kStarving = 1.0 / 30;
constexpr absl::Duration kLongHash = absl::Milliseconds(200);

// Waiting jobs asked, by one refusal at most, whether anybody still wants them:
// the default queue whole, in a few microseconds.
constexpr int kMostAsked = 64;

absl::Status ShuttingDown() {
  return MakeError(absl::StatusCode::kUnavailable, Reason::kShuttingDown,
                   "the server is shutting down");
}

absl::Status QueueFull(absl::Duration retry_delay) {
  return WithRetryDelay(
      MakeError(absl::StatusCode::kResourceExhausted, Reason::kHashQueueFull,
                "too many logins are waiting"),
      retry_delay);
}

}  // namespace

HashPool::HashPool(const Options& options, const Clock& clock)
    : options_(options),
      clock_(clock),
      leftover_({.name = "hash",
                 .threads = options.threads,
                 .queue_limit = static_cast<size_t>(options.threads),
                 .priority = ThreadPriority::kLeftover}),
      tenth_({.name = "hash-tenth",
              .threads = options.threads,
              .queue_limit = static_cast<size_t>(options.threads),
              .priority = ThreadPriority::kHousekeeping}) {}

HashPool::~HashPool() { Stop(); }

absl::Status HashPool::Submit(HashJob job) {
  Queue dead;
  const absl::Status status = TryQueue(std::move(job), &dead);
  if (!status.ok()) ++refused_;
  if (!dead.empty()) Drop(dead, Abandoned());
  return status;
}

void HashPool::Stop() {
  stopping_ = true;
  leftover_.Stop();
  tenth_.Stop();
}

size_t HashPool::Waiting() const {
  MutexLock lock(&mutex_);
  return queue_.size();
}

HashPool::Counts HashPool::counts() const {
  return {.started = started_, .dropped = dropped_, .refused = refused_};
}

absl::Status HashPool::TryQueue(HashJob job, Queue* dead) {
  const absl::Duration now = clock_.SinceBoot();
  MutexLock lock(&mutex_);
  if (stopping_) return ShuttingDown();
  MoveAbandoned(dead);
  if (IsCrowded()) return QueueFull(RetryDelay());
  const bool starve = LeftoversStarve(now);
  if (starve) priority_ = ThreadPriority::kHousekeeping;
  const int under_way = starve ? turns_ - leftover_turns_ : turns_;
  if (under_way < options_.threads && !AddTurn(now)) return ShuttingDown();
  queue_.push_back({std::move(job), now});
  return absl::OkStatus();
}

bool HashPool::AddTurn(absl::Duration now) {
  const ThreadPriority its = priority_;
  if (!PoolFor(its).TrySubmit([this, its] { TakeTurn(its); })) return false;
  ++turns_;
  if (its == ThreadPriority::kLeftover && leftover_turns_++ == 0) {
    leftover_heard_ = now;
  }
  return true;
}

void HashPool::EndTurn(ThreadPriority mine) {
  --turns_;
  if (mine == ThreadPriority::kLeftover) --leftover_turns_;
}

bool HashPool::LeftoversStarve(absl::Duration now) const {
  return leftover_turns_ > 0 &&
         now - leftover_heard_ > std::max(kLongHash, hash_cpu_ / kStarving);
}

bool HashPool::IsCrowded() const {
  return queue_.size() >= options_.queue_limit ||
         UntilEmpty() > options_.max_wait;
}

void HashPool::MoveAbandoned(Queue* dead) {
  const size_t most = std::min<size_t>(kMostAsked, queue_.size());
  for (size_t asked = 0; asked < most && IsCrowded(); ++asked) {
    if (next_asked_ == queue_.end()) next_asked_ = queue_.begin();
    const auto job = next_asked_++;
    if (job->job.abandoned()) dead->splice(dead->end(), queue_, job);
  }
}

void HashPool::TakeTurn(ThreadPriority mine) {
  while (true) {
    const Queue taken = NextJob(mine);
    if (taken.empty()) return;
    TakeJob(taken, mine);
  }
}

HashPool::Queue HashPool::NextJob(ThreadPriority mine) {
  Queue taken;
  MutexLock lock(&mutex_);
  const bool was_overtaken =
      mine == ThreadPriority::kLeftover && turns_ > options_.threads;
  // The other pool may have stopped; then it goes on here.
  if (queue_.empty() || was_overtaken ||
      (priority_ != mine && AddTurn(clock_.SinceBoot()))) {
    EndTurn(mine);
    return taken;
  }
  if (next_asked_ == queue_.begin()) ++next_asked_;
  taken.splice(taken.end(), queue_, queue_.begin());
  return taken;
}

void HashPool::TakeJob(const Queue& one, ThreadPriority mine) {
  const WaitingJob& taken = one.front();
  const absl::Duration begin = clock_.SinceBoot();
  if (stopping_) {
    Drop(one, ShuttingDown());
  } else if (taken.job.abandoned()) {
    Drop(one, Abandoned());
  } else if (begin - taken.since > options_.max_wait) {
    absl::Duration delay;
    {
      MutexLock lock(&mutex_);
      delay = RetryDelay();
    }
    Drop(one, QueueFull(delay));
  } else {
    ++started_;
    ++running_;
    waits_.Add(begin - taken.since);
    const absl::Duration cpu = options_.thread_cpu();
    {
      std::optional<ShortTurns> turns;
      if (mine == ThreadPriority::kLeftover) turns.emplace();
      taken.job.run();
    }
    const absl::Duration took = clock_.SinceBoot() - begin;
    NoteDuration(took);
    NoteShare(mine, took, options_.thread_cpu() - cpu);
    --running_;
  }
}

void HashPool::Drop(const Queue& jobs, const absl::Status& why) {
  for (const WaitingJob& waiting : jobs) {
    ++dropped_;
    waiting.job.drop(why);
  }
}

void HashPool::NoteDuration(absl::Duration took) {
  runs_.Add(took);
  MutexLock lock(&mutex_);
  if (mean_duration_ == absl::ZeroDuration()) {
    mean_duration_ = took;
  } else {
    mean_duration_ += (took - mean_duration_) / kMeanWeight;
  }
}

void HashPool::NoteShare(ThreadPriority mine, absl::Duration took,
                         absl::Duration cpu) {
  if (took <= absl::ZeroDuration()) return;
  const double share = absl::FDivDuration(cpu, took);
  const absl::Duration now = clock_.SinceBoot();
  MutexLock lock(&mutex_);
  hash_cpu_ = cpu;
  if (mine == ThreadPriority::kLeftover) leftover_heard_ = now;
  if (share > kAlone) {
    priority_ = ThreadPriority::kHousekeeping;
  } else if (mine == ThreadPriority::kLeftover) {
    if (took > kLongHash && share < kStarving) {
      priority_ = ThreadPriority::kHousekeeping;
    }
  } else if (share > kAmple && !LeftoversStarve(now)) {
    priority_ = ThreadPriority::kLeftover;
  }
}

absl::Duration HashPool::UntilEmpty() const {
  return mean_duration_ * static_cast<double>(queue_.size()) / options_.threads;
}

absl::Duration HashPool::RetryDelay() const {
  return std::clamp(UntilEmpty(), kMinRetryDelay, kMaxRetryDelay);
}

}  // namespace latchkey
