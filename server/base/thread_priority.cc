#include "server/base/thread_priority.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace latchkey {
namespace {

constexpr int kHousekeepingNice = 10;
constexpr int kBackgroundNice = 19;

// Of linux/ioprio.h, which Debian 12's libc does not wrap.
constexpr int kIoprioWhoProcess = 1;
constexpr int kIoprioClassIdle = 3;
constexpr int kIoprioClassShift = 13;

// On Linux a niceness is a thread's own, whatever POSIX says.
void SetNice(int nice) {
  setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), nice);
}

}  // namespace

void LowerThisThread(ThreadPriority priority) {
  const sched_param none = {};
  switch (priority) {
    case ThreadPriority::kServing:
      return;
    case ThreadPriority::kHousekeeping:
      SetNice(kHousekeepingNice);
      return;
    case ThreadPriority::kLeftover:
      SetNice(kHousekeepingNice);
      sched_setscheduler(0, SCHED_IDLE, &none);
      return;
    case ThreadPriority::kBackground:
      SetNice(kBackgroundNice);
      sched_setscheduler(0, SCHED_BATCH, &none);
      syscall(SYS_ioprio_set, kIoprioWhoProcess, 0,
              kIoprioClassIdle << kIoprioClassShift);
      return;
  }
}

absl::Duration ThisThreadCpu() {
  timespec spent = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
  return absl::DurationFromTimespec(spent);
}

}  // namespace latchkey
