#include "client/credential_keeper.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

#include "client/await.h"
#include "client/base/status_macros.h"
#include "client/call_metadata.h"
#include "client/error_details.h"
#include "client/retry_policy.h"
#include "client/wire_time.h"

namespace latchkey {
namespace {

// Of calls that wait for one login; more are refused.
constexpr size_t kMaxWaiting = 10'000;
constexpr absl::Duration kFirstBackoff = absl::Seconds(1);
constexpr absl::Duration kMaxBackoff = absl::Seconds(30);
// However short a credential lives, it is not renewed more often by itself.
constexpr absl::Duration kMinRenewal = absl::Seconds(1);

// Life is how long a credential lives from when the server issued it, which
// both Login and Refresh note as activity; nullopt: the answer makes no sense.
template <typename Response>
std::optional<absl::Duration> Life(const Response& response) {
  const auto issued = ReadTime(response.session().last_seen_time());
  const auto end = ReadTime(response.expire_time());
  if (!response.has_expire_time() || !issued.has_value() || !end.has_value() ||
      !response.session().has_last_seen_time() || *end <= *issued) {
    return std::nullopt;
  }
  return *end - *issued;
}

// Tells whether the session ends with this credential, so that a refresh would
// gain nothing. The end of a JWT is cut to the second.
template <typename Response>
bool EndsSession(const Response& response) {
  const auto session_end = ReadTime(response.session().expire_time());
  return session_end.has_value() &&
         *ReadTime(response.expire_time()) + absl::Seconds(1) > *session_end;
}

// Says what went wrong without the server's words, which end up with callers
// of ours.
absl::Status Unavailable(const absl::Status& error) {
  const std::string reason = ErrorDetailsOf(error).reason;
  return absl::UnavailableError(absl::StrCat(
      "no credential for this service: its login failed, ",
      reason.empty() ? absl::StatusCodeToString(error.code()) : reason));
}

absl::Status Stopped() {
  return absl::UnavailableError("no credential for this service: stopped");
}

}  // namespace

CredentialKeeper::CredentialKeeper(ServiceLogin login, AuthClient& client,
                                   const Clock& clock, Timer& timer)
    : login_(std::move(login)), client_(client), clock_(clock), timer_(timer) {}

CredentialKeeper::Value CredentialKeeper::IfGood(absl::Duration margin) const {
  const absl::Duration now = clock_.SinceBoot();
  MutexLock lock(&mutex_);
  return value_ != nullptr && now + margin < end_ ? value_ : nullptr;
}

void CredentialKeeper::Get(Done done) {
  const absl::Duration now = clock_.SinceBoot();
  absl::StatusOr<Value> answer = Stopped();
  bool renew = false;
  {
    MutexLock lock(&mutex_);
    if (!stopped_ && value_ != nullptr && now < end_) {
      answer = value_;
    } else if (!stopped_ && !renewing_ && failures_ > 0) {
      answer = Unavailable(last_error_);
    } else if (!stopped_ && waiting_.size() >= kMaxWaiting) {
      answer = absl::UnavailableError("too many calls wait for the login");
    } else if (!stopped_) {
      renew = !std::exchange(renewing_, true);
      waiting_.push_back(std::exchange(done, nullptr));
    }
  }
  if (done != nullptr) return done(std::move(answer));
  if (renew) Renew();
}

absl::StatusOr<CredentialKeeper::Value> CredentialKeeper::Wait() {
  return Await<absl::StatusOr<Value>>(
      [this](auto done) { Get(std::move(done)); });
}

SecretBytes CredentialKeeper::Stop() {
  std::unique_ptr<Timer::Pending> next;
  std::vector<Done> waiting;
  SecretBytes credential;
  {
    MutexLock lock(&mutex_);
    stopped_ = true;
    next = std::move(next_);
    waiting.swap(waiting_);
    while (asking_ > 0) asked_.Wait(&mutex_);
    credential = std::move(credential_);
  }
  for (const Done& done : waiting) done(Stopped());
  return credential;
}

void CredentialKeeper::Renew() {
  const absl::Duration sent = clock_.SinceBoot();
  std::string refresh_credential;
  {
    MutexLock lock(&mutex_);
    if (stopped_) return;
    ++asking_;
    // Past its end nothing is lost by a login, which may succeed where Refresh
    // fails for whatever reason.
    if (sent < end_) refresh_credential = std::string(refresh_.Reveal());
  }
  if (refresh_credential.empty()) {
    Login(sent);
  } else {
    Refresh(sent, std::move(refresh_credential));
  }
  MutexLock lock(&mutex_);
  --asking_;
  asked_.NotifyAll();
}

void CredentialKeeper::Login(absl::Duration sent) {
  auto request = MakeRequest();
  if (!request.ok()) return Fail(request.status());
  client_.Login(*std::move(request), Deadline(),
                [self = shared_from_this(), sent](const auto& response) {
                  response.ok() ? self->Keep(*response, sent)
                                : self->Fail(response.status());
                });
}

absl::StatusOr<v1::LoginRequest> CredentialKeeper::MakeRequest() const {
  v1::LoginRequest request;
  request.set_account(login_.account);
  if (const auto* secret = std::get_if<ClientSecret>(&login_.proof)) {
    request.set_client_secret(std::string(secret->secret.Reveal()));
  } else if (const auto* signer = std::get_if<ClientAssertion>(&login_.proof)) {
    LATCHKEY_ASSIGN_OR_RETURN(const SecretBytes assertion, signer->make());
    request.set_client_assertion(std::string(assertion.Reveal()));
  } else {
    request.mutable_client_certificate();
  }
  request.set_credential_format(login_.format);
  for (const std::string& audience : login_.audiences) {
    request.add_audiences(audience);
  }
  return request;
}

void CredentialKeeper::Refresh(absl::Duration sent,
                               std::string refresh_credential) {
  v1::RefreshRequest request;
  request.set_refresh_credential(std::move(refresh_credential));
  client_.Refresh(std::move(request), Deadline(),
                  [self = shared_from_this(), sent](const auto& response) {
                    if (response.ok()) return self->Keep(*response, sent);
                    const absl::StatusCode code = response.status().code();
                    if (code != absl::StatusCode::kUnauthenticated &&
                        code != absl::StatusCode::kFailedPrecondition) {
                      return self->Fail(response.status());
                    }
                    // The session has ended or cannot be refreshed: on with
                    // another.
                    {
                      MutexLock lock(&self->mutex_);
                      self->refresh_ = SecretBytes();
                    }
                    self->Renew();
                  });
}

template <typename Response>
void CredentialKeeper::Keep(const Response& response, absl::Duration sent) {
  auto header = BearerValue(response.credential());
  const auto life = Life(response);
  if (!header.ok() || !life.has_value()) {
    return Fail(absl::InternalError("the answer holds no good credential"));
  }
  auto value = std::make_shared<const SecretBytes>(*std::move(header));
  const absl::Duration now = clock_.SinceBoot();
  std::vector<Done> waiting;
  {
    MutexLock lock(&mutex_);
    if (stopped_) return;
    value_ = value;
    credential_ = SecretBytes(response.credential());
    end_ = sent + *life;
    refresh_ = EndsSession(response)
                   ? SecretBytes()
                   : SecretBytes(response.refresh_credential());
    failures_ = 0;
    // Up to a tenth earlier: services that began together do not stay so.
    waiting =
        Settle(sent - now + *life * 2 / 3 * absl::Uniform(random_, 0.9, 1.0));
  }
  for (const Done& done : waiting) done(value);
}

void CredentialKeeper::Fail(const absl::Status& error) {
  const absl::Duration asked =
      ErrorDetailsOf(error).retry_delay.value_or(absl::ZeroDuration());
  std::vector<Done> waiting;
  {
    MutexLock lock(&mutex_);
    if (stopped_) return;
    ++failures_;
    last_error_ = error;
    waiting = Settle(
        asked + FullJitter(failures_, kFirstBackoff, kMaxBackoff, random_));
  }
  for (const Done& done : waiting) done(Unavailable(error));
}

std::vector<CredentialKeeper::Done> CredentialKeeper::Settle(
    absl::Duration delay) {
  renewing_ = false;
  next_ = timer_.After(std::max(delay, kMinRenewal),
                       [self = shared_from_this()](bool due) {
                         if (due) self->Due();
                       });
  return std::exchange(waiting_, {});
}

void CredentialKeeper::Due() {
  {
    MutexLock lock(&mutex_);
    if (stopped_ || std::exchange(renewing_, true)) return;
  }
  Renew();
}

}  // namespace latchkey
