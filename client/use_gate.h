#ifndef LATCHKEY_CLIENT_USE_GATE_H_
#define LATCHKEY_CLIENT_USE_GATE_H_

#include <atomic>
#include <cstdint>

#include "client/base/mutex.h"

namespace latchkey {

// UseGate lets threads use something until it is closed, and whoever closes it
// wait for the last of them, and destroy it then: a use that has ended touches
// nothing any more. Safe from any thread; a use costs no lock.
class UseGate {
 public:
  // Use is one use, while it lives, if ok().
  class Use {
   public:
    explicit Use(UseGate& gate) : gate_(gate), ok_(gate.Enter()) {}
    ~Use() {
      if (ok_) gate_.Leave();
    }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

    bool ok() const { return ok_; }

   private:
    UseGate& gate_;
    const bool ok_;
  };

  // Close returns when no use lives; later ones are not ok. Not within a use.
  void Close();

 private:
  bool Enter();
  void Leave();

  // Twice the number of uses, and 1 once it is closed: so exactly one of them
  // sees that it is the last.
  std::atomic<int64_t> state_{0};
  Mutex mutex_;
  CondVar left_;
  bool none_left_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_USE_GATE_H_
