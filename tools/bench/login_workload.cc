#include "tools/bench/login_workload.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "client/base/secret_bytes.h"
#include "client/base/status_macros.h"
#include "latchkey/v1/auth.pb.h"
#include "server/account/password.h"
#include "server/base/random.h"
#include "server/credential/opaque_id.h"

namespace latchkey::bench {
namespace {

constexpr char kLogin[] = "/latchkey.v1.AuthService/Login";
constexpr char kLogout[] = "/latchkey.v1.AuthService/Logout";
constexpr char kValidate[] = "/latchkey.v1.AuthService/Validate";

// gRPC's numbers of the answers that say "too busy".
constexpr int kResourceExhausted = 8;
constexpr int kUnavailable = 14;

// Ended sessions that are still asked about.
constexpr uint64_t kRemembered = 4096;

template <typename Message>
bool Parse(absl::string_view bytes, Message* message) {
  return message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

std::string LoginBody(const LoginAccount& account) {
  v1::LoginRequest request;
  request.set_account(account.account.name);
  if (account.account.kind == AccountKind::kService) {
    request.set_client_secret(account.proof);
  } else {
    request.set_password(account.proof);
  }
  return Framed(request.SerializeAsString());
}

LoginAccount NewAccount(const std::string& name, absl::Time now) {
  LoginAccount made;
  made.account.name = name;
  made.account.uid = RandomBytes<AccountUid>();
  made.account.create_time = made.account.update_time = now;
  return made;
}

std::string ValidateBody(const std::string& credential) {
  v1::ValidateRequest request;
  request.set_credential(credential);
  return Framed(request.SerializeAsString());
}

std::string LogoutBody(const std::string& credential) {
  v1::LogoutRequest request;
  request.set_credential(credential);
  return Framed(request.SerializeAsString());
}

}  // namespace

absl::StatusOr<LoginAccount> MakeLoginAccount(const HashCost& cost,
                                              absl::Time now) {
  LoginAccount made = NewAccount("visitor", now);
  made.proof = RandomBytes<SessionId>().ToHex();
  LATCHKEY_ASSIGN_OR_RETURN(const PasswordChecker checker,
                            PasswordChecker::Create(cost));
  LATCHKEY_ASSIGN_OR_RETURN(made.account.password_phc,
                            checker.Hash(SecretBytes(made.proof)));
  return made;
}

LoginAccount MakeServiceAccount(absl::Time now) {
  const MintedCredential secret = MintOpaque(OpaqueKind::kClientSecret);
  LoginAccount made = NewAccount("service", now);
  made.proof = std::string(secret.text.Reveal());
  made.account.kind = AccountKind::kService;
  made.account.secrets = {{.id = RandomBytes<ClientSecretId>(),
                           .digest = ClientSecretDigest(secret.digest.array()),
                           .create_time = now}};
  return made;
}

LoginWorkload::LoginWorkload(const LoginAccount& account)
    : account_name_(account.account.name), body_(LoginBody(account)) {}

Request LoginWorkload::Next() { return {kLogin, body_, 0}; }

Verdict LoginWorkload::Judge(uint64_t, int grpc_status,
                             absl::string_view message) {
  if (grpc_status == kResourceExhausted || grpc_status == kUnavailable) {
    ++refused_;
    return Verdict::kRight;
  }
  if (grpc_status != 0) return Verdict::kError;
  v1::LoginResponse response;
  if (!Parse(message, &response) ||
      !absl::StartsWith(response.credential(), "lks_") ||
      response.session().account() != "accounts/" + account_name_) {
    return Verdict::kWrong;
  }
  ++granted_;
  OnGranted(std::move(*response.mutable_credential()),
            std::move(*response.mutable_session()->mutable_name()));
  return Verdict::kRight;
}

std::string LoginWorkload::Explain(uint64_t, int grpc_status,
                                   absl::string_view message) {
  if (grpc_status != 0) return NoAnswer("Login", grpc_status, message);
  return "Login answered no opaque credential, or another's session";
}

void Visitors::Forget() {
  while (next_out - first > kRemembered && !all.front().leaving &&
         all.front().asked == 0) {
    all.pop_front();
    ++first;
  }
}

void ArrivingWorkload::OnGranted(std::string credential,
                                 std::string session_name) {
  visitors_.all.push_back(
      {std::move(credential), Answer{std::move(session_name)}});
}

LogoutWorkload::LogoutWorkload(Visitors& visitors)
    : visitors_(visitors), leaving_(kMaxUnderWay) {}

Request LogoutWorkload::Next() {
  const uint64_t token = next_++ % kMaxUnderWay;
  Leaving& leaving = leaving_[token];
  leaving.visitor = kNobody;
  std::string credential = "lks_nobody";
  if (visitors_.next_out < visitors_.end()) {
    leaving.visitor = visitors_.next_out++;
    Visitors::One& visitor = visitors_[leaving.visitor];
    visitor.leaving = true;
    credential = visitor.credential;
  }
  leaving.body = LogoutBody(credential);
  return {kLogout, leaving.body, token};
}

Verdict LogoutWorkload::Judge(uint64_t token, int grpc_status,
                              absl::string_view message) {
  const uint64_t number = leaving_[token].visitor;
  if (grpc_status != 0) return Verdict::kError;
  v1::LogoutResponse response;
  if (!Parse(message, &response)) return Verdict::kWrong;
  if (number == kNobody) {
    return response.ended_count() == 0 ? Verdict::kRight : Verdict::kWrong;
  }
  Visitors::One& visitor = visitors_[number];
  visitor.leaving = false;
  visitor.answer = Answer();
  visitors_.Forget();
  return response.ended_count() == 1 ? Verdict::kRight : Verdict::kWrong;
}

std::string LogoutWorkload::Explain(uint64_t, int grpc_status,
                                    absl::string_view message) {
  if (grpc_status != 0) return NoAnswer("Logout", grpc_status, message);
  v1::LogoutResponse response;
  Parse(message, &response);
  return absl::StrCat("Logout ended ", response.ended_count(),
                      " sessions; of a live one it must end 1, of nobody 0");
}

VisitorWorkload::VisitorWorkload(Visitors& visitors, uint64_t seed)
    : visitors_(visitors), asked_(kMaxUnderWay), state_(seed) {}

Request VisitorWorkload::Next() {
  const uint64_t token = next_++ % kMaxUnderWay;
  Asked& asked = asked_[token];
  asked.visitor = kNobody;
  std::string credential = "lks_nobody";
  if (!visitors_.all.empty()) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    asked.visitor = visitors_.first + (state_ >> 33) % visitors_.all.size();
    Visitors::One& visitor = visitors_[asked.visitor];
    ++visitor.asked;
    asked.was_gone = !visitor.answer.active();
    credential = visitor.credential;
  }
  asked.body = ValidateBody(credential);
  return {kValidate, asked.body, token};
}

Verdict VisitorWorkload::Judge(uint64_t token, int grpc_status,
                               absl::string_view message) {
  const Asked& asked = asked_[token];
  if (asked.visitor == kNobody) {
    if (grpc_status != 0) return Verdict::kError;
    return IsRight(message, Answer()) ? Verdict::kRight : Verdict::kWrong;
  }
  Visitors::One& visitor = visitors_[asked.visitor];
  --visitor.asked;
  if (grpc_status != 0) return Verdict::kError;
  // Gone when asked: gone for good. Asked before Logout answered, and judged
  // after it began: either.
  if (!asked.was_gone && (visitor.leaving || !visitor.answer.active())) {
    return Verdict::kRight;
  }
  return IsRight(message, visitor.answer) ? Verdict::kRight : Verdict::kWrong;
}

std::string VisitorWorkload::Explain(uint64_t token, int grpc_status,
                                     absl::string_view message) {
  if (grpc_status != 0) return NoAnswer("Validate", grpc_status, message);
  return absl::StrCat("Validate of a visitor answered ", Describe(message),
                      asked_[token].was_gone
                          ? "; Logout had answered before it was asked"
                          : "; it was not logged out");
}

}  // namespace latchkey::bench
