#ifndef LATCHKEY_SERVER_BASE_AUDIT_LOG_H_
#define LATCHKEY_SERVER_BASE_AUDIT_LOG_H_

#include "absl/status/status.h"

#include "server/base/audit_event.h"

namespace latchkey {

// AuditLog keeps security events, for those who ask later what happened.
//
// Safe from any thread. It sets the event's time and count.
class AuditLog {
 public:
  virtual ~AuditLog() = default;

  // Write puts the event down and returns when that is done. Blocks: for
  // workers.
  //   kUnavailable  kAuditUnavailable, with a retry delay: not written
  [[nodiscard]] virtual absl::Status Write(const AuditEvent& event) = 0;

  // Note is for what nobody waits for: events of one kind, outcome, reason and
  // source that come within a second become one line with a count. What cannot
  // be written now is written when it can. Never blocks.
  virtual void Note(const AuditEvent& event) = 0;
};

// NoAuditLog keeps nothing, where no audit is wanted.
class NoAuditLog final : public AuditLog {
 public:
  absl::Status Write(const AuditEvent&) override { return absl::OkStatus(); }
  void Note(const AuditEvent&) override {}
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_BASE_AUDIT_LOG_H_
