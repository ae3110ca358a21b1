#include "server/base/thread_priority.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
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
  if (priority == ThreadPriority::kHousekeeping) {
    SetNice(kHousekeepingNice);
    return;
  }
  SetNice(kBackgroundNice);
  const sched_param none = {};
  sched_setscheduler(0, SCHED_BATCH, &none);
  syscall(SYS_ioprio_set, kIoprioWhoProcess, 0,
          kIoprioClassIdle << kIoprioClassShift);
}

}  // namespace latchkey
