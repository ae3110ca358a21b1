#ifndef LATCHKEY_TESTS_SUPPORT_FAKE_TIMER_H_
#define LATCHKEY_TESTS_SUPPORT_FAKE_TIMER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <thread>
#include <utility>

#include "absl/time/time.h"

#include "client/base/mutex.h"
#include "client/timer.h"
#include "tests/support/fake_clock.h"

namespace latchkey {

// FakeTimer fires when a test says so, and takes the clock along. Actions run
// on a thread of its own, as the contract wants.
class FakeTimer final : public Timer {
 public:
  explicit FakeTimer(FakeClock& clock)
      : clock_(clock), runner_([this] { Run(); }) {}
  // REQUIRES: every Pending is gone.
  ~FakeTimer() override {
    {
      MutexLock lock(&mutex_);
      stopping_ = true;
    }
    changed_.NotifyAll();
    runner_.join();
  }

  std::unique_ptr<Pending> After(
      absl::Duration delay, std::function<void(bool due)> action) override {
    MutexLock lock(&mutex_);
    const uint64_t id = ++last_id_;
    actions_[id] = {clock_.SinceBoot() + delay, std::move(action)};
    changed_.NotifyAll();
    return std::make_unique<Entry>(*this, id);
  }

  // NextDelay waits until something is pending, and returns how far away the
  // earliest of it is.
  absl::Duration NextDelay() {
    MutexLock lock(&mutex_);
    return actions_[Earliest()].due - clock_.SinceBoot();
  }

  // FireNext waits until something is pending, and lets the time of the
  // earliest come. Returns how far away it was.
  absl::Duration FireNext() {
    MutexLock lock(&mutex_);
    const uint64_t id = Earliest();
    const absl::Duration delay = actions_[id].due - clock_.SinceBoot();
    if (delay > absl::ZeroDuration()) clock_.Advance(delay);
    Hand(id, true);
    return delay;
  }

  size_t pending() const {
    MutexLock lock(&mutex_);
    return actions_.size();
  }

 private:
  struct Action {
    absl::Duration due;
    std::function<void(bool)> call;
  };

  class Entry final : public Pending {
   public:
    Entry(FakeTimer& timer, uint64_t id) : timer_(timer), id_(id) {}
    ~Entry() override {
      MutexLock lock(&timer_.mutex_);
      timer_.Hand(id_, false);
    }

   private:
    FakeTimer& timer_;
    const uint64_t id_;
  };

  uint64_t Earliest() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    while (actions_.empty()) changed_.Wait(&mutex_);
    auto earliest = actions_.begin();
    for (auto i = actions_.begin(); i != actions_.end(); ++i) {
      if (i->second.due < earliest->second.due) earliest = i;
    }
    return earliest->first;
  }

  // Gives an action to the runner, unless that has happened.
  void Hand(uint64_t id, bool due) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const auto found = actions_.find(id);
    if (found == actions_.end()) return;
    to_run_.emplace_back(std::move(found->second.call), due);
    actions_.erase(found);
    changed_.NotifyAll();
  }

  void Run() {
    while (true) {
      std::pair<std::function<void(bool)>, bool> next;
      {
        MutexLock lock(&mutex_);
        while (to_run_.empty() && !stopping_) changed_.Wait(&mutex_);
        if (to_run_.empty()) return;
        next = std::move(to_run_.front());
        to_run_.pop_front();
      }
      next.first(next.second);
    }
  }

  FakeClock& clock_;
  mutable Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, Action> actions_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::pair<std::function<void(bool)>, bool>> to_run_
      ABSL_GUARDED_BY(mutex_);
  std::thread runner_;
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SUPPORT_FAKE_TIMER_H_
