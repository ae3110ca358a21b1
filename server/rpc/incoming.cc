#include "server/rpc/incoming.h"

#include <utility>

#include "server/rpc/peer_address.h"
#include "server/rpc/peer_certificate.h"
#include "server/rpc/status_map.h"

namespace latchkey {

absl::Status Incoming::LetIn(const MethodRule& rule, Reach reach) {
  absl::StatusOr<Caller> found = door_.callers.Find(
      rule, *context_->auth_context(), context_->client_metadata(), reach);
  if (!found.ok()) return found.status();
  caller_ = *std::move(found);
  return MayCall(rule.method, caller_.permissions) ? absl::OkStatus()
                                                   : NotPermitted();
}

Origin Incoming::MakeOrigin() {
  return {.caller = caller_,
          .address = PeerAddress(context_->peer()),
          .correlation_id = CorrelationId()};
}

std::vector<std::string> Incoming::PeerCertificateNames() const {
  return CertificateNamesOf(*context_->auth_context());
}

grpc::Status Incoming::AnswerOf(const absl::Status& status) {
  grpc::Status answer;
  if (status.ok()) {
    if (!correlation_.has_value()) correlation_ = ReadCorrelation(*context_);
  } else {
    const std::optional<Reason> reason = ReasonOf(status);
    if (reason == Reason::kNotPermitted || reason == Reason::kCallerRefused) {
      NoteRefusedCaller(*reason);
    }
    answer = ToGrpc(status, method_, CorrelationId(), door_.log);
  }
  SendCorrelation(*correlation_, context_);
  return answer;
}

std::function<bool()> Incoming::Abandoned() const {
  absl::Duration deadline = absl::InfiniteDuration();
  const auto wall_deadline = context_->deadline();
  if (wall_deadline != std::chrono::system_clock::time_point::max()) {
    deadline =
        door_.clock.SinceBoot() +
        absl::FromChrono(wall_deadline - std::chrono::system_clock::now());
  }
  return [context = context_, &clock = door_.clock, deadline] {
    return context->IsCancelled() || clock.SinceBoot() >= deadline;
  };
}

const std::string& Incoming::CorrelationId() {
  if (!correlation_.has_value()) correlation_ = ReadCorrelation(*context_);
  if (correlation_->id.empty()) correlation_->id = MakeCorrelationId();
  return correlation_->id;
}

void Incoming::NoteRefusedCaller(Reason reason) {
  AuditEvent event;
  event.outcome = AuditOutcome::kRefused;
  event.reason = std::string(ReasonName(reason));
  event.origin = MakeOrigin();
  event.target = std::string(method_);
  door_.audit.Note(event);
}

}  // namespace latchkey
