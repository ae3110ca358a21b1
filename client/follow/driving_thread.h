#ifndef LATCHKEY_CLIENT_FOLLOW_DRIVING_THREAD_H_
#define LATCHKEY_CLIENT_FOLLOW_DRIVING_THREAD_H_

#include <functional>
#include <memory>
#include <thread>

#include "absl/time/time.h"

#include "client/base/clock.h"
#include "client/base/mutex.h"

namespace latchkey {

// DrivingThread calls one function whenever it was woken, or when the time has
// come that the function named; never twice at a time.
//
// Start and Stop: from one thread at a time. The rest from any.
class DrivingThread {
 public:
  // `drive` returns when, by the boot clock, it wants to be called at the
  // latest. `clock` must outlive the thread.
  DrivingThread(const Clock& clock, std::function<absl::Duration()> drive);
  // Stops.
  ~DrivingThread();
  DrivingThread(const DrivingThread&) = delete;
  DrivingThread& operator=(const DrivingThread&) = delete;

  // Start begins, once; after Stop it does nothing.
  void Start();
  // Stop returns once `drive` will not be called any more.
  void Stop();

  // waker returns what has `drive` called soon; it may outlive the thread.
  std::function<void()> waker() const;

 private:
  struct State {
    Mutex mutex;
    CondVar changed;
    bool woken ABSL_GUARDED_BY(mutex) = false;
    bool stopping ABSL_GUARDED_BY(mutex) = false;
  };

  void Run();
  // Waits until it is time; false: to stop.
  bool WaitUntil(absl::Duration next);

  const Clock& clock_;
  const std::function<absl::Duration()> drive_;
  const std::shared_ptr<State> state_;
  std::thread thread_;
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_FOLLOW_DRIVING_THREAD_H_
