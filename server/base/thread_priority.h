#ifndef LATCHKEY_SERVER_BASE_THREAD_PRIORITY_H_
#define LATCHKEY_SERVER_BASE_THREAD_PRIORITY_H_

namespace latchkey {

// How much a thread of ours gives way to those that serve.
enum class ThreadPriority {
  // A tenth of a serving thread's share while processors are short (nice 10):
  // for what takes locks that serving threads take too. A thread that is
  // pushed aside while it holds one comes back within some milliseconds.
  kHousekeeping,
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

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_BASE_THREAD_PRIORITY_H_
