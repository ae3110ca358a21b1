#include "server/auth/janitor.h"

#include <algorithm>
#include <pthread.h>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace latchkey {
namespace {

constexpr absl::Duration kLongestFlushInterval = absl::Seconds(15);
constexpr absl::Duration kShortestFlushInterval = absl::Milliseconds(100);

}  // namespace

absl::Duration Janitor::FlushIntervalFor(absl::Duration idle_ttl) {
  return std::max(kShortestFlushInterval,
                  std::min(kLongestFlushInterval, idle_ttl / 10));
}

Janitor::Janitor(SessionCache& sessions, KeyRing& keys,
                 const ForwardClock& clock, Log& log, Options options)
    : sessions_(sessions),
      keys_(keys),
      clock_(clock),
      log_(log),
      options_(options),
      flush_due_(clock.SinceBoot() + options.flush_interval),
      sweep_due_(clock.SinceBoot() + options.sweep_interval),
      keys_due_(clock.SinceBoot() + options.key_interval) {}

Janitor::~Janitor() { Stop(); }

void Janitor::Start() {
  thread_ = std::thread([this] { Work(); });
}

void Janitor::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

absl::Duration Janitor::RunDue(absl::Duration since_boot) {
  WatchClock();
  if (since_boot >= flush_due_) {
    Flush();
    flush_due_ = since_boot + options_.flush_interval;
  }
  if (since_boot >= sweep_due_) {
    sweep_due_ = since_boot + Sweep();
  }
  if (since_boot >= keys_due_) {
    TurnKeys();
    keys_due_ = since_boot + options_.key_interval;
  }
  return std::min({flush_due_, sweep_due_, keys_due_});
}

void Janitor::Work() {
  pthread_setname_np(pthread_self(), "janitor");
  while (true) {
    const absl::Duration due = RunDue(clock_.SinceBoot());
    MutexLock lock(&mutex_);
    while (!stopping_) {
      const absl::Duration left = due - clock_.SinceBoot();
      if (left <= absl::ZeroDuration()) break;
      wake_.WaitFor(&mutex_, left);
    }
    if (stopping_) return;
  }
}

void Janitor::Flush() {
  const absl::Status saved = sessions_.Flush(clock_.Now());
  if (!saved.ok()) log_.Warning("activity not saved", {{"status", saved}});
}

absl::Duration Janitor::Sweep() {
  const absl::StatusOr<int> freed =
      sessions_.Sweep(clock_.Now(), options_.sweep_limit);
  if (!freed.ok()) {
    log_.Warning("sweep failed", {{"status", freed.status()}});
    return options_.sweep_interval;
  }
  if (*freed > 0) log_.Debug("dead sessions freed", {{"count", *freed}});
  return *freed >= options_.sweep_limit ? options_.backlog_interval
                                        : options_.sweep_interval;
}

void Janitor::TurnKeys() {
  const absl::Time now = clock_.Now();
  const std::string newest = keys_.List(now).back().kid;
  const absl::Status turned = keys_.Tick(now);
  if (!turned.ok()) log_.Error("key ring not turned", {{"status", turned}});
  const KeyInfo last = keys_.List(now).back();
  if (last.kid != newest) {
    log_.Info("signing key made by age",
              {{"kid", last.kid}, {"signs_in", last.activate_time - now}});
  }
}

// Says once that the clock was stepped back, and once that it caught up.
void Janitor::WatchClock() {
  const absl::Duration held_for = clock_.HeldFor();
  const bool held = held_for > absl::ZeroDuration();
  if (held && !clock_held_) {
    log_.Warning(
        "wall clock stepped back; time stands still until it has "
        "caught up",
        {{"behind", held_for}});
  } else if (!held && clock_held_) {
    log_.Info("wall clock caught up", {});
  }
  clock_held_ = held;
}

}  // namespace latchkey
