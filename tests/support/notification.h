#ifndef LATCHKEY_TESTS_SUPPORT_NOTIFICATION_H_
#define LATCHKEY_TESTS_SUPPORT_NOTIFICATION_H_

#include "client/base/mutex.h"

namespace latchkey {

// Notification lets threads wait until one event has happened. (Abseil's is
// built on absl::Mutex, which ThreadSanitizer does not see.)
class Notification {
 public:
  // Within the lock: whoever waits may destroy this next.
  void Notify() {
    MutexLock lock(&mutex_);
    happened_ = true;
    changed_.NotifyAll();
  }
  void Wait() {
    MutexLock lock(&mutex_);
    while (!happened_) changed_.Wait(&mutex_);
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool happened_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SUPPORT_NOTIFICATION_H_
