#ifndef LATCHKEY_CLIENT_FOLLOW_CHANGE_BELL_H_
#define LATCHKEY_CLIENT_FOLLOW_CHANGE_BELL_H_

#include <functional>
#include <memory>
#include <vector>

#include "client/base/mutex.h"
#include "client/follow/validator.h"

namespace latchkey {

// ChangeBell tells subscribers that something has changed. Safe from any
// thread; a subscription may outlive the bell.
class ChangeBell {
 public:
  ChangeBell();
  ~ChangeBell();
  ChangeBell(const ChangeBell&) = delete;
  ChangeBell& operator=(const ChangeBell&) = delete;

  // Subscribe has `changed` called by each Ring that begins from now on. When
  // the subscription's destructor returns it is not being called; a `changed`
  // may destroy its own.
  std::unique_ptr<Validator::Subscription> Subscribe(
      std::function<void()> changed);

  // Ring calls all, one after the other. From one thread at a time.
  void Ring();

 private:
  class Listener;
  class Handle;
  struct List {
    Mutex mutex;
    std::vector<std::shared_ptr<Listener>> listeners ABSL_GUARDED_BY(mutex);
  };

  const std::shared_ptr<List> list_;
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_FOLLOW_CHANGE_BELL_H_
