#ifndef LATCHKEY_SERVER_AUTH_AUDITED_H_
#define LATCHKEY_SERVER_AUTH_AUDITED_H_

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "client/base/ids.h"
#include "client/base/status_macros.h"
#include "server/base/audit_log.h"
#include "server/base/origin.h"

namespace latchkey {

// How changes and their lines in the audit log go together. What gives power
// has a line before it has an effect; what takes power away waits for nothing
// and nobody. A change may add to its event what only it can know. All of this
// blocks: for workers.

// MakeAuditEvent returns the event `kind` that `origin` caused on `target`.
AuditEvent MakeAuditEvent(AuditKind kind, const Origin& origin,
                          std::string target);

// How targets are spelled.
std::string AuditTarget(absl::string_view account);
std::string AuditTarget(absl::string_view account, const SessionId& session);

// NoteFailure notes that `event` was refused or failed with `why`.
void NoteFailure(AuditLog& audit, AuditEvent event, const absl::Status& why);

// WriteDone writes that `event` is done, where it stays done whatever comes of
// the line: what cannot be written now is noted, and written when it can be.
//   kUnavailable  kAuditUnavailable
absl::Status WriteDone(AuditLog& audit, AuditEvent event);

// AuditedTaking makes a change that takes power away, and writes the line
// after it: if that fails the change stays all the same.
//   as `change`   it was not made
//   kUnavailable  kAuditUnavailable: it was, and may be made again
template <typename Result>
absl::StatusOr<Result> AuditedTaking(
    AuditLog& audit, const AuditEvent& event,
    absl::FunctionRef<absl::StatusOr<Result>()> change) {
  absl::StatusOr<Result> result = change();
  if (!result.ok()) {
    NoteFailure(audit, event, result.status());
    return result;
  }
  LATCHKEY_RETURN_IF_ERROR(WriteDone(audit, event));
  return result;
}

// AuditedGiving makes a change that may give power, between two lines: one
// that it is begun, without which it is not made, and one that it is done. (It
// could be undone instead, but until then it would have had effect, and
// undoing may fail.)
//   as `change`   it was not made
//   kUnavailable  kAuditUnavailable: it was not made; or it was, and only that
//                 it was begun is written
template <typename Result>
absl::StatusOr<Result> AuditedGiving(
    AuditLog& audit, const AuditEvent& event,
    absl::FunctionRef<absl::StatusOr<Result>()> change) {
  AuditEvent begun = event;
  begun.outcome = AuditOutcome::kBegun;
  const absl::Status written = audit.Write(begun);
  if (!written.ok()) {
    NoteFailure(audit, event, written);
    return written;
  }
  return AuditedTaking<Result>(audit, event, change);
}

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_AUTH_AUDITED_H_
