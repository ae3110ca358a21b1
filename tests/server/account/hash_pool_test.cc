#include "server/account/hash_pool.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "client/base/mutex.h"
#include "server/base/error.h"
#include "tests/support/fake_clock.h"
#include "tests/support/notification.h"

namespace latchkey {
namespace {

// Outcome collects what became of jobs.
class Outcome {
 public:
  HashJob Job(bool abandoned = false) {
    return {.abandoned = [abandoned] { return abandoned; },
            .run = [this] { ++ran; },
            .drop =
                [this](absl::Status status) {
                  MutexLock lock(&mutex_);
                  drops_.push_back(std::move(status));
                }};
  }
  std::vector<absl::Status> drops() {
    MutexLock lock(&mutex_);
    return drops_;
  }

  std::atomic<int> ran = 0;

 private:
  Mutex mutex_;
  std::vector<absl::Status> drops_ ABSL_GUARDED_BY(mutex_);
};

// Blocker occupies one thread of a pool until it dies.
class Blocker {
 public:
  explicit Blocker(HashPool& pool) {
    // The job shares what it waits for, since it outlives the blocker a little.
    EXPECT_TRUE(pool.Submit({.abandoned = [] { return false; },
                             .run =
                                 [gates = gates_] {
                                   gates->started.Notify();
                                   gates->release.Wait();
                                 },
                             .drop = [](const absl::Status&) {}})
                    .ok());
    gates_->started.Wait();
  }
  ~Blocker() { gates_->release.Notify(); }

 private:
  struct Gates {
    Notification started, release;
  };
  const std::shared_ptr<Gates> gates_ = std::make_shared<Gates>();
};

// Waits until so many jobs have had their turn, run or dropped.
void WaitForTurns(const HashPool& pool, uint64_t turns) {
  while (pool.counts().started + pool.counts().dropped < turns) {
    std::this_thread::yield();
  }
}

TEST(HashPool, RunsWhatIsSubmitted) {
  FakeClock clock;
  Outcome outcome;
  HashPool pool({.threads = 2, .queue_limit = 16}, clock);
  for (int i = 0; i < 16; ++i) EXPECT_TRUE(pool.Submit(outcome.Job()).ok());
  WaitForTurns(pool, 16);
  pool.Stop();
  EXPECT_EQ(outcome.ran, 16);
  EXPECT_EQ(pool.counts().started, 16u);
  EXPECT_TRUE(outcome.drops().empty());
}

TEST(HashPool, RefusesAtOnceWhatDoesNotFitTheQueue) {
  FakeClock clock;
  Outcome outcome;
  HashPool pool({.threads = 1, .queue_limit = 2}, clock);
  {
    Blocker blocker(pool);
    EXPECT_TRUE(pool.Submit(outcome.Job()).ok());
    EXPECT_TRUE(pool.Submit(outcome.Job()).ok());
    EXPECT_EQ(pool.Waiting(), 2u);
    const absl::Status refused = pool.Submit(outcome.Job());
    EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(ReasonOf(refused), Reason::kHashQueueFull);
    EXPECT_EQ(RetryDelayOf(refused), HashPool::kMinRetryDelay);
  }
  WaitForTurns(pool, 3);
  pool.Stop();
  EXPECT_EQ(outcome.ran, 2);
  EXPECT_EQ(pool.counts().refused, 1u);
  EXPECT_EQ(pool.counts().started, 3u);
}

TEST(HashPool, NeverRunsWhatWasAbandoned) {
  FakeClock clock;
  Outcome outcome;
  HashPool pool({.threads = 1, .queue_limit = 4}, clock);
  EXPECT_TRUE(pool.Submit(outcome.Job(/*abandoned=*/true)).ok());
  EXPECT_TRUE(pool.Submit(outcome.Job()).ok());
  WaitForTurns(pool, 2);
  pool.Stop();
  EXPECT_EQ(outcome.ran, 1);
  ASSERT_EQ(outcome.drops().size(), 1u);
  EXPECT_EQ(outcome.drops()[0].code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(ReasonOf(outcome.drops()[0]), Reason::kCancelled);
  EXPECT_EQ(pool.counts().started, 1u);
  EXPECT_EQ(pool.counts().dropped, 1u);
}

TEST(HashPool, AsksWhetherAbandonedOnlyWhenTheTurnComes) {
  FakeClock clock;
  Outcome outcome;
  HashPool pool({.threads = 1, .queue_limit = 4}, clock);
  std::atomic<bool> cancelled = false;
  HashJob job = outcome.Job();
  job.abandoned = [&] { return cancelled.load(); };
  {
    Blocker blocker(pool);
    EXPECT_TRUE(pool.Submit(std::move(job)).ok());
    cancelled = true;
  }
  WaitForTurns(pool, 2);
  pool.Stop();
  EXPECT_EQ(outcome.ran, 0);
  EXPECT_EQ(outcome.drops().size(), 1u);
}

// Answers what a refused job is told when `waiting` jobs wait for `threads`
// threads and each hash took `took`.
absl::Duration DelayWith(int threads, int waiting, absl::Duration took) {
  FakeClock clock;
  Outcome outcome;
  HashPool pool(
      {.threads = threads, .queue_limit = static_cast<size_t>(waiting)}, clock);
  std::atomic<int> measured = 0;
  {
    HashJob job = outcome.Job();
    job.run = [&] {
      clock.Advance(took);
      ++measured;
    };
    EXPECT_TRUE(pool.Submit(std::move(job)).ok());
    while (measured < 1) std::this_thread::yield();
  }
  std::vector<std::unique_ptr<Blocker>> blockers;
  // All threads are then taken, so the one that measured has noted it.
  for (int i = 0; i < threads; ++i) {
    blockers.push_back(std::make_unique<Blocker>(pool));
  }
  for (int i = 0; i < waiting; ++i) {
    EXPECT_TRUE(pool.Submit(outcome.Job()).ok());
  }
  const absl::Status refused = pool.Submit(outcome.Job());
  return RetryDelayOf(refused).value_or(absl::ZeroDuration());
}

TEST(HashPool, RetryDelayIsHowLongTheQueueWillTake) {
  EXPECT_EQ(DelayWith(1, 20, absl::Milliseconds(15)), absl::Milliseconds(300));
  EXPECT_EQ(DelayWith(2, 20, absl::Milliseconds(15)), absl::Milliseconds(150));
}

TEST(HashPool, RetryDelayStaysWithinItsBounds) {
  EXPECT_EQ(DelayWith(1, 1, absl::Milliseconds(15)), HashPool::kMinRetryDelay);
  EXPECT_EQ(DelayWith(1, 40, absl::Seconds(1)), HashPool::kMaxRetryDelay);
}

TEST(HashPool, StopDropsWhatWaitsAndLetsRunningHashesFinish) {
  FakeClock clock;
  Outcome outcome;
  HashPool pool({.threads = 1, .queue_limit = 8}, clock);
  Notification started, release;
  std::atomic<bool> finished = false;
  EXPECT_TRUE(pool.Submit({.abandoned = [] { return false; },
                           .run =
                               [&] {
                                 started.Notify();
                                 release.Wait();
                                 finished = true;
                               },
                           .drop = [](const absl::Status&) {}})
                  .ok());
  started.Wait();
  EXPECT_TRUE(pool.Submit(outcome.Job()).ok());
  EXPECT_TRUE(pool.Submit(outcome.Job()).ok());
  std::thread stopper([&] { pool.Stop(); });
  // Refusals say when Stop has begun; until then there is room in the queue
  // or not, and either way nothing of these runs.
  while (true) {
    const absl::Status late = pool.Submit(outcome.Job());
    if (ReasonOf(late) == Reason::kShuttingDown) {
      EXPECT_EQ(late.code(), absl::StatusCode::kUnavailable);
      break;
    }
  }
  release.Notify();
  stopper.join();
  EXPECT_TRUE(finished);
  EXPECT_EQ(outcome.ran, 0);
  EXPECT_GE(outcome.drops().size(), 2u);
  for (const absl::Status& drop : outcome.drops()) {
    EXPECT_EQ(drop.code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(ReasonOf(drop), Reason::kShuttingDown);
  }
  EXPECT_EQ(pool.counts().started, 1u);
  EXPECT_EQ(pool.counts().dropped, outcome.drops().size());
  pool.Stop();
}

}  // namespace
}  // namespace latchkey
