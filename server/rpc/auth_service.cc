#include "server/rpc/auth_service.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "client/base/status_macros.h"
#include "server/rpc/convert.h"
#include "server/rpc/fields.h"
#include "server/rpc/propagation.h"
#include "server/rpc/validate_wire.h"

namespace latchkey {
namespace {

ClientInfo FromProto(const v1::ClientInfo& proto) {
  return {.user_agent = proto.user_agent(),
          .ip_address = proto.ip_address(),
          .device_label = proto.device_label()};
}

void ReadProof(v1::LoginRequest* request, FieldChecks* checks,
               LoginCommand* command) {
  switch (request->proof_case()) {
    case v1::LoginRequest::kPassword:
      command->proof = LoginCommand::Proof::kPassword;
      command->password = MoveSecret(request->mutable_password());
      checks->Password("password", command->password);
      break;
    case v1::LoginRequest::kClientSecret:
      command->proof = LoginCommand::Proof::kSecret;
      checks->Credential("client_secret", request->client_secret());
      command->client_secret = MoveSecret(request->mutable_client_secret());
      break;
    case v1::LoginRequest::kClientAssertion:
      command->proof = LoginCommand::Proof::kAssertion;
      checks->Credential("client_assertion", request->client_assertion());
      command->client_assertion =
          MoveSecret(request->mutable_client_assertion());
      break;
    case v1::LoginRequest::kClientCertificate:
      command->proof = LoginCommand::Proof::kCertificate;
      break;
    case v1::LoginRequest::PROOF_NOT_SET:
      checks->Fail("proof", "is required");
      break;
  }
}

absl::StatusOr<LoginCommand> ReadLogin(v1::LoginRequest* request) {
  FieldChecks checks;
  LoginCommand command;
  checks.AccountId("account", request->account());
  ReadProof(request, &checks, &command);
  if (!v1::CredentialFormat_IsValid(request->credential_format())) {
    checks.Fail("credential_format", "is not a known value");
  }
  checks.Audiences("audiences", request->audiences());
  checks.Client("client", request->client());
  if (request->has_requested_ttl()) {
    command.requested_ttl = checks.Duration(
        "requested_ttl", request->requested_ttl(), kMinSessionTtl);
  }
  LATCHKEY_RETURN_IF_ERROR(checks.status());
  command.account = request->account();
  command.form = request->credential_format() == v1::CREDENTIAL_FORMAT_JWT
                     ? CredentialForm::kJwt
                     : CredentialForm::kOpaque;
  command.audiences.assign(request->audiences().begin(),
                           request->audiences().end());
  command.client = FromProto(request->client());
  return command;
}

// Puts a grant into the response of Login or Refresh.
template <typename Response>
void FillGrant(const Grant& grant, const Epoch& epoch, Response* response) {
  const absl::string_view credential = grant.credential.Reveal();
  const absl::string_view refresh = grant.refresh_credential.Reveal();
  response->set_credential(credential.data(), credential.size());
  response->set_refresh_credential(refresh.data(), refresh.size());
  *response->mutable_session() = ToProto(grant.session);
  *response->mutable_expire_time() = ToProto(grant.expire_time);
  *response->mutable_revision() = ToProto(epoch, grant.revision);
}

bool MaySeeReason(PermissionSet permissions) {
  return permissions.Has(Permission::kSeeReason);
}

// Reads one query; `prefix` is put before the names of its fields.
ValidateQuery ReadQuery(absl::string_view prefix,
                        const v1::ValidateRequest& request, const Epoch& epoch,
                        FieldChecks* checks) {
  checks->Credential(absl::StrCat(prefix, "credential"), request.credential());
  checks->Audience(absl::StrCat(prefix, "audience"), request.audience());
  ValidateQuery query{.credential = request.credential(),
                      .audience = request.audience(),
                      .max_auth_age = std::nullopt,
                      .passive = request.passive()};
  if (request.has_max_auth_age()) {
    query.max_auth_age =
        checks->Duration(absl::StrCat(prefix, "max_auth_age"),
                         request.max_auth_age(), absl::Microseconds(1));
  }
  if (request.has_at_least_as_fresh()) {
    query.at_least_as_fresh =
        checks->RevisionNumber(absl::StrCat(prefix, "at_least_as_fresh"),
                               request.at_least_as_fresh(), epoch);
  }
  return query;
}

template <typename OneCall>
absl::StatusOr<ValidateQuery> ReadValidate(const OneCall& call,
                                           const Epoch& epoch) {
  FieldChecks checks;
  ValidateQuery query = ReadQuery("", call.request, epoch, &checks);
  LATCHKEY_RETURN_IF_ERROR(checks.status());
  query.explain = MaySeeReason(call.caller().permissions);
  return query;
}

template <typename OneCall>
absl::StatusOr<std::vector<ValidateQuery>> ReadBatchValidate(
    const OneCall& call, const Epoch& epoch) {
  const v1::BatchValidateRequest& request = call.request;
  FieldChecks checks;
  std::vector<ValidateQuery> queries;
  if (request.requests_size() < 1 ||
      request.requests_size() > kMaxBatchValidate) {
    checks.Fail("requests", "must be 1 to 100");
    return checks.status();
  }
  queries.reserve(request.requests_size());
  for (int i = 0; i < request.requests_size(); ++i) {
    queries.push_back(ReadQuery(absl::StrCat("requests[", i, "]."),
                                request.requests(i), epoch, &checks));
    queries.back().explain = MaySeeReason(call.caller().permissions);
  }
  LATCHKEY_RETURN_IF_ERROR(checks.status());
  return queries;
}

// Puts all of an answer to `request` but the revision.
void FillVerdict(const ValidateAnswer& answer,
                 const v1::ValidateRequest& request,
                 v1::ValidateResponse* response) {
  response->set_active(answer.active);
  if (!answer.active) {
    response->set_inactive_reason(ToProto(answer.inactive_reason));
    return;
  }
  *response->mutable_session() = ToProto(answer.session);
  *response->mutable_expire_time() = ToProto(answer.expire_time);
  if (!request.want_revocable()) return;
  const SessionProfile& profile = *answer.session.profile;
  response->mutable_revocable()->set_account_uid(
      std::string(profile.account_uid.view()));
  response->mutable_revocable()->set_account_generation(profile.generation);
}

absl::string_view ViewOf(const grpc::Slice& slice) {
  return {reinterpret_cast<const char*>(slice.begin()), slice.size()};
}

// Counted when nothing can keep them from being the answer any more: what was
// found in memory may yet have to be looked up again.
void CountChecks(const BatchValidateAnswer& batch, CallMetrics& metrics) {
  std::array<uint64_t, kValidateOutcomes> counts = {};
  for (const ValidateAnswer& one : batch.answers) {
    ++counts[static_cast<size_t>(one.outcome)];
  }
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    metrics.CountChecks(static_cast<ValidateOutcome>(i), counts[i]);
  }
}

// The end of a call whose answer stands in its buffer already.
grpc::ServerUnaryReactor* Answered(grpc::CallbackServerContext* context,
                                   const Correlation& correlation,
                                   const CallTimer& timer) {
  SendCorrelation(correlation, context);
  timer.Answered(grpc::StatusCode::OK);
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

std::optional<LogoutScope> FromProto(v1::LogoutScope scope) {
  switch (scope) {
    case v1::LOGOUT_SCOPE_UNSPECIFIED:
    case v1::LOGOUT_SCOPE_THIS_SESSION:
      return LogoutScope::kThisSession;
    case v1::LOGOUT_SCOPE_OTHER_SESSIONS:
      return LogoutScope::kOtherSessions;
    case v1::LOGOUT_SCOPE_ALL_SESSIONS:
      return LogoutScope::kAllSessions;
    default:
      return std::nullopt;
  }
}

absl::StatusOr<LogoutAnswer> DoLogout(Authority& authority,
                                      const v1::LogoutRequest& request,
                                      const Origin& origin) {
  FieldChecks checks;
  const std::optional<LogoutScope> scope = FromProto(request.scope());
  if (!scope.has_value()) checks.Fail("scope", "is not a known value");
  FieldChecks::SessionRef session;
  switch (request.target_case()) {
    case v1::LogoutRequest::kCredential:
      checks.Credential("credential", request.credential());
      break;
    case v1::LogoutRequest::kSession:
      session = checks.SessionName("session", request.session());
      break;
    case v1::LogoutRequest::TARGET_NOT_SET:
      checks.Fail("target", "is required");
      break;
  }
  LATCHKEY_RETURN_IF_ERROR(checks.status());
  if (request.target_case() == v1::LogoutRequest::kSession) {
    return authority.LogoutByName(session.account, session.id, *scope, origin);
  }
  return authority.Logout(request.credential(), *scope, origin);
}

}  // namespace

AuthRpc::AuthRpc(const CallDoor& door, Authority& authority,
                 RevocationHub& revocations, const Epoch& epoch)
    : door_(door),
      authority_(authority),
      revocations_(revocations),
      epoch_(epoch) {}

grpc::ServerUnaryReactor* AuthRpc::Login(grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer* in,
                                         grpc::ByteBuffer* out) {
  return Serve<v1::LoginRequest, v1::LoginResponse>(
      door_, Method::kLogin, context, in, out,
      [this](auto call) { StartLogin(std::move(call)); });
}

void AuthRpc::StartLogin(LoginCall call) {
  absl::StatusOr<LoginCommand> command = ReadLogin(&call->request);
  if (!command.ok()) {
    call->Finish(command.status());
    return;
  }
  command->origin = call->MakeOrigin();
  command->abandoned = call->Abandoned();
  if (command->proof == LoginCommand::Proof::kCertificate) {
    command->certificate_names = call->PeerCertificateNames();
  }
  authority_.Login(*std::move(command),
                   [this, call](absl::StatusOr<Grant> grant) {
                     if (!grant.ok()) {
                       call->Finish(grant.status());
                       return;
                     }
                     FillGrant(*grant, epoch_, &call->response);
                     call->Finish(absl::OkStatus());
                   });
}

grpc::ServerUnaryReactor* AuthRpc::Validate(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
    grpc::ByteBuffer* out) {
  const CallTimer timer(door_.metrics, door_.clock, Method::kValidate);
  Correlation correlation;
  const Shortcut shortcut = ValidateFromMemory(context, *in, out, &correlation);
  if (shortcut == Shortcut::kAnswered) {
    return Answered(context, correlation, timer);
  }
  return Serve<v1::ValidateRequest, v1::ValidateResponse>(
      door_, Method::kValidate, context, in, out, [this, shortcut](auto call) {
        if (shortcut == Shortcut::kWantsDisk) {
          ValidateOnReader(std::move(call));
        } else {
          StartValidate(std::move(call));
        }
      });
}

// Who calls is asked only where anyone may not; the headers are not looked at
// here at all.
PermissionSet AuthRpc::PermissionsAtHand(
    Method method, grpc::CallbackServerContext* context) const {
  const PermissionSet anyone = door_.callers.anyone();
  if (MayCall(method, anyone)) return anyone;
  return door_.callers.OfCertificate(*context->auth_context());
}

// Whether an inactive answer may have to say more than was asked for: then who
// calls has to be established first.
bool AuthRpc::MayHaveToExplain(PermissionSet at_hand) const {
  return !MaySeeReason(at_hand) &&
         door_.callers.MayHave(Permission::kSeeReason);
}

AuthRpc::Shortcut AuthRpc::ValidateFromMemory(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer& in,
    grpc::ByteBuffer* out, Correlation* correlation) {
  const PermissionSet at_hand = PermissionsAtHand(Method::kValidate, context);
  if (!MayCall(Method::kValidate, at_hand)) return Shortcut::kNotTaken;
  grpc::Slice message;
  if (!in.TrySingleSlice(&message).ok()) return Shortcut::kNotTaken;
  auto query = ReadPlainValidate(ViewOf(message));
  if (!query.has_value()) return Shortcut::kNotTaken;
  query->explain = MaySeeReason(at_hand);
  // What has to be done anyway is done while memory is fetched: gRPC makes a
  // map of the headers when it is first asked for it.
  const ValidateQuestion question = authority_.Ask(*query);
  static_cast<void>(context->client_metadata());
  authority_.Prepare(question);
  *correlation = ReadCorrelation(*context);
  const auto answer = authority_.Validate(question, Reach::kMemory);
  if (!answer.ok()) {
    return WantsDisk(answer.status()) ? Shortcut::kWantsDisk
                                      : Shortcut::kNotTaken;
  }
  if (!answer->active && MayHaveToExplain(at_hand)) return Shortcut::kNotTaken;
  door_.metrics.CountChecks(answer->outcome);
  const grpc::Slice bytes = WriteValidate(*answer, epoch_);
  *out = grpc::ByteBuffer(&bytes, 1);
  return Shortcut::kAnswered;
}

AuthRpc::Shortcut AuthRpc::BatchValidateFromMemory(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer& in,
    grpc::ByteBuffer* out) {
  const PermissionSet at_hand =
      PermissionsAtHand(Method::kBatchValidate, context);
  if (!MayCall(Method::kBatchValidate, at_hand)) return Shortcut::kNotTaken;
  grpc::Slice message;
  // A batch comes in several slices; most have one all the same.
  if (!in.TrySingleSlice(&message).ok() &&
      !in.DumpToSingleSlice(&message).ok()) {
    return Shortcut::kNotTaken;
  }
  std::vector<ValidateQuery> queries;
  queries.reserve(kMaxBatchValidate);
  if (!ReadPlainBatchValidate(ViewOf(message), &queries))
    return Shortcut::kNotTaken;
  for (ValidateQuery& query : queries) query.explain = MaySeeReason(at_hand);
  const auto answer = authority_.BatchValidate(queries, Reach::kMemory);
  if (!answer.ok()) {
    return WantsDisk(answer.status()) ? Shortcut::kWantsDisk
                                      : Shortcut::kNotTaken;
  }
  if (MayHaveToExplain(at_hand) &&
      !std::all_of(answer->answers.begin(), answer->answers.end(),
                   [](const ValidateAnswer& one) { return one.active; })) {
    return Shortcut::kNotTaken;
  }
  CountChecks(*answer, door_.metrics);
  const grpc::Slice bytes = WriteBatchValidate(*answer, epoch_);
  *out = grpc::ByteBuffer(&bytes, 1);
  return Shortcut::kAnswered;
}

// Answers here and now from memory; a reader is asked only for the disk.
void AuthRpc::StartValidate(ValidateCall call) {
  const absl::StatusOr<ValidateQuery> query = ReadValidate(*call, epoch_);
  if (!query.ok()) {
    call->Finish(query.status());
    return;
  }
  const absl::StatusOr<ValidateAnswer> answer =
      authority_.Validate(*query, Reach::kMemory);
  if (!WantsDisk(answer.status())) {
    if (answer.ok()) FillValidate(*answer, *call);
    call->Finish(answer.status());
    return;
  }
  ValidateOnReader(std::move(call));
}

void AuthRpc::ValidateOnReader(ValidateCall call) {
  OnReader(std::move(call), [this](auto& late) -> absl::Status {
    LATCHKEY_ASSIGN_OR_RETURN(const ValidateQuery again,
                              ReadValidate(late, epoch_));
    LATCHKEY_ASSIGN_OR_RETURN(const ValidateAnswer found,
                              authority_.Validate(again, Reach::kDisk));
    FillValidate(found, late);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* AuthRpc::BatchValidate(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
    grpc::ByteBuffer* out) {
  const CallTimer timer(door_.metrics, door_.clock, Method::kBatchValidate);
  const Shortcut shortcut = BatchValidateFromMemory(context, *in, out);
  if (shortcut == Shortcut::kAnswered) {
    return Answered(context, ReadCorrelation(*context), timer);
  }
  return Serve<v1::BatchValidateRequest, v1::BatchValidateResponse>(
      door_, Method::kBatchValidate, context, in, out,
      [this, shortcut](auto call) {
        if (shortcut == Shortcut::kWantsDisk) {
          BatchValidateOnReader(std::move(call));
        } else {
          StartBatchValidate(std::move(call));
        }
      });
}

void AuthRpc::StartBatchValidate(BatchValidateCall call) {
  const auto queries = ReadBatchValidate(*call, epoch_);
  if (!queries.ok()) {
    call->Finish(queries.status());
    return;
  }
  const auto answer = authority_.BatchValidate(*queries, Reach::kMemory);
  if (!WantsDisk(answer.status())) {
    if (answer.ok()) FillBatchValidate(*answer, *call);
    call->Finish(answer.status());
    return;
  }
  BatchValidateOnReader(std::move(call));
}

void AuthRpc::BatchValidateOnReader(BatchValidateCall call) {
  OnReader(std::move(call), [this](auto& late) -> absl::Status {
    LATCHKEY_ASSIGN_OR_RETURN(const auto again,
                              ReadBatchValidate(late, epoch_));
    LATCHKEY_ASSIGN_OR_RETURN(const BatchValidateAnswer found,
                              authority_.BatchValidate(again, Reach::kDisk));
    FillBatchValidate(found, late);
    return absl::OkStatus();
  });
}

template <typename OneCall>
void AuthRpc::FillBatchValidate(const BatchValidateAnswer& answer,
                                OneCall& one) const {
  CountChecks(answer, door_.metrics);
  for (size_t i = 0; i < answer.answers.size(); ++i) {
    FillVerdict(answer.answers[i], one.request.requests(static_cast<int>(i)),
                one.response.add_responses());
  }
  *one.response.mutable_revision() = ToProto(epoch_, answer.revision);
}

template <typename OneCall>
void AuthRpc::FillValidate(const ValidateAnswer& answer, OneCall& one) const {
  door_.metrics.CountChecks(answer.outcome);
  FillVerdict(answer, one.request, &one.response);
  *one.response.mutable_revision() = ToProto(epoch_, answer.revision);
}

grpc::ServerUnaryReactor* AuthRpc::Refresh(grpc::CallbackServerContext* context,
                                           const grpc::ByteBuffer* in,
                                           grpc::ByteBuffer* out) {
  return Serve<v1::RefreshRequest, v1::RefreshResponse>(
      door_, Method::kRefresh, context, in, out, [this](auto call) {
        // Reads only, but waits for its line in the audit log.
        OnWorker(std::move(call), [this](auto& one) -> absl::Status {
          FieldChecks checks;
          if (one.request.refresh_credential().empty()) {
            checks.Fail("refresh_credential", "is required");
          }
          checks.Credential("refresh_credential",
                            one.request.refresh_credential());
          LATCHKEY_RETURN_IF_ERROR(checks.status());
          LATCHKEY_ASSIGN_OR_RETURN(
              const Grant grant,
              authority_.Refresh(one.request.refresh_credential(),
                                 one.MakeOrigin()));
          FillGrant(grant, epoch_, &one.response);
          return absl::OkStatus();
        });
      });
}

grpc::ServerUnaryReactor* AuthRpc::Logout(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* in,
                                          grpc::ByteBuffer* out) {
  return Serve<v1::LogoutRequest, v1::LogoutResponse>(
      door_, Method::kLogout, context, in, out, [this](auto call) {
        const auto end = [this](LogoutCall admitted) {
          const auto log_out = [this](auto& one) -> absl::StatusOr<uint64_t> {
            LATCHKEY_ASSIGN_OR_RETURN(
                const LogoutAnswer answer,
                DoLogout(authority_, one.request, one.MakeOrigin()));
            one.response.set_ended_count(answer.ended);
            *one.response.mutable_revision() = ToProto(epoch_, answer.revision);
            return answer.revision;
          };
          OnWorkerPropagated(revocations_, std::move(admitted), log_out);
        };
        if (call->request.target_case() == v1::LogoutRequest::kSession) {
          Admit(std::move(call), Method::kLogoutByName, end);
        } else {
          end(std::move(call));
        }
      });
}

}  // namespace latchkey
