#include "server/base/task_pool.h"

#include <atomic>

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

}  // namespace
}  // namespace latchkey
