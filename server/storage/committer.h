#ifndef LATCHKEY_SERVER_STORAGE_COMMITTER_H_
#define LATCHKEY_SERVER_STORAGE_COMMITTER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "client/base/clock.h"
#include "client/base/mutex.h"
#include "server/base/metrics.h"
#include "server/base/task_pool.h"
#include "server/session/commit_listener.h"
#include "server/storage/change_view.h"
#include "server/storage/rocks_db.h"
#include "server/storage/store_health.h"

namespace latchkey {

// Committer is the one way by which acknowledged changes reach the disk: one
// thread that takes what waits, decides each change against the state that the
// ones before it leave, writes them in one synced batch, and only then
// answers. So checks never race with writes, one sync carries many changes,
// and revisions are consecutive.
//
//   waiting ----> decide each ----> one synced write ----> revision ---->
//   answers (bounded)     (ChangeView)                             (readers)
//
// What follows the order of changes (the revision that readers ask for, and
// the listener) is told before any caller is answered.
//
// After a failed write nobody knows what is on disk: the committer stops for
// good and refuses all that waits and all that comes.
//
// Safe from any thread.
class Committer {
 public:
  // Decides one change: reads and writes through the view, and returns OK, or
  // a refusal, after which nothing of it is kept. Runs on the committer's
  // thread: everything waits behind it, so it does not more than a few reads.
  using Change = std::function<absl::Status(ChangeView&)>;
  // Takes what Commit would have returned.
  using Answered = std::function<void(absl::StatusOr<uint64_t>)>;

  // The most changes that one batch takes: past this a batch gains nothing by
  // more (measured), and the first of it would wait for the last.
  static constexpr size_t kMaxBatchChanges = 256;
  // A batch takes no further change once it has this many bytes: one write of
  // bounded length.
  static constexpr size_t kMaxBatchBytes = size_t{1} << 20;
  // The most changes that wait when another is submitted: two batches behind
  // the one being written. One that its caller waits for is taken all the same:
  // what takes power away does not fail for a crowd of logins, and those
  // callers are as many as there are threads.
  static constexpr size_t kMaxWaiting = 2 * kMaxBatchChanges;
  // When to come again if that is reached.
  static constexpr absl::Duration kRetryDelay = absl::Milliseconds(100);

  // Who gives the answers to what was submitted.
  struct Answerers {
    // If there is none, or when it has stopped, the committer's own thread
    // answers: then an answer must not block.
    TaskPool* pool = nullptr;
    // So many answers make one task. To wake a thread costs more than an
    // answer that does not block; those that do wait for each other.
    size_t together = 16;
  };

  // Starts the thread. `revision` holds the newest one on disk, and is what
  // the committer moves on when a batch is durable. All must outlive it.
  Committer(RocksDb& db, StoreHealth& health, std::atomic<uint64_t>& revision,
            const Clock& clock, Answerers answerers);
  // Calls Stop.
  ~Committer();
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  // Listen tells `listener`, which must outlive the committer, of all that is
  // committed from now on.
  // REQUIRES: called once, and nothing is being committed
  void Listen(CommitListener& listener);

  // Commit decides `change` and waits until it is durable. Returns the
  // revision at which readers see it: its own, or, if it wrote nothing, the
  // one before, which is durable too.
  // Not on the committer's own thread, where it would wait for itself: that
  // ends the process.
  //   as `change` refused   nothing was written
  //   kUnavailable          kStoreFailed, kShuttingDown
  [[nodiscard]] absl::StatusOr<uint64_t> Commit(
      absl::FunctionRef<absl::Status(ChangeView&)> change);

  // Submit is Commit for a caller that does not wait. `answered` is called
  // once, on a thread of the answerers, where it may block as their tasks may;
  // or, with why `change` cannot even wait, on this thread before Submit
  // returns.
  //   kUnavailable          besides, kOverloaded with a retry delay
  void Submit(Change change, Answered answered);

  // Revision returns the newest revision that every reader sees.
  uint64_t Revision() const {
    return revision_.load(std::memory_order_acquire);
  }

  // Waiting returns how many changes wait to be taken into a batch now.
  size_t Waiting() const;

  // What has passed since the start. Safe from any thread, as each of its
  // members is.
  struct Figures {
    Counter committed;  // changes, those that wrote nothing included
    Counter refused;    // by their own decision
    Counter failed;     // with the store
    Counter bytes;      // of changes, as they were handed to the store
    // Of each batch that was written: how long the synced write took.
    DurationHistogram writes;
  };
  const Figures& figures() const { return figures_; }

  // Stop commits what waits, refuses what comes and joins the thread. May be
  // called again.
  void Stop();

 private:
  // One change on its way.
  struct Entry {
    Change change;
    Answered answered;
    bool awaited = false;  // its caller waits: `answered` only wakes it
    absl::StatusOr<uint64_t> answer = uint64_t{0};
  };
  using Batch = std::deque<Entry>;

  // Puts `entry` in line; if it refuses, `entry` is as it was.
  absl::Status Enqueue(Entry& entry);
  void Run();
  // Takes what waits into `batch`; false when there will be no more.
  bool Take(Batch* batch);
  // Decides and writes the front of `batch`, and answers it.
  void CommitSome(Batch* batch);
  absl::Status WriteBatchOf(const ChangeView& view);
  void CountBatch(const Batch& batch, const absl::Status& written);
  // Tells the listener, if there is one, what `view` made durable.
  void Tell(const ChangeView& view);
  void Answer(Batch batch);
  // Gives the answers of `some` on a thread of the answerers.
  void AnswerElsewhere(std::vector<Entry> some);

  RocksDb& db_;
  StoreHealth& health_;
  std::atomic<uint64_t>& revision_;
  const Clock& clock_;
  const Answerers answerers_;
  Figures figures_;

  mutable Mutex mutex_;
  CondVar wake_;
  Batch waiting_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  std::atomic<CommitListener*> listener_{nullptr};

  std::thread thread_;  // touched by constructor and Stop only
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORAGE_COMMITTER_H_
