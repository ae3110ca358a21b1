#include "server/rpc/watchdog.h"

#include <pthread.h>
#include <utility>

#include "absl/strings/str_cat.h"

namespace latchkey {

bool FailureRun::Note(const absl::Status& outcome) {
  if (outcome.ok()) {
    length_ = 0;
  } else if (!absl::IsResourceExhausted(outcome)) {
    ++length_;
  }
  return length_ >= limit_;
}

Watchdog::Watchdog(Options options, std::vector<Probe> probes,
                   std::function<void()> end, Log& log)
    : options_(options),
      probes_(std::move(probes)),
      end_(std::move(end)),
      log_(log),
      run_(options.failures) {}

Watchdog::~Watchdog() { Stop(); }

void Watchdog::Start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "watchdog");
    while (WaitForNextRound() && Round()) {
    }
  });
}

void Watchdog::Dismiss() {
  {
    MutexLock lock(&mutex_);
    dismissed_ = true;
  }
  changed_.NotifyAll();
}

void Watchdog::Stop() {
  Dismiss();
  if (thread_.joinable()) thread_.join();
}

bool Watchdog::Round() {
  const absl::Status outcome = AskAll();
  // Asked before, answered after: draining has begun meanwhile.
  if (dismissed()) return false;
  const int before = run_.length();
  const bool enough = run_.Note(outcome);
  if (run_.length() > before) {
    log_.Warning("watchdog: no answer",
                 {{"in_a_row", run_.length()}, {"status", outcome}});
  }
  if (!enough) return true;
  log_.Error("watchdog: the server does not answer; ending the process",
             {{"in_a_row", run_.length()}, {"status", outcome}});
  end_();
  return false;
}

bool Watchdog::WaitForNextRound() {
  MutexLock lock(&mutex_);
  // A wake-up without reason only makes a round come early.
  if (!dismissed_) changed_.WaitFor(&mutex_, options_.interval);
  return !dismissed_;
}

absl::Status Watchdog::AskAll() const {
  absl::Status unasked;
  for (const Probe& probe : probes_) {
    const absl::Status answer = probe.ask();
    if (answer.ok()) continue;
    const absl::Status named(answer.code(),
                             absl::StrCat(probe.name, ": ", answer.message()));
    if (!absl::IsResourceExhausted(named)) return named;
    unasked = named;
  }
  return unasked;
}

bool Watchdog::dismissed() const {
  MutexLock lock(&mutex_);
  return dismissed_;
}

}  // namespace latchkey
