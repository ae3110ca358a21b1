#include "tools/bench/interrupt.h"

#include <signal.h>

namespace latchkey::bench {
namespace {

std::atomic<bool> interrupted{false};
std::atomic<int> interrupting_signal{0};
static_assert(std::atomic<bool>::is_always_lock_free);
static_assert(std::atomic<int>::is_always_lock_free);

void OnSignal(int signal_number) {
  interrupting_signal = signal_number;
  interrupted = true;
}

}  // namespace

void WatchInterrupts() {
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  sigemptyset(&action.sa_mask);
  // Whoever waits asks the flag in turns: no call has to be broken off.
  action.sa_flags = SA_RESTART;
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    sigaction(number, &action, nullptr);
  }
  signal(SIGPIPE, SIG_IGN);
  // A file at its size limit is a failed write, not the end of the process.
  signal(SIGXFSZ, SIG_IGN);
}

std::atomic<bool>& Interrupted() { return interrupted; }

int InterruptingSignal() { return interrupting_signal; }

}  // namespace latchkey::bench
