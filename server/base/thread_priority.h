#ifndef LATCHKEY_SERVER_BASE_THREAD_PRIORITY_H_
#define LATCHKEY_SERVER_BASE_THREAD_PRIORITY_H_

#include "absl/time/time.h"

namespace latchkey {

// How much a thread of ours gives way to those that serve.
enum class ThreadPriority {
  kServing,  // not at all
  // A tenth of a serving thread's share while processors are short (nice 10):
  // for what takes locks that serving threads take too. A thread that is
  // pushed aside while it holds one comes back within some milliseconds.
  kHousekeeping,
  // What no other thread wants (SCHED_IDLE; where that is forbidden as
  // kHousekeeping). A thread that wakes takes its processor at once, where with
  // a niceness it may have to wait for the end of a turn, four milliseconds. A
  // three-hundredth while others want all processors all the time: who uses it
  // must see to that.
  kLeftover,
  // All but nothing while processors are short (nice 19, SCHED_BATCH), and the
  // disk when nobody else wants it (the idle class, where the disk's scheduler
  // knows it): for what shares no lock, as it may be away for tenths of a
  // second.
  kBackground,
};

// LowerThisThread lowers the calling thread, for good: to raise it again takes
// a privilege. Best effort: a thread that could not be lowered works all the
// same.
void LowerThisThread(ThreadPriority priority);

// ThisThreadCpu returns how long processors have worked for this thread.
absl::Duration ThisThreadCpu();

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_BASE_THREAD_PRIORITY_H_
