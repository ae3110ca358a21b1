#include "client/grpc_asker.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"

#include "client/error_details.h"
#include "client/request_secrets.h"
#include "client/verify/revision.h"
#include "client/wire_time.h"

namespace latchkey {
namespace {

// A deadline further away counts as this.
constexpr absl::Duration kLongestCall = absl::Hours(24);

void FillRequest(absl::string_view credential, const CheckOptions& options,
                 v1::ValidateRequest* request) {
  request->set_credential(std::string(credential));
  request->set_audience(options.audience);
  request->set_passive(options.passive);
  request->set_want_revocable(true);
  if (!options.at_least_as_fresh.empty()) {
    request->mutable_at_least_as_fresh()->set_token(options.at_least_as_fresh);
  }
  if (options.max_auth_age.has_value()) {
    WriteDuration(*options.max_auth_age, request->mutable_max_auth_age());
  }
}

// What of the session's public name says who it is; false: not such a name.
bool ReadName(const v1::Session& session, Principal* principal) {
  absl::string_view name = session.name();
  if (!absl::ConsumePrefix(&name, session.account())) return false;
  if (!absl::ConsumePrefix(&name, "/sessions/")) return false;
  const std::optional<SessionId> id = SessionId::FromHex(name);
  absl::string_view account = session.account();
  if (!absl::ConsumePrefix(&account, "accounts/")) return false;
  if (!id.has_value() || account.empty()) return false;
  principal->session_id = *id;
  principal->account = std::string(account);
  return true;
}

bool ReadTimes(const v1::ValidateResponse& response, Principal* principal) {
  const auto auth_time = ReadTime(response.session().auth_time());
  const auto expire_time = ReadTime(response.expire_time());
  if (!response.has_expire_time() || !response.session().has_auth_time() ||
      !auth_time.has_value() || !expire_time.has_value()) {
    return false;
  }
  principal->auth_time = *auth_time;
  principal->expire_time = *expire_time;
  return true;
}

}  // namespace

absl::StatusOr<AskedAnswer> ReadValidateResponse(
    const v1::ValidateResponse& response) {
  AskedAnswer answer;
  answer.active = response.active();
  if (!answer.active) return answer;
  Principal& principal = answer.principal;
  const v1::Session& session = response.session();
  if (!ReadName(session, &principal) || !ReadTimes(response, &principal)) {
    return absl::InternalError("the server's answer is malformed");
  }
  principal.amr.assign(session.amr().begin(), session.amr().end());
  principal.audiences.assign(session.audiences().begin(),
                             session.audiences().end());
  principal.roles.assign(session.roles().begin(), session.roles().end());
  if (const auto point = ReadRevisionToken(response.revision().token())) {
    principal.epoch = point->epoch;
  }
  const auto uid = AccountUid::FromBytes(response.revocable().account_uid());
  if (response.has_revocable() && uid.has_value()) {
    principal.account_uid = *uid;
    principal.account_generation = response.revocable().account_generation();
    answer.revocable = true;
  }
  return answer;
}

struct GrpcAsker::Call {
  grpc::ClientContext context;
  v1::ValidateRequest request;
  v1::ValidateResponse response;
  Done done;
};

GrpcAsker::GrpcAsker(
    const std::vector<std::shared_ptr<grpc::Channel>>& channels,
    std::shared_ptr<grpc::CallCredentials> credentials)
    : credentials_(std::move(credentials)) {
  for (const auto& channel : channels) {
    stubs_.push_back(v1::AuthService::NewStub(channel));
  }
}

GrpcAsker::~GrpcAsker() { CancelAll(); }

void GrpcAsker::Ask(absl::string_view credential, const CheckOptions& options,
                    absl::Time deadline, Done done) {
  auto* const call = new Call;
  call->done = std::move(done);
  FillRequest(credential, options, &call->request);
  call->context.set_deadline(
      absl::ToChronoTime(std::min(deadline, absl::Now() + kLongestCall)));
  if (credentials_ != nullptr) call->context.set_credentials(credentials_);
  if (!Add(call)) {
    const std::unique_ptr<Call> owned(call);
    owned->done(absl::CancelledError("no more questions are taken"));
    return;
  }
  const size_t turn = next_stub_.fetch_add(1, std::memory_order_relaxed);
  stubs_[turn % stubs_.size()]->async()->Validate(
      &call->context, &call->request, &call->response,
      [this, call](grpc::Status status) { Answered(call, status); });
}

bool GrpcAsker::Add(Call* call) {
  MutexLock lock(&mutex_);
  if (cancelled_) return false;
  calls_.insert(call);
  return true;
}

void GrpcAsker::Answered(Call* call, const grpc::Status& status) {
  WipeSecrets(&call->request);
  call->done(status.ok() ? ReadValidateResponse(call->response)
                         : absl::StatusOr<AskedAnswer>(ToAbsl(status)));
  call->done = nullptr;
  MutexLock lock(&mutex_);
  calls_.erase(call);
  delete call;
  if (calls_.empty()) none_left_.NotifyAll();
}

void GrpcAsker::CancelAll() {
  MutexLock lock(&mutex_);
  cancelled_ = true;
  for (Call* const call : calls_) call->context.TryCancel();
  while (!calls_.empty()) none_left_.Wait(&mutex_);
}

}  // namespace latchkey
