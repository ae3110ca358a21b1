#ifndef LATCHKEY_TESTS_SUPPORT_RECORDING_AUDIT_H_
#define LATCHKEY_TESTS_SUPPORT_RECORDING_AUDIT_H_

#include <utility>
#include <vector>

#include "absl/status/status.h"

#include "client/base/mutex.h"
#include "server/base/audit_log.h"
#include "server/base/error.h"

namespace latchkey {

// RecordingAudit keeps events in memory, and fails when told to.
class RecordingAudit final : public AuditLog {
 public:
  absl::Status Write(const AuditEvent& event) override {
    MutexLock lock(&mutex_);
    if (writes_left_ == 0) {
      return MakeError(absl::StatusCode::kUnavailable,
                       Reason::kAuditUnavailable, "told to fail");
    }
    if (writes_left_ > 0) --writes_left_;
    written_.push_back(event);
    return absl::OkStatus();
  }
  void Note(const AuditEvent& event) override {
    MutexLock lock(&mutex_);
    noted_.push_back(event);
  }

  // FailAfter lets `writes` more succeed and no further one; Mend all again.
  void FailAfter(int writes) {
    MutexLock lock(&mutex_);
    writes_left_ = writes;
  }
  void Mend() { FailAfter(-1); }

  // What came since the last call.
  std::vector<AuditEvent> TakeWritten() {
    MutexLock lock(&mutex_);
    return std::exchange(written_, {});
  }
  std::vector<AuditEvent> TakeNoted() {
    MutexLock lock(&mutex_);
    return std::exchange(noted_, {});
  }

 private:
  Mutex mutex_;
  int writes_left_ ABSL_GUARDED_BY(mutex_) = -1;  // negative: no limit
  std::vector<AuditEvent> written_ ABSL_GUARDED_BY(mutex_);
  std::vector<AuditEvent> noted_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SUPPORT_RECORDING_AUDIT_H_
