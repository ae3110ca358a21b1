#include "client/base/reader_gate.h"

#include <sched.h>
#include <utility>

namespace latchkey {

ReaderGate::Visit::Visit(const ReaderGate& gate) : inside_(gate.Enter()) {}

std::atomic<uint32_t>& ReaderGate::Enter() const {
  // Only which line is taken depends on the processor: a thread that moves on
  // is still counted out where it was counted in.
  const int processor = sched_getcpu();
  Line& line =
      lines_[static_cast<size_t>(processor < 0 ? 0 : processor) % kLines];
  while (true) {
    const size_t phase = phase_.load(std::memory_order_seq_cst);
    line.inside[phase].fetch_add(1, std::memory_order_seq_cst);
    // If the phase is the same after counting in, whoever changes it later
    // finds the count; if not, this visit might have been overlooked.
    if (phase_.load(std::memory_order_seq_cst) == phase) {
      return line.inside[phase];
    }
    line.inside[phase].fetch_sub(1, std::memory_order_release);
  }
}

void ReaderGate::Retire(std::shared_ptr<const void> object) {
  waiting_.push_back(std::move(object));
  Collect();
}

void ReaderGate::Collect() {
  // Twice: what waits may begin to drain and be done at once.
  for (int i = 0; i < 2; ++i) {
    if (Retired() == 0) return;
    const size_t current = phase_.load(std::memory_order_relaxed);
    if (!IsEmpty(1 - current)) return;
    draining_.clear();
    draining_.swap(waiting_);
    phase_.store(1 - current, std::memory_order_seq_cst);
  }
}

bool ReaderGate::IsEmpty(size_t phase) const {
  for (const Line& line : lines_) {
    if (line.inside[phase].load(std::memory_order_seq_cst) != 0) return false;
  }
  return true;
}

}  // namespace latchkey
