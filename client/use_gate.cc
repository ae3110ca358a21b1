#include "client/use_gate.h"

namespace latchkey {

UseGate::Use::Use(UseGate& gate) : gate_(gate), ok_(gate.Enter()) {}

UseGate::Use::~Use() {
  if (ok_) gate_.Leave();
}

// Counts itself first and looks then, while Close closes first and counts
// then: one of the two sees the other.
bool UseGate::Enter() {
  users_.fetch_add(1);
  if (!closed_.load()) return true;
  Leave();
  return false;
}

void UseGate::Leave() {
  if (users_.fetch_sub(1) != 1 || !closed_.load()) return;
  MutexLock lock(&mutex_);
  left_.NotifyAll();
}

void UseGate::Close() {
  closed_.store(true);
  MutexLock lock(&mutex_);
  while (users_.load() != 0) left_.Wait(&mutex_);
}

}  // namespace latchkey
