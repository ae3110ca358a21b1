#ifndef LATCHKEY_TOOLS_BENCH_INTERRUPT_H_
#define LATCHKEY_TOOLS_BENCH_INTERRUPT_H_

#include <atomic>

namespace latchkey::bench {

// WatchInterrupts makes INT, TERM and HUP set a flag instead of ending the
// process, so that servers are stopped and directories removed on the way out.
// A signal handler can reach nothing but a global: this is the only one.
// To be called once, at the start.
void WatchInterrupts();

// Interrupted returns the flag. It never becomes false again.
std::atomic<bool>& Interrupted();

// InterruptingSignal returns the signal that set it, or 0.
int InterruptingSignal();

}  // namespace latchkey::bench

#endif  // LATCHKEY_TOOLS_BENCH_INTERRUPT_H_
