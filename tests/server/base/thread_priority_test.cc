#include "server/base/thread_priority.h"

#include <algorithm>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

#include "gtest/gtest.h"

namespace latchkey {
namespace {

int NiceOfThisThread() {
  return getpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)));
}

TEST(ThreadPriority, LowersThisThreadAndNoOther) {
  const int before = NiceOfThisThread();
  std::thread([before] {
    LowerThisThread(ThreadPriority::kHousekeeping);
    EXPECT_EQ(NiceOfThisThread(), std::max(before, 10));
    LowerThisThread(ThreadPriority::kBackground);
    EXPECT_EQ(NiceOfThisThread(), 19);
    EXPECT_EQ(sched_getscheduler(0), SCHED_BATCH);
    constexpr int kIdleClass = 3 << 13;
    EXPECT_EQ(syscall(SYS_ioprio_get, /*IOPRIO_WHO_PROCESS*/ 1, 0), kIdleClass);
  }).join();
  EXPECT_EQ(NiceOfThisThread(), before);
}

TEST(ThreadPriority, OneForLeftoversIsIdleToTheKernel) {
  std::thread([] {
    LowerThisThread(ThreadPriority::kServing);
    EXPECT_EQ(sched_getscheduler(0), SCHED_OTHER);
    LowerThisThread(ThreadPriority::kLeftover);
    EXPECT_EQ(sched_getscheduler(0), SCHED_IDLE);
  }).join();
  EXPECT_EQ(sched_getscheduler(0), SCHED_OTHER);
}

TEST(ThreadPriority, KnowsHowLongAThreadWasWorkedFor) {
  const absl::Duration before = ThisThreadCpu();
  while (ThisThreadCpu() <= before) {
  }
  std::thread([before] {
    EXPECT_LT(ThisThreadCpu(), before + absl::Hours(1));
  }).join();
}

}  // namespace
}  // namespace latchkey
