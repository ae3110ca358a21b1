#ifndef LATCHKEY_SERVER_BASE_SHORT_TURNS_H_
#define LATCHKEY_SERVER_BASE_SHORT_TURNS_H_

#include <cstdint>
#include <time.h>

namespace latchkey {

// ShortTurns has the thread that made it offer its processor, as long as it
// lives, each half a millisecond to whoever waits for it. For long computations
// in code that is not ours: Linux takes a processor away from a lowered thread
// where one wakes that may have it at once, but where that one had more than
// its share lately, only at the next tick, which is up to four milliseconds.
//
// A timer sends the thread a signal (the second real-time one, which is ours
// alone), whose handler yields. So system calls of the thread may be cut short
// (EINTR), unless they are restarted (SA_RESTART). Best effort: where timers or
// the signal cannot be had it does nothing.
//
// One at a time in a thread; destroyed by the thread that made it.
class ShortTurns {
 public:
  ShortTurns();
  ~ShortTurns();
  ShortTurns(const ShortTurns&) = delete;
  ShortTurns& operator=(const ShortTurns&) = delete;

  // Offers returns how often threads of the process have offered theirs.
  static uint64_t Offers();

 private:
  timer_t timer_ = {};
  bool made_ = false;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_BASE_SHORT_TURNS_H_
