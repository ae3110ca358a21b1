#ifndef LATCHKEY_TESTS_SUPPORT_SIMULATED_TIME_H_
#define LATCHKEY_TESTS_SUPPORT_SIMULATED_TIME_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "absl/time/time.h"

#include "client/base/clock.h"

namespace latchkey {

// EventQueue is the true time of a simulation, which nobody in it can read,
// and what happens when. Events of one instant happen in the order they were
// given. One thread.
class EventQueue {
 public:
  using Nanos = int64_t;
  using Action = std::function<void()>;

  Nanos now() const { return now_; }

  void At(Nanos at, Action action) {
    Push({std::max(at, now_), ++last_order_, std::move(action)});
  }

  // RunNext lets the next event happen; false if there is none before `end`.
  bool RunNext(Nanos end) {
    if (heap_.empty() || heap_.front().at >= end) return false;
    std::pop_heap(heap_.begin(), heap_.end(), IsLater);
    Event event = std::move(heap_.back());
    heap_.pop_back();
    now_ = event.at;
    event.action();
    return true;
  }

  // What has not happened never will.
  void Clear() { heap_.clear(); }

 private:
  struct Event {
    Nanos at;
    uint64_t order;
    Action action;
  };
  static bool IsLater(const Event& a, const Event& b) {
    return a.at != b.at ? a.at > b.at : a.order > b.order;
  }
  void Push(Event event) {
    heap_.push_back(std::move(event));
    std::push_heap(heap_.begin(), heap_.end(), IsLater);
  }

  Nanos now_ = 0;
  uint64_t last_order_ = 0;
  std::vector<Event> heap_;
};

// SimulatedClock is what one machine believes the time to be.
class SimulatedClock final : public Clock {
 public:
  struct Options {
    double rate = 1;              // of the boot clock, to true time
    absl::Duration up;            // since the machine started, at the beginning
    absl::Time wall;              // at the beginning
    bool runs_in_suspend = true;  // the boot clock
  };
  SimulatedClock(const EventQueue& queue, const Options& options)
      : queue_(queue), options_(options) {}

  absl::Time Now() const override {
    return options_.wall + absl::Nanoseconds(queue_.now());
  }
  absl::Duration SinceBoot() const override {
    return BootAt(queue_.now() - lost_);
  }

  // TrueTimeOf returns when, in true time, SinceBoot will show `boot`, or a
  // little more; the far future for an infinite one.
  EventQueue::Nanos TrueTimeOf(absl::Duration boot) const {
    if (boot == absl::InfiniteDuration()) return INT64_MAX;
    return static_cast<EventQueue::Nanos>(
               static_cast<double>(
                   absl::ToInt64Nanoseconds(boot - options_.up)) /
               options_.rate) +
           lost_ + 2;
  }

  void StepWall(absl::Duration by) { options_.wall += by; }
  // Reboot starts the boot clock anew.
  void Reboot() { options_.up -= SinceBoot(); }
  void Suspend(EventQueue::Nanos length) {
    if (!options_.runs_in_suspend) lost_ += length;
  }

 private:
  absl::Duration BootAt(EventQueue::Nanos at) const {
    return options_.up + absl::Nanoseconds(static_cast<int64_t>(
                             static_cast<double>(at) * options_.rate));
  }

  const EventQueue& queue_;
  Options options_;
  EventQueue::Nanos lost_ = 0;
};

// Machine runs what is given to it, but not while it is stopped: then it
// happens at the end of that, in the same order.
class Machine {
 public:
  Machine(EventQueue& queue, const SimulatedClock::Options& options)
      : queue_(queue), clock_(queue, options) {}
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  SimulatedClock& clock() { return clock_; }

  void At(EventQueue::Nanos at, EventQueue::Action action) {
    queue_.At(at, [this, action = std::move(action)]() mutable {
      if (queue_.now() < stopped_until_) {
        At(stopped_until_, std::move(action));
      } else {
        action();
      }
    });
  }

  // Stop lets nothing happen for `length`: a debugger, a scheduler, or, if
  // `suspended`, a closed lid.
  void Stop(EventQueue::Nanos length, bool suspended) {
    if (queue_.now() < stopped_until_) return;
    stopped_until_ = queue_.now() + length;
    stopped_ += length;
    if (suspended) clock_.Suspend(length);
  }
  // How long it was stopped, all in all.
  EventQueue::Nanos stopped() const { return stopped_; }

 private:
  EventQueue& queue_;
  SimulatedClock clock_;
  EventQueue::Nanos stopped_until_ = 0;
  EventQueue::Nanos stopped_ = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SUPPORT_SIMULATED_TIME_H_
