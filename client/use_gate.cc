#include "client/use_gate.h"

namespace latchkey {
namespace {

constexpr int64_t kClosed = 1;
constexpr int64_t kOneUse = 2;

}  // namespace

bool UseGate::Enter() {
  int64_t state = state_.load();
  do {
    if ((state & kClosed) != 0) return false;
  } while (!state_.compare_exchange_weak(state, state + kOneUse));
  return true;
}

void UseGate::Leave() {
  if (state_.fetch_sub(kOneUse) != kOneUse + kClosed) return;
  // Within the lock: whoever waits may destroy this next.
  MutexLock lock(&mutex_);
  none_left_ = true;
  left_.NotifyAll();
}

void UseGate::Close() {
  const int64_t before = state_.fetch_or(kClosed);
  MutexLock lock(&mutex_);
  // Nobody was inside when it was closed: then nobody will say so.
  if (before == 0) {
    none_left_ = true;
    left_.NotifyAll();
  }
  while (!none_left_) left_.Wait(&mutex_);
}

}  // namespace latchkey
