#include "server/base/task_pool.h"

#include <algorithm>
#include <atomic>
#include <sys/resource.h>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/notification.h"

namespace latchkey {
namespace {

TEST(TaskPool, RefusesWhatDoesNotFitTheQueue) {
  TaskPool pool({.name = "test", .threads = 1, .queue_limit = 1});
  Notification started, release;
  ASSERT_TRUE(pool.TrySubmit([&] {
    started.Notify();
    release.Wait();
  }));
  started.Wait();
  std::atomic<int> ran = 0;
  EXPECT_TRUE(pool.TrySubmit([&] { ++ran; }));
  EXPECT_EQ(pool.Waiting(), 1u);
  EXPECT_FALSE(pool.TrySubmit([&] { ++ran; }));
  release.Notify();
  pool.Stop();
  EXPECT_EQ(ran, 1);
}

TEST(TaskPool, TheRestOfATaskIsTakenThoughTheQueueIsFull) {
  TaskPool pool({.name = "test", .threads = 1, .queue_limit = 0});
  EXPECT_FALSE(pool.TrySubmit([] {}));
  std::atomic<int> ran = 0;
  EXPECT_TRUE(pool.Continue([&] { ++ran; }));
  pool.Stop();
  EXPECT_EQ(ran, 1);
  EXPECT_FALSE(pool.Continue([&] { ++ran; }));
  EXPECT_EQ(ran, 1);
}

TEST(TaskPool, TheRestComesBeforeWhatWasNotBegunAndIsRunByStop) {
  TaskPool pool({.name = "test", .threads = 1, .queue_limit = 2});
  Notification started, release;
  ASSERT_TRUE(pool.TrySubmit([&] {
    started.Notify();
    release.Wait();
  }));
  started.Wait();
  std::vector<int> order;
  EXPECT_TRUE(pool.TrySubmit([&] { order.push_back(3); }));
  EXPECT_TRUE(pool.Continue([&] { order.push_back(1); }));
  EXPECT_TRUE(pool.Continue([&] { order.push_back(2); }));
  EXPECT_EQ(pool.Waiting(), 3u);
  release.Notify();
  pool.Stop();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(pool.counts().refused, 0u);
}

TEST(TaskPool, AsManyThreadsWakeAsThereAreTasksThatWait) {
  constexpr int kThreads = 8;
  TaskPool pool({.name = "test", .threads = kThreads, .queue_limit = kThreads});
  for (int round = 0; round < 100; ++round) {
    std::atomic<int> here = 0, gone = 0;
    for (int i = 0; i < kThreads; ++i) {
      // Each waits for all the others: on fewer threads it would never end.
      ASSERT_TRUE(pool.TrySubmit([&] {
        ++here;
        while (here < kThreads) std::this_thread::yield();
        ++gone;
      }));
    }
    while (gone < kThreads) std::this_thread::yield();
  }
}

TEST(TaskPool, StopRunsWhatWaitsAndRefusesTheRest) {
  std::atomic<int> ran = 0;
  TaskPool pool({.name = "test", .threads = 2, .queue_limit = 100});
  for (int i = 0; i < 100; ++i) {
    // The queue may be full for a moment; a taken task always runs.
    while (!pool.TrySubmit([&] { ++ran; })) {
    }
  }
  pool.Stop();
  EXPECT_EQ(ran, 100);
  EXPECT_FALSE(pool.TrySubmit([&] { ++ran; }));
  pool.Stop();
  EXPECT_EQ(ran, 100);
}

TEST(TaskPool, CountsWhatBecameOfItsTasks) {
  TaskPool pool({.name = "test", .threads = 1, .queue_limit = 1});
  Notification started, release;
  ASSERT_TRUE(pool.TrySubmit([&] {
    started.Notify();
    release.Wait();
  }));
  started.Wait();
  EXPECT_EQ(pool.counts().started, 1u);
  EXPECT_EQ(pool.counts().running, 1u);
  EXPECT_TRUE(pool.TrySubmit([] {}));
  EXPECT_FALSE(pool.TrySubmit([] {}));
  EXPECT_EQ(pool.counts().refused, 1u);
  release.Notify();
  pool.Stop();
  EXPECT_FALSE(pool.TrySubmit([] {}));
  EXPECT_EQ(pool.counts().started, 2u);
  EXPECT_EQ(pool.counts().refused, 2u);
  EXPECT_EQ(pool.counts().running, 0u);
}

// The nice value that a task of a pool of that priority runs at.
int NiceInPool(ThreadPriority priority) {
  TaskPool pool({.name = "test", .priority = priority});
  std::atomic<int> seen = -100;
  EXPECT_TRUE(pool.TrySubmit([&] { seen = getpriority(PRIO_PROCESS, 0); }));
  pool.Stop();
  return seen;
}

TEST(TaskPool, ItsThreadsStandBackAsFarAsAsked) {
  const int here = getpriority(PRIO_PROCESS, 0);
  EXPECT_EQ(NiceInPool(ThreadPriority::kServing), here);
  EXPECT_EQ(NiceInPool(ThreadPriority::kHousekeeping), std::max(here, 10));
  // The one who made the pool stays as it was.
  EXPECT_EQ(getpriority(PRIO_PROCESS, 0), here);
}

}  // namespace
}  // namespace latchkey
