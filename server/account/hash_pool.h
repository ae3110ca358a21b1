#ifndef LATCHKEY_SERVER_ACCOUNT_HASH_POOL_H_
#define LATCHKEY_SERVER_ACCOUNT_HASH_POOL_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>

#include "absl/status/status.h"
#include "absl/time/time.h"

#include "client/base/clock.h"
#include "client/base/mutex.h"
#include "server/base/metrics.h"
#include "server/base/task_pool.h"
#include "server/base/thread_priority.h"

namespace latchkey {

// HashJob is a call that waits for a password hash. Exactly one of `run` and
// `drop` is called, once, on a thread of the pool; or `drop`, for one that was
// abandoned, on a thread that submits another.
struct HashJob {
  // Tells whether nobody waits for the answer any more: its deadline has
  // passed or it was cancelled. Asked when the job's turn comes, and before
  // that where its place is wanted: on any thread, and under the pool's lock,
  // so it must be quick and call nothing of the pool.
  std::function<bool()> abandoned;
  // Does the hashing and answers.
  std::function<void()> run;
  // Answers with an error instead; nothing was hashed.
  //   kCancelled          it was abandoned
  //   kResourceExhausted  its turn came too late (kHashQueueFull), with a
  //                       retry delay
  //   kUnavailable        the pool stopped first (kShuttingDown)
  std::function<void(absl::Status)> drop;
};

// HashPool runs password hashes on a few threads of their own, since they are
// the one slow step of a login: a storm of logins fills this pool's queue and
// takes nothing else. What does not fit, or would wait too long, is refused at
// once and cheaply.
//
// Its threads have a tenth of the processors at least (kHousekeeping), and all
// of them where nobody else wants any. Where others do, but not all of them all
// the time, they take what is left over (kLeftover, in ShortTurns), so that a
// storm of logins is not felt by who is served. By the share that each hash had
// it is known how things stand. Where nothing at all is left over any more,
// what comes next overtakes the hashes that stand still.
//
// Safe from any thread.
class HashPool {
 public:
  struct Options {
    // As many hashes are computed at the same time, and hold their memory; of
    // those that stand still up to as many besides.
    int threads = 1;
    // Jobs waiting. At 15 ms a hash, 64 make a wait of one second on one
    // thread, which is about what a person waits for a login.
    size_t queue_limit = 64;
    // The longest wait for a turn. Who waited longer has likely given up, and
    // a hash for nobody makes the next one wait longer, too.
    absl::Duration max_wait = absl::Seconds(2);
    // How long processors have worked for the calling thread.
    std::function<absl::Duration()> thread_cpu = ThisThreadCpu;
  };

  // Counters since the start.
  struct Counts {
    uint64_t started = 0;  // run
    uint64_t dropped = 0;  // abandoned, too late, or left at Stop
    uint64_t refused = 0;  // never queued
  };

  // Bounds of the retry delay that a refusal carries.
  static constexpr absl::Duration kMinRetryDelay = absl::Milliseconds(100);
  static constexpr absl::Duration kMaxRetryDelay = absl::Seconds(30);

  // `clock` must outlive the pool.
  HashPool(const Options& options, const Clock& clock);
  // Calls Stop.
  ~HashPool();
  HashPool(const HashPool&) = delete;
  HashPool& operator=(const HashPool&) = delete;

  // Submit queues `job`; never blocks. If it fails, the job is neither run nor
  // dropped: the caller answers. Abandoned jobs give up their places first.
  //   kResourceExhausted  the queue is full, or by the mean of late takes
  //                       longer than max_wait (kHashQueueFull); with a retry
  //                       delay: about how long the queue will take
  //   kUnavailable        the pool stopped (kShuttingDown)
  [[nodiscard]] absl::Status Submit(HashJob job);

  // Stop refuses new jobs, drops those that wait, lets running ones finish and
  // joins the threads. May be called again; not from a job.
  void Stop();

  // Waiting returns how many jobs are queued now, Running how many are run.
  size_t Waiting() const;
  size_t Running() const { return running_.load(std::memory_order_relaxed); }
  Counts counts() const;
  // How long jobs that were run had waited, and how long they took.
  const DurationHistogram& waits() const { return waits_; }
  const DurationHistogram& runs() const { return runs_; }

 private:
  struct WaitingJob {
    HashJob job;
    absl::Duration since;  // by the boot clock
  };
  // A list, since abandoned jobs leave from anywhere.
  using Queue = std::list<WaitingJob>;

  // Queues `job`, or says why not; what was abandoned goes to `dead`.
  absl::Status TryQueue(HashJob job, Queue* dead);
  // Submits one more turn; false once its pool has stopped.
  bool AddTurn(absl::Duration now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EndTurn(ThreadPriority mine) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Tells whether those that live on leftovers get next to none, by how long
  // nothing was heard of any.
  bool LeftoversStarve(absl::Duration now) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsCrowded() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Moves abandoned jobs to `dead` until there is room; asks a limited number,
  // and the next ones the next time.
  void MoveAbandoned(Queue* dead) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  TaskPool& PoolFor(ThreadPriority priority) {
    return priority == ThreadPriority::kLeftover ? leftover_ : tenth_;
  }
  // A turn runs or drops one job after the other until there is none, or until
  // they are for threads of the other priority.
  void TakeTurn(ThreadPriority mine);
  // Takes the next job of the queue; none where the turn has ended.
  Queue NextJob(ThreadPriority mine);
  void TakeJob(const Queue& one, ThreadPriority mine);
  void Drop(const Queue& jobs, const absl::Status& why);
  void NoteDuration(absl::Duration took);
  // Chooses the priority of the next by what one of `mine` had of a processor.
  void NoteShare(ThreadPriority mine, absl::Duration took, absl::Duration cpu);
  // How long the queue will take.
  absl::Duration UntilEmpty() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Duration RetryDelay() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  const Clock& clock_;
  std::atomic<bool> stopping_ = false;
  std::atomic<uint64_t> started_ = 0;
  std::atomic<uint64_t> dropped_ = 0;
  std::atomic<uint64_t> refused_ = 0;
  std::atomic<size_t> running_ = 0;
  DurationHistogram waits_;
  DurationHistogram runs_;
  mutable Mutex mutex_;
  Queue queue_ ABSL_GUARDED_BY(mutex_);
  // The job, or the end, that is asked next whether it was abandoned.
  Queue::iterator next_asked_ ABSL_GUARDED_BY(mutex_) = queue_.end();
  // Turns that were submitted and have not ended, on threads of both kinds: at
  // most as many as threads of one, but for those on leftovers that were
  // overtaken; some, while a job waits.
  int turns_ ABSL_GUARDED_BY(mutex_) = 0;
  int leftover_turns_ ABSL_GUARDED_BY(mutex_) = 0;  // of them
  // When the first of these was submitted, or one's last hash ended.
  absl::Duration leftover_heard_ ABSL_GUARDED_BY(mutex_);
  // What the newest hash took of a processor; zero before the first.
  absl::Duration hash_cpu_ ABSL_GUARDED_BY(mutex_);
  ThreadPriority priority_ ABSL_GUARDED_BY(mutex_) =
      ThreadPriority::kHousekeeping;
  // Moving mean; zero until the first hash is done.
  absl::Duration mean_duration_ ABSL_GUARDED_BY(mutex_);
  // Last: their threads use all of the above.
  TaskPool leftover_;
  TaskPool tenth_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_ACCOUNT_HASH_POOL_H_
