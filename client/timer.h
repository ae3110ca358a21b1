#ifndef LATCHKEY_CLIENT_TIMER_H_
#define LATCHKEY_CLIENT_TIMER_H_

#include <functional>
#include <memory>

#include "absl/time/time.h"

namespace latchkey {

// Timer calls back later, so that nobody sleeps. Safe from any thread.
class Timer {
 public:
  virtual ~Timer() = default;

  // Pending is an action that was asked for; destroying it cancels the action.
  class Pending {
   public:
    virtual ~Pending() = default;
  };

  // After has `action` called exactly once: with true once `delay` has passed,
  // with false if the Pending was destroyed before. It is never called by the
  // thread that is in After or destroys the Pending, meanwhile: both may be
  // done under a lock that `action` takes. `action` must not block.
  [[nodiscard]] virtual std::unique_ptr<Pending> After(
      absl::Duration delay, std::function<void(bool due)> action) = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_TIMER_H_
