#ifndef LATCHKEY_CLIENT_USE_GATE_H_
#define LATCHKEY_CLIENT_USE_GATE_H_

#include <atomic>
#include <cstdint>

#include "client/base/mutex.h"

namespace latchkey {

// UseGate lets threads use something until it is closed, and whoever closes it
// wait for the last of them. Safe from any thread.
class UseGate {
 public:
  // Use is one use, while it lives, if ok().
  class Use {
   public:
    explicit Use(UseGate& gate);
    ~Use();
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

  std::atomic<int64_t> users_{0};
  std::atomic<bool> closed_{false};
  Mutex mutex_;
  CondVar left_;
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_USE_GATE_H_
