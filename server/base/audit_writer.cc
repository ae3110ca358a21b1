#include "server/base/audit_writer.h"

#include <cstdint>
#include <pthread.h>
#include <utility>

#include "absl/strings/str_cat.h"

#include "server/base/error.h"

namespace latchkey {
namespace {

absl::Status AuditUnavailable() {
  return WithRetryDelay(
      MakeError(absl::StatusCode::kUnavailable, Reason::kAuditUnavailable,
                "the audit log cannot be written"),
      AuditWriter::kRetryDelay);
}

}  // namespace

AuditWriter::AuditWriter(std::unique_ptr<LineSink> sink, const Clock& clock,
                         Log& log, size_t max_waiting)
    : sink_(std::move(sink)),
      clock_(clock),
      log_(log),
      max_waiting_(max_waiting) {
  thread_ = std::thread([this] { Run(); });
}

AuditWriter::~AuditWriter() { Stop(); }

absl::Status AuditWriter::Write(const AuditEvent& event) {
  AuditEvent dated = event;
  dated.time = clock_.Now();
  Waiter waiter;
  waiter.line = ToJsonLine(dated);
  MutexLock lock(&mutex_);
  if (stopping_ || waiting_.size() >= max_waiting_) return AuditUnavailable();
  waiting_.push_back(&waiter);
  wake_.NotifyOne();
  while (!waiter.done) waiter.answered.Wait(&mutex_);
  return waiter.status;
}

void AuditWriter::Note(const AuditEvent& event) {
  AuditEvent dated = event;
  dated.time = clock_.Now();
  const absl::Duration now = clock_.SinceBoot();
  MutexLock lock(&mutex_);
  if (stopping_) return;
  tally_.Add(dated, now);
  wake_.NotifyOne();
}

void AuditWriter::Reopen() {
  MutexLock lock(&mutex_);
  reopen_ = true;
  wake_.NotifyOne();
}

size_t AuditWriter::Waiting() const {
  MutexLock lock(&mutex_);
  return waiting_.size();
}

void AuditWriter::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  wake_.NotifyOne();
  if (thread_.joinable()) thread_.join();
}

void AuditWriter::Run() {
  pthread_setname_np(pthread_self(), "audit");
  while (true) {
    const Batch batch = Take();
    if (batch.reopen) ReopenSink();
    Settle(batch, Put(batch));
    if (batch.last) return;
  }
}

// Waits until there is something to do, and takes it.
AuditWriter::Batch AuditWriter::Take() {
  Batch batch;
  MutexLock lock(&mutex_);
  while (waiting_.empty() && !reopen_ && !stopping_) {
    const absl::Duration left = tally_.NextDue() - clock_.SinceBoot();
    if (left <= absl::ZeroDuration()) break;
    if (left == absl::InfiniteDuration()) {
      wake_.Wait(&mutex_);
    } else {
      wake_.WaitFor(&mutex_, left);
    }
  }
  batch.reopen = std::exchange(reopen_, false);
  size_t bytes = 0;
  while (!waiting_.empty() && bytes < kMaxBatchBytes) {
    bytes += waiting_.front()->line.size();
    batch.waiters.push_back(waiting_.front());
    waiting_.pop_front();
  }
  batch.last = stopping_ && waiting_.empty();
  batch.counted =
      batch.last ? tally_.TakeAll() : tally_.TakeDue(clock_.SinceBoot());
  return batch;
}

absl::Status AuditWriter::Put(const Batch& batch) {
  std::string lines;
  for (const AuditEvent& event : batch.counted) {
    absl::StrAppend(&lines, ToJsonLine(event));
  }
  for (const Waiter* waiter : batch.waiters) {
    absl::StrAppend(&lines, waiter->line);
  }
  if (lines.empty()) return absl::OkStatus();
  const absl::Status status = sink_->Append(lines);
  TellLog(status);
  return status;
}

void AuditWriter::Settle(const Batch& batch, const absl::Status& status) {
  const absl::Status answer =
      status.ok() ? absl::OkStatus() : AuditUnavailable();
  if (!status.ok() && batch.last) {
    int64_t lost = 0;
    for (const AuditEvent& event : batch.counted) lost += event.count;
    log_.Error("audit lines lost at the end", {{"events", lost}});
  }
  const absl::Duration now = clock_.SinceBoot();
  MutexLock lock(&mutex_);
  if (!status.ok()) tally_.PutBack(batch.counted, now);
  for (Waiter* waiter : batch.waiters) {
    waiter->status = answer;
    waiter->done = true;
    // The last touch: its thread may take the waiter away once it has the lock.
    waiter->answered.NotifyOne();
  }
}

void AuditWriter::ReopenSink() {
  const absl::Status reopened = sink_->Reopen();
  if (reopened.ok()) {
    log_.Info("audit log reopened", {});
  } else {
    log_.Error("audit log not reopened", {{"status", reopened}});
  }
}

void AuditWriter::TellLog(const absl::Status& status) {
  if (!status.ok() && !failing_) {
    log_.Error("audit log cannot be written; what needs a line is refused",
               {{"status", status}});
  } else if (status.ok() && failing_) {
    log_.Info("audit log is written again", {});
  }
  failing_ = !status.ok();
}

}  // namespace latchkey
