#include "server/account/hash_pool.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <sched.h>
#include <sys/resource.h>
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

TEST(HashPool, TellsWhatWaitsAndRunsAndHowLongItTook) {
  FakeClock clock;
  Outcome outcome;
  HashPool pool({.threads = 1, .queue_limit = 2}, clock);
  EXPECT_EQ(pool.Running(), 0u);
  {
    Blocker blocker(pool);
    EXPECT_EQ(pool.Running(), 1u);
    EXPECT_TRUE(pool.Submit(outcome.Job()).ok());
    clock.Advance(absl::Milliseconds(20));
  }
  WaitForTurns(pool, 2);
  pool.Stop();
  EXPECT_EQ(pool.Running(), 0u);
  // The blocker had no wait, and took what the other one waited.
  EXPECT_EQ(pool.waits().Read().total, 2u);
  EXPECT_EQ(pool.waits().Read().sum_nanos, 20'000'000u);
  EXPECT_EQ(pool.runs().Read().total, 2u);
  EXPECT_EQ(pool.runs().Read().sum_nanos, 20'000'000u);
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

TEST(HashPool, NeverRunsWhatWasCancelledWhileItWaited) {
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

TEST(HashPool, NeverRunsWhatPassedItsDeadlineWhileItWaited) {
  FakeClock clock;
  Outcome outcome;
  HashPool pool({.threads = 1, .queue_limit = 4}, clock);
  const absl::Duration deadline = clock.SinceBoot() + absl::Milliseconds(500);
  {
    Blocker blocker(pool);
    HashJob job = outcome.Job();
    job.abandoned = [&] { return clock.SinceBoot() >= deadline; };
    EXPECT_TRUE(pool.Submit(std::move(job)).ok());
    clock.Advance(absl::Milliseconds(500));
  }
  WaitForTurns(pool, 2);
  pool.Stop();
  EXPECT_EQ(outcome.ran, 0);
  ASSERT_EQ(outcome.drops().size(), 1u);
  EXPECT_EQ(ReasonOf(outcome.drops()[0]), Reason::kCancelled);
}

TEST(HashPool, WhatWasAbandonedGivesItsPlaceToTheNext) {
  FakeClock clock;
  Outcome outcome;
  HashPool pool({.threads = 1, .queue_limit = 3}, clock);
  std::atomic<bool> cancelled = false;
  HashJob job = outcome.Job();
  job.abandoned = [&] { return cancelled.load(); };
  {
    Blocker blocker(pool);
    EXPECT_TRUE(pool.Submit(outcome.Job()).ok());
    EXPECT_TRUE(pool.Submit(std::move(job)).ok());
    EXPECT_TRUE(pool.Submit(outcome.Job()).ok());
    EXPECT_FALSE(pool.Submit(outcome.Job()).ok());
    cancelled = true;
    EXPECT_TRUE(pool.Submit(outcome.Job()).ok());
    EXPECT_EQ(pool.Waiting(), 3u);
    // It was answered without waiting for its turn.
    ASSERT_EQ(outcome.drops().size(), 1u);
    EXPECT_EQ(ReasonOf(outcome.drops()[0]), Reason::kCancelled);
    EXPECT_FALSE(pool.Submit(outcome.Job()).ok());
  }
  WaitForTurns(pool, 5);
  pool.Stop();
  EXPECT_EQ(outcome.ran, 3);
  EXPECT_EQ(pool.counts().dropped, 1u);
  EXPECT_EQ(pool.counts().refused, 2u);
}

TEST(HashPool, PlacesCanBeGivenUpWithoutEnd) {
  FakeClock clock;
  Outcome outcome;
  HashPool pool({.threads = 1, .queue_limit = 2}, clock);
  {
    Blocker blocker(pool);
    for (int i = 0; i < 1000; ++i) {
      EXPECT_TRUE(pool.Submit(outcome.Job(/*abandoned=*/true)).ok());
      EXPECT_LE(pool.Waiting(), 2u);
    }
    EXPECT_TRUE(pool.Submit(outcome.Job()).ok());
  }
  while (outcome.ran < 1) std::this_thread::yield();
  pool.Stop();
  EXPECT_EQ(outcome.ran, 1);
  EXPECT_EQ(outcome.drops().size(), 1000u);
}

TEST(HashPool, ARefusalAsksSoManyWhetherTheyWereAbandonedAndNoMore) {
  FakeClock clock;
  Outcome outcome;
  HashPool pool({.threads = 1, .queue_limit = 100}, clock);
  std::atomic<int> asked = 0;
  std::atomic<bool> cancelled = false;
  {
    Blocker blocker(pool);
    for (int i = 0; i < 100; ++i) {
      HashJob job = outcome.Job();
      // The last ones are cancelled.
      job.abandoned = [&, i] { return ++asked, cancelled && i >= 64; };
      EXPECT_TRUE(pool.Submit(std::move(job)).ok());
    }
    EXPECT_EQ(asked, 0);
    cancelled = true;
    EXPECT_FALSE(pool.Submit(outcome.Job()).ok());
    EXPECT_EQ(asked, 64);
    // The next one goes on where this one stopped.
    EXPECT_TRUE(pool.Submit(outcome.Job()).ok());
    EXPECT_EQ(asked, 65);
  }
  pool.Stop();
}

// Lets the pool compute one hash that takes `took`. It is noted before all
// threads of the pool are blocked.
void MeasureOne(HashPool& pool, FakeClock& clock, absl::Duration took) {
  std::atomic<int> measured = 0;
  EXPECT_TRUE(pool.Submit({.abandoned = [] { return false; },
                           .run =
                               [&] {
                                 clock.Advance(took);
                                 ++measured;
                               },
                           .drop = [](const absl::Status&) {}})
                  .ok());
  while (measured < 1) std::this_thread::yield();
}

std::vector<std::unique_ptr<Blocker>> BlockAll(HashPool& pool, int threads) {
  std::vector<std::unique_ptr<Blocker>> blockers;
  for (int i = 0; i < threads; ++i) {
    blockers.push_back(std::make_unique<Blocker>(pool));
  }
  return blockers;
}

// Answers what a refused job is told when `waiting` jobs wait for `threads`
// threads and each hash took `took`.
absl::Duration DelayWith(int threads, int waiting, absl::Duration took) {
  FakeClock clock;
  Outcome outcome;
  HashPool pool({.threads = threads,
                 .queue_limit = static_cast<size_t>(waiting),
                 .max_wait = absl::Seconds(60)},
                clock);
  MeasureOne(pool, clock, took);
  const auto blockers = BlockAll(pool, threads);
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

TEST(HashPool, RefusesWhatWouldWaitLongerThanAllowed) {
  for (const int threads : {1, 2}) {
    FakeClock clock;
    Outcome outcome;
    HashPool pool(
        {.threads = threads, .queue_limit = 1000, .max_wait = absl::Seconds(1)},
        clock);
    MeasureOne(pool, clock, absl::Milliseconds(100));
    const auto blockers = BlockAll(pool, threads);
    // The last of these finds so many before it as take exactly a second.
    for (int i = 0; i <= 10 * threads; ++i) {
      EXPECT_TRUE(pool.Submit(outcome.Job()).ok()) << i;
    }
    const absl::Status refused = pool.Submit(outcome.Job());
    EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(ReasonOf(refused), Reason::kHashQueueFull);
    EXPECT_EQ(RetryDelayOf(refused),
              absl::Seconds(1) + absl::Milliseconds(100) / threads);
    EXPECT_EQ(pool.counts().refused, 1u);
  }
}

TEST(HashPool, WhatWasAbandonedMakesNobodyWait) {
  FakeClock clock;
  Outcome outcome;
  HashPool pool(
      {.threads = 1, .queue_limit = 1000, .max_wait = absl::Seconds(1)}, clock);
  MeasureOne(pool, clock, absl::Seconds(1));
  const auto blockers = BlockAll(pool, 1);
  EXPECT_TRUE(pool.Submit(outcome.Job()).ok());
  EXPECT_TRUE(pool.Submit(outcome.Job(/*abandoned=*/true)).ok());
  EXPECT_TRUE(pool.Submit(outcome.Job()).ok());
  EXPECT_EQ(outcome.drops().size(), 1u);
  EXPECT_FALSE(pool.Submit(outcome.Job()).ok());
}

TEST(HashPool, ATurnThatComesAtTheLastMomentIsTaken) {
  FakeClock clock;
  Outcome outcome;
  HashPool pool({.threads = 1, .queue_limit = 8, .max_wait = absl::Seconds(1)},
                clock);
  {
    Blocker blocker(pool);
    EXPECT_TRUE(pool.Submit(outcome.Job()).ok());
    clock.Advance(absl::Seconds(1));
  }
  WaitForTurns(pool, 2);
  pool.Stop();
  EXPECT_EQ(outcome.ran, 1);
  EXPECT_TRUE(outcome.drops().empty());
}

TEST(HashPool, ATurnThatComesTooLateIsDroppedWithARetryDelay) {
  FakeClock clock;
  Outcome outcome;
  HashPool pool({.threads = 1, .queue_limit = 8, .max_wait = absl::Seconds(1)},
                clock);
  {
    Blocker blocker(pool);
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(pool.Submit(outcome.Job()).ok());
    clock.Advance(absl::Seconds(1) + absl::Microseconds(1));
    // The wall clock says nothing about how long something waited.
    clock.SetNow(clock.Now() - absl::Hours(1));
  }
  WaitForTurns(pool, 4);
  pool.Stop();
  EXPECT_EQ(outcome.ran, 0);
  ASSERT_EQ(outcome.drops().size(), 3u);
  for (const absl::Status& drop : outcome.drops()) {
    EXPECT_EQ(drop.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(ReasonOf(drop), Reason::kHashQueueFull);
  }
  // By the one hash measured and those that wait behind.
  const absl::Duration took = absl::Seconds(1) + absl::Microseconds(1);
  EXPECT_EQ(RetryDelayOf(outcome.drops()[0]), 2 * took);
  EXPECT_EQ(RetryDelayOf(outcome.drops()[1]), took);
  EXPECT_EQ(RetryDelayOf(outcome.drops()[2]), HashPool::kMinRetryDelay);
  EXPECT_EQ(pool.counts().dropped, 3u);
}

// Starving is a pool whose hashes take as long, and as much of a processor, as
// is said; and tells how its threads stand to others.
class Starving {
 public:
  struct Seen {
    int policy = 0;
    int nice = 0;
  };

  // Runs a job that takes `took`, and of it `cpu` of a processor.
  Seen Run(absl::Duration took, absl::Duration cpu) {
    Seen seen;
    Notification done;
    const size_t others = pool_.Running();
    EXPECT_TRUE(pool_
                    .Submit({.abandoned = [] { return false; },
                             .run =
                                 [&] {
                                   seen = {sched_getscheduler(0),
                                           getpriority(PRIO_PROCESS, 0)};
                                   clock_.Advance(took);
                                   cpu_nanos_ += absl::ToInt64Nanoseconds(cpu);
                                   done.Notify();
                                 },
                             .drop = [](const absl::Status&) {}})
                    .ok());
    done.Wait();
    // Until it is known, too, how long it took.
    while (pool_.Running() > others) std::this_thread::yield();
    return seen;
  }

  HashPool& pool() { return pool_; }
  FakeClock& clock() { return clock_; }

 private:
  FakeClock clock_;
  std::atomic<int64_t> cpu_nanos_ = 0;
  HashPool pool_{
      {.threads = 1,
       .thread_cpu = [this] { return absl::Nanoseconds(cpu_nanos_.load()); }},
      clock_};
};

TEST(HashPool, TakesWhatIsLeftOverWhereOthersWantProcessors) {
  Starving pool;
  const auto ms = [](double n) { return absl::Milliseconds(n); };
  // Alone.
  EXPECT_EQ(pool.Run(ms(15), ms(15)).policy, SCHED_OTHER);
  EXPECT_EQ(pool.Run(ms(16), ms(15)).policy, SCHED_OTHER);
  // Not alone any more: so is the next.
  EXPECT_EQ(pool.Run(ms(20), ms(15)).policy, SCHED_OTHER);
  EXPECT_EQ(pool.Run(ms(20), ms(15)).policy, SCHED_IDLE);
  EXPECT_EQ(pool.Run(ms(100), ms(14)).policy, SCHED_IDLE);
  EXPECT_EQ(pool.Run(ms(15), ms(14)).policy, SCHED_IDLE);
  // Alone again.
  EXPECT_EQ(pool.Run(ms(15), ms(15)).policy, SCHED_OTHER);
}

TEST(HashPool, TakesATenthWhereNothingIsLeftOver) {
  Starving pool;
  const auto ms = [](double n) { return absl::Milliseconds(n); };
  pool.Run(ms(20), ms(15));
  // Slow, but not for want of a processor.
  EXPECT_EQ(pool.Run(ms(3000), ms(200)).policy, SCHED_IDLE);
  // For want of one, but not slow.
  EXPECT_EQ(pool.Run(ms(150), ms(1)).policy, SCHED_IDLE);
  EXPECT_EQ(pool.Run(ms(450), ms(14)).policy, SCHED_IDLE);
  const Starving::Seen starved = pool.Run(ms(150), ms(15));
  EXPECT_EQ(starved.policy, SCHED_OTHER);
  EXPECT_GE(starved.nice, 10);
  // A tenth is what it gets: there is still nothing left over.
  EXPECT_EQ(pool.Run(ms(60), ms(14)).policy, SCHED_OTHER);
  EXPECT_EQ(pool.Run(ms(40), ms(14)).policy, SCHED_OTHER);
  EXPECT_EQ(pool.Run(ms(100), ms(14)).policy, SCHED_IDLE);
}

TEST(HashPool, WhatComesNextOvertakesAHashThatStandsStill) {
  Outcome outcome;
  Starving pool;
  const auto ms = [](double n) { return absl::Milliseconds(n); };
  pool.Run(ms(20), ms(15));
  auto still = std::make_optional<Blocker>(pool.pool());
  // It may have had its thirtieth.
  pool.clock().Advance(ms(450));
  ASSERT_TRUE(pool.pool().Submit(outcome.Job()).ok());
  EXPECT_EQ(pool.pool().Waiting(), 1u);
  // It has not.
  pool.clock().Advance(ms(1));
  EXPECT_EQ(pool.Run(ms(0), ms(0)).policy, SCHED_OTHER);
  EXPECT_EQ(outcome.ran, 1);
  EXPECT_EQ(pool.pool().Running(), 1u);
  // No more besides it than there are threads.
  auto second = std::make_optional<Blocker>(pool.pool());
  ASSERT_TRUE(pool.pool().Submit(outcome.Job()).ok());
  EXPECT_EQ(pool.pool().Waiting(), 1u);
  // Where it goes on, it does not take the place of what has overtaken it.
  still.reset();
  while (pool.pool().Running() > 1) std::this_thread::yield();
  EXPECT_EQ(pool.pool().Waiting(), 1u);
  second.reset();
  WaitForTurns(pool.pool(), 6);
  EXPECT_EQ(pool.Run(ms(15), ms(15)).policy, SCHED_OTHER);
}

TEST(HashPool, ManySubmittersGetOneAnswerEach) {
  constexpr int kThreads = 4;
  constexpr int kJobs = 2000;
  FakeClock clock;
  std::vector<std::atomic<int>> answers(kThreads * kJobs);
  std::atomic<int> refused = 0;
  HashPool pool({.threads = 2, .queue_limit = 3}, clock);
  const auto submit = [&](int thread) {
    for (int i = 0; i < kJobs; ++i) {
      std::atomic<int>& answer = answers[thread * kJobs + i];
      const absl::Status taken =
          pool.Submit({.abandoned = [i] { return i % 3 == 0; },
                       .run = [&answer] { ++answer; },
                       .drop = [&answer](const absl::Status&) { ++answer; }});
      if (taken.ok()) continue;
      ++answer;
      ++refused;
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back(submit, i);
  for (std::thread& thread : threads) thread.join();
  pool.Stop();
  for (const std::atomic<int>& answer : answers) EXPECT_EQ(answer, 1);
  const HashPool::Counts counts = pool.counts();
  EXPECT_EQ(counts.refused, static_cast<uint64_t>(refused));
  EXPECT_EQ(counts.started + counts.dropped + counts.refused, answers.size());
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
