#include "server/storage/committer.h"

#include <pthread.h>
#include <utility>

#include "client/base/status_macros.h"
#include "server/base/error.h"
#include "server/storage/records.h"

namespace latchkey {

Committer::Committer(RocksDb& db, StoreHealth& health,
                     std::atomic<uint64_t>& revision, const Clock& clock)
    : db_(db),
      health_(health),
      revision_(revision),
      clock_(clock),
      thread_([this] {
        pthread_setname_np(pthread_self(), "committer");
        Run();
      }) {}

Committer::~Committer() { Stop(); }

absl::StatusOr<uint64_t> Committer::Commit(Change change) {
  Waiter waiter(change);
  LATCHKEY_RETURN_IF_ERROR(Enqueue(waiter));
  {
    MutexLock lock(&waiter.mutex);
    while (!waiter.done) waiter.answered.Wait(&waiter.mutex);
  }
  if (!waiter.status.ok()) return waiter.status;
  return waiter.revision;
}

absl::Status Committer::Enqueue(Waiter& waiter) {
  MutexLock lock(&mutex_);
  const absl::Status ready = health_.Ready();
  if (!ready.ok()) return ready;
  if (stopping_) {
    return MakeError(absl::StatusCode::kUnavailable, Reason::kShuttingDown,
                     "the store is closing");
  }
  if (waiting_.size() >= kMaxWaiting) {
    return WithRetryDelay(
        MakeError(absl::StatusCode::kUnavailable, Reason::kOverloaded,
                  "too many changes are waiting"),
        kRetryDelay);
  }
  waiting_.push_back(&waiter);
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
  Batch batch;
  while (Take(&batch)) {
    while (!batch.empty()) CommitSome(&batch);
  }
}

bool Committer::Take(Batch* batch) {
  MutexLock lock(&mutex_);
  while (waiting_.empty() && !stopping_) wake_.Wait(&mutex_);
  while (!waiting_.empty() && batch->size() < kMaxBatchChanges) {
    batch->push_back(waiting_.front());
    waiting_.pop_front();
  }
  return !batch->empty();
}

void Committer::CommitSome(Batch* batch) {
  ChangeView view(db_, Revision());
  Batch decided;
  while (!batch->empty() && view.bytes() < kMaxBatchBytes) {
    Waiter* const waiter = batch->front();
    batch->pop_front();
    decided.push_back(waiter);
    waiter->status = waiter->change(view);
    if (waiter->status.ok()) {
      waiter->revision = view.Accept();
    } else {
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
    for (Waiter* waiter : decided) waiter->status = written;
  }
  Answer(decided);
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
  for (const Waiter* waiter : batch) {
    if (!written.ok()) {
      figures_.failed.Add();
    } else if (waiter->status.ok()) {
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

void Committer::Answer(const Batch& batch) {
  for (Waiter* waiter : batch) {
    MutexLock lock(&waiter->mutex);
    waiter->done = true;
    // Under the lock: once the caller has it, the waiter is gone.
    waiter->answered.NotifyOne();
  }
}

}  // namespace latchkey
