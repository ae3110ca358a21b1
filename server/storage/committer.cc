#include "server/storage/committer.h"

#include <cstdlib>
#include <memory>
#include <optional>
#include <pthread.h>
#include <utility>

#include "client/base/status_macros.h"
#include "server/base/error.h"
#include "server/storage/records.h"

namespace latchkey {
namespace {

// Whose thread this is.
thread_local const Committer* committing_here = nullptr;

}  // namespace

Committer::Committer(RocksDb& db, StoreHealth& health,
                     std::atomic<uint64_t>& revision, const Clock& clock,
                     Answerers answerers)
    : db_(db),
      health_(health),
      revision_(revision),
      clock_(clock),
      answerers_(answerers),
      thread_([this] {
        pthread_setname_np(pthread_self(), "committer");
        Run();
      }) {}

Committer::~Committer() { Stop(); }

absl::StatusOr<uint64_t> Committer::Commit(
    absl::FunctionRef<absl::Status(ChangeView&)> change) {
  if (committing_here == this) std::abort();
  // Each waits at a lock of its own: those of one batch wake at the same time,
  // and none for another.
  struct Waiter {
    Mutex mutex;
    CondVar wake;
    std::optional<absl::StatusOr<uint64_t>> answer ABSL_GUARDED_BY(mutex);
  } waiter;
  Entry entry = {.change = change,
                 .answered =
                     [&waiter](absl::StatusOr<uint64_t> answer) {
                       MutexLock lock(&waiter.mutex);
                       waiter.answer = std::move(answer);
                       // Under the lock: once the caller has it, the waiter
                       // is gone.
                       waiter.wake.NotifyOne();
                     },
                 .awaited = true};
  LATCHKEY_RETURN_IF_ERROR(Enqueue(entry));
  MutexLock lock(&waiter.mutex);
  while (!waiter.answer.has_value()) waiter.wake.Wait(&waiter.mutex);
  return *std::move(waiter.answer);
}

void Committer::Submit(Change change, Answered answered) {
  Entry entry = {.change = std::move(change), .answered = std::move(answered)};
  const absl::Status queued = Enqueue(entry);
  if (!queued.ok()) entry.answered(queued);
}

absl::Status Committer::Enqueue(Entry& entry) {
  MutexLock lock(&mutex_);
  const absl::Status ready = health_.Ready();
  if (!ready.ok()) return ready;
  if (stopping_) {
    return MakeError(absl::StatusCode::kUnavailable, Reason::kShuttingDown,
                     "the store is closing");
  }
  if (!entry.awaited && waiting_.size() >= kMaxWaiting) {
    return WithRetryDelay(
        MakeError(absl::StatusCode::kUnavailable, Reason::kOverloaded,
                  "too many changes are waiting"),
        kRetryDelay);
  }
  waiting_.push_back(std::move(entry));
  wake_.NotifyOne();
  return absl::OkStatus();
}

size_t Committer::Waiting() const {
  MutexLock lock(&mutex_);
  return waiting_.size();
}

void Committer::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void Committer::Run() {
  committing_here = this;
  Batch batch;
  while (Take(&batch)) {
    while (!batch.empty()) CommitSome(&batch);
  }
}

bool Committer::Take(Batch* batch) {
  MutexLock lock(&mutex_);
  while (waiting_.empty() && !stopping_) wake_.Wait(&mutex_);
  while (!waiting_.empty() && batch->size() < kMaxBatchChanges) {
    batch->push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  return !batch->empty();
}

void Committer::CommitSome(Batch* batch) {
  ChangeView view(db_, Revision());
  Batch decided;
  while (!batch->empty() && view.bytes() < kMaxBatchBytes) {
    Entry& entry = decided.emplace_back(std::move(batch->front()));
    batch->pop_front();
    const absl::Status status = entry.change(view);
    if (status.ok()) {
      entry.answer = view.Accept();
    } else {
      entry.answer = status;
      view.Refuse();
    }
  }
  const absl::Status written =
      view.empty() ? health_.Ready() : WriteBatchOf(view);
  CountBatch(decided, written);
  if (written.ok()) {
    Tell(view);
  } else {
    // Refusals too: they may have been decided against what was lost.
    for (Entry& entry : decided) entry.answer = written;
  }
  Answer(std::move(decided));
}

absl::Status Committer::WriteBatchOf(const ChangeView& view) {
  rocksdb::WriteBatch batch;
  rocksdb::Status filled = view.Fill(&batch);
  if (filled.ok()) {
    filled = batch.Put(db_.handle(Family::kMeta), ToSlice(kMetaRevision),
                       EncodeMetaNumber64(view.last_revision()));
  }
  if (!filled.ok()) {
    health_.StopAfterFailedWrite(filled.ToString());
    return health_.Ready();
  }
  const absl::Duration begin = clock_.SinceBoot();
  const absl::Status written = db_.Write(&batch, RocksDb::Durability::kSynced);
  figures_.writes.Add(clock_.SinceBoot() - begin);
  if (written.ok()) figures_.bytes.Add(view.bytes());
  return written;
}

void Committer::CountBatch(const Batch& batch, const absl::Status& written) {
  for (const Entry& entry : batch) {
    if (!written.ok()) {
      figures_.failed.Add();
    } else if (entry.answer.ok()) {
      figures_.committed.Add();
    } else {
      figures_.refused.Add();
    }
  }
}

void Committer::Tell(const ChangeView& view) {
  const bool is_new = view.last_revision() > Revision();
  revision_.store(view.last_revision(), std::memory_order_release);
  CommitListener* const listener = listener_.load(std::memory_order_acquire);
  if (listener != nullptr && is_new) {
    listener->Committed(view.last_revision(), view.revoked());
  }
}

void Committer::Listen(CommitListener& listener) {
  listener_.store(&listener, std::memory_order_release);
}

void Committer::Answer(Batch batch) {
  std::vector<Entry> others;
  for (Entry& entry : batch) {
    if (entry.awaited) {
      entry.answered(std::move(entry.answer));
      continue;
    }
    others.push_back(std::move(entry));
    if (others.size() >= answerers_.together) {
      AnswerElsewhere(std::exchange(others, {}));
    }
  }
  if (!others.empty()) AnswerElsewhere(std::move(others));
}

void Committer::AnswerElsewhere(std::vector<Entry> some) {
  const auto task =
      [some = std::make_shared<std::vector<Entry>>(std::move(some))] {
        for (Entry& entry : *some) {
          // What one holds, a place for a call above all, goes with its answer.
          Entry one = std::exchange(entry, {});
          one.answered(std::move(one.answer));
        }
      };
  if (answerers_.pool == nullptr || !answerers_.pool->Continue(task)) task();
}

}  // namespace latchkey
