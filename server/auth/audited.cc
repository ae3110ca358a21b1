#include "server/auth/audited.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

#include "server/base/error.h"

namespace latchkey {

AuditEvent MakeAuditEvent(AuditKind kind, const Origin& origin,
                          std::string target) {
  AuditEvent event;
  event.kind = kind;
  event.origin = origin;
  event.target = std::move(target);
  return event;
}

std::string AuditTarget(absl::string_view account) {
  return absl::StrCat("accounts/", account);
}

std::string AuditTarget(absl::string_view account, const SessionId& session) {
  return absl::StrCat("accounts/", account, "/sessions/", session.ToHex());
}

void NoteFailure(AuditLog& audit, AuditEvent event, const absl::Status& why) {
  const bool refused = absl::IsUnauthenticated(why) ||
                       absl::IsPermissionDenied(why) ||
                       absl::IsResourceExhausted(why);
  event.outcome = refused ? AuditOutcome::kRefused : AuditOutcome::kFailed;
  if (event.reason.empty()) {
    event.reason =
        std::string(ReasonName(ReasonOf(why).value_or(Reason::kInternal)));
  }
  audit.Note(event);
}

absl::Status WriteDone(AuditLog& audit, AuditEvent event) {
  event.outcome = AuditOutcome::kDone;
  absl::Status written = audit.Write(event);
  if (!written.ok()) audit.Note(event);
  return written;
}

}  // namespace latchkey
