#include "client/agent/local_answers.h"

#include <string>
#include <utility>

#include "absl/time/time.h"
#include "google/protobuf/util/time_util.h"

#include "client/grpc_asker.h"

namespace latchkey {

v1::ValidateResponse ActiveAnswer(const Principal& who, v1::Session session,
                                  bool want_revocable) {
  v1::ValidateResponse response;
  response.set_active(true);
  if (!who.kid.empty()) {
    // A JWT ends by itself, whatever becomes of its session.
    *response.mutable_expire_time() =
        google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(
            absl::ToUnixMicros(who.expire_time));
  } else {
    const auto& idle = session.idle_expire_time();
    const auto& end = session.expire_time();
    *response.mutable_expire_time() = idle < end ? idle : end;
  }
  *response.mutable_session() = std::move(session);
  if (want_revocable) {
    auto* const revocable = response.mutable_revocable();
    revocable->set_account_uid(std::string(who.account_uid.view()));
    revocable->set_account_generation(who.account_generation);
  }
  return response;
}

LocalAnswers::LocalAnswers(OfflineValidator& validator, SessionBook& book,
                           const Clock& clock)
    : validator_(validator), book_(book), clock_(clock) {}

std::optional<v1::ValidateResponse> LocalAnswers::Answer(
    const v1::ValidateRequest& request, const CheckOptions& options) {
  const std::optional<Verdict> verdict =
      validator_.CheckNow(request.credential(), options);
  if (!verdict.has_value()) return std::nullopt;
  if (*verdict == nullptr) return v1::ValidateResponse();
  const Principal& who = **verdict;
  std::optional<v1::Session> session = book_.Read(
      who.session_id, clock_.Now(),
      options.passive ? SessionBook::Use::kPassive : SessionBook::Use::kActive);
  if (!session.has_value()) return std::nullopt;
  return ActiveAnswer(who, *std::move(session), request.want_revocable());
}

void LocalAnswers::Learn(const v1::ValidateRequest& request,
                         const v1::ValidateResponse& response) {
  if (!response.active()) return;
  const auto asked = ReadValidateResponse(response);
  if (!asked.ok()) return;
  book_.Keep(asked->principal.session_id, response.session());
  validator_.Learn(request.credential(), response);
}

v1::Revision LocalAnswers::revision() const {
  v1::Revision revision;
  revision.set_token(validator_.revision());
  return revision;
}

}  // namespace latchkey
