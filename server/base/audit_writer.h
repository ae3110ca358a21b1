#ifndef LATCHKEY_SERVER_BASE_AUDIT_WRITER_H_
#define LATCHKEY_SERVER_BASE_AUDIT_WRITER_H_

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"

#include "client/base/clock.h"
#include "client/base/mutex.h"
#include "server/base/audit_log.h"
#include "server/base/audit_tally.h"
#include "server/base/line_file.h"
#include "server/base/log.h"

namespace latchkey {

// AuditWriter writes events as JSON lines: one thread that takes what waits and
// puts it down in one write, so that many logins share it, and that comes back
// to what could not be written until it can be. That it cannot, and that it can
// again, it tells the log once each.
//
// Safe from any thread.
class AuditWriter final : public AuditLog {
 public:
  // Events that wait to be written; each is a blocked thread, and the pools
  // they come from are smaller. Reached only if a pool lost its own limit.
  static constexpr size_t kMaxWaiting = 2048;
  // One write takes no further event once it has this many bytes.
  static constexpr size_t kMaxBatchBytes = size_t{1} << 20;
  // When to try again what could not be written.
  static constexpr absl::Duration kRetryDelay = absl::Seconds(1);

  // Starts the thread. `clock` and `log` must outlive the writer.
  AuditWriter(std::unique_ptr<LineSink> sink, const Clock& clock, Log& log,
              size_t max_waiting = kMaxWaiting);
  // Calls Stop.
  ~AuditWriter() override;
  AuditWriter(const AuditWriter&) = delete;
  AuditWriter& operator=(const AuditWriter&) = delete;

  absl::Status Write(const AuditEvent& event) override;
  void Note(const AuditEvent& event) override;

  // Reopen has the thread go on in what bears the file's name now. Does not
  // wait for it; the log says how it went.
  void Reopen();

  // Waiting returns how many callers of Write wait to be taken now.
  size_t Waiting() const;

  // Stop writes what waits and what is counted, refuses what comes, and joins
  // the thread. May be called again.
  void Stop();

 private:
  // One caller that waits; lives on its stack.
  struct Waiter {
    std::string line;
    absl::Status status;  // the thread's until `done`
    bool done = false;    // guarded by mutex_
    CondVar answered;
  };
  // What one write takes.
  struct Batch {
    std::vector<AuditEvent> counted;
    std::vector<Waiter*> waiters;
    bool reopen = false;
    bool last = false;  // there will be no more
  };

  void Run();
  Batch Take();
  absl::Status Put(const Batch& batch);
  void Settle(const Batch& batch, const absl::Status& status);
  void ReopenSink();
  // Tells the log when writing begins to fail and when it works again.
  void TellLog(const absl::Status& status);

  const std::unique_ptr<LineSink> sink_;  // the thread's
  const Clock& clock_;
  Log& log_;
  const size_t max_waiting_;
  bool failing_ = false;  // the thread's

  mutable Mutex mutex_;
  CondVar wake_;
  std::deque<Waiter*> waiting_ ABSL_GUARDED_BY(mutex_);
  AuditTally tally_ ABSL_GUARDED_BY(mutex_);
  bool reopen_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread thread_;  // touched by constructor and Stop only
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_BASE_AUDIT_WRITER_H_
