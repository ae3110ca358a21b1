#include "client/follow/verifier_core.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/match.h"

#include "client/base/secret_bytes.h"
#include "client/verify/revision.h"
#include "client/verify/token_limits.h"

namespace latchkey {
namespace {

// Messages sent or taken before others have their turn, Stop above all.
constexpr int kStepsPerDrive = 256;
constexpr absl::Duration kTidyInterval = absl::Seconds(1);
// Goes over all answers once in this many of them.
constexpr size_t kTidies = 60;
// If the server names none: its default.
constexpr absl::Duration kActivityInterval = absl::Seconds(15);
// A JWT is of 1 KiB with what is found of it; its mark outlives it.
constexpr size_t kBytesPerMark = 512;
constexpr size_t kMinMarks = 1024;

bool IsJwt(absl::string_view credential) {
  return !absl::StartsWith(credential, "lks_");
}

Expectations ExpectationsOf(const VerifierOptions& options) {
  Expectations expect;
  expect.issuer = options.issuer;
  // Audiences are judged for each check: one cache serves all.
  expect.allow_any_audience = true;
  expect.clock_skew = options.clock_skew;
  return expect;
}

RevocableFacts FactsOf(const Principal& principal) {
  return {.session = principal.session_id,
          .account = principal.account_uid,
          .generation = principal.account_generation,
          .kid = principal.kid,
          .epoch = principal.epoch};
}

bool IsFresh(const LeasedView::Look& look, absl::string_view revision) {
  const std::optional<RevisionPoint> point = ReadRevisionToken(revision);
  return point.has_value() && look.epoch() == point->epoch &&
         look.applied() >= point->number;
}

absl::Status JudgeQuestion(absl::string_view credential,
                           const CheckOptions& options) {
  if (credential.size() > kMaxTokenBytes) {
    return absl::InvalidArgumentError("credential: more than 8,192 bytes");
  }
  if (options.audience.size() > kMaxAudienceBytes) {
    return absl::InvalidArgumentError("audience: more than 256 bytes");
  }
  if (options.max_auth_age.has_value() &&
      *options.max_auth_age < absl::Microseconds(1)) {
    return absl::InvalidArgumentError("max_auth_age: less than 1 us");
  }
  if (!options.at_least_as_fresh.empty() &&
      !ReadRevisionToken(options.at_least_as_fresh).has_value()) {
    return absl::InvalidArgumentError("at_least_as_fresh: no revision");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status VerifierCore::Judge(const VerifierOptions& options) {
  const auto is_positive = [](absl::Duration one) {
    return one > absl::ZeroDuration() && one < absl::InfiniteDuration();
  };
  if (options.issuer.empty() || options.issuer.size() > kMaxNameClaimBytes) {
    return absl::InvalidArgumentError("issuer: 1 to 256 bytes");
  }
  if (options.default_audience.size() > kMaxAudienceBytes) {
    return absl::InvalidArgumentError("default_audience: at most 256 bytes");
  }
  if (options.clock_skew < absl::ZeroDuration() ||
      options.clock_skew > kMaxClockSkew) {
    return absl::InvalidArgumentError("clock_skew: 0 to 60 s");
  }
  if (!is_positive(options.heartbeat_interval) ||
      options.heartbeat_interval < Follower::kMinInterval ||
      options.heartbeat_interval > kMaxLeaseTtl) {
    return absl::InvalidArgumentError("heartbeat_interval: 10 ms to 1 minute");
  }
  if (!is_positive(options.silence_timeout) ||
      !is_positive(options.first_backoff) ||
      !is_positive(options.longest_backoff)) {
    return absl::InvalidArgumentError("a time that must be positive is not");
  }
  return absl::OkStatus();
}

VerifierCore::VerifierCore(const VerifierOptions& options,
                           RevocationTransport& transport, Asker& asker,
                           const Clock& clock, std::function<void()> wake)
    : options_(options),
      expect_(ExpectationsOf(options)),
      transport_(transport),
      asker_(asker),
      clock_(clock),
      wake_(std::move(wake)),
      view_(clock, {.max_entries = options.max_revocations}),
      answers_(options.max_answer_bytes),
      activity_(std::max(kMinMarks, options.max_answer_bytes / kBytesPerMark)),
      follower_({.heartbeat_interval = options.heartbeat_interval}, view_,
                clock),
      backoff_(options.first_backoff, options.longest_backoff),
      view_time_(-absl::InfiniteDuration()) {}

VerifierCore::~VerifierCore() { End(); }

// --- checks ---

std::optional<Verdict> VerifierCore::CheckNow(absl::string_view credential,
                                              const CheckOptions& options) {
  Verdict verdict;
  const Found found =
      Find(credential, options,
           [&](const std::shared_ptr<const Principal>& principal) {
             verdict = principal;
           });
  if (!found.has_value()) return std::nullopt;
  return verdict;
}

std::optional<bool> VerifierCore::CheckLocal(
    absl::string_view credential, const CheckOptions& options,
    absl::FunctionRef<void(const Principal&)> visit) {
  return Find(credential, options,
              [&](const std::shared_ptr<const Principal>& principal) {
                visit(*principal);
              });
}

VerifierCore::Found VerifierCore::Find(absl::string_view credential,
                                       const CheckOptions& options,
                                       Visit visit) {
  if (credential.size() > kMaxTokenBytes) return std::nullopt;
  const LeasedView::Look look(view_);
  if (!look.epoch().has_value()) return std::nullopt;
  if (!options.at_least_as_fresh.empty() &&
      !IsFresh(look, options.at_least_as_fresh)) {
    return std::nullopt;
  }
  const bool is_jwt = IsJwt(credential);
  const Answer* const answer = answers_.Find(credential, is_jwt);
  if (answer != nullptr && answer->principal->epoch == *look.epoch() &&
      (!is_jwt || answer->keys == look.keys())) {
    return Decide(look, *answer, options, visit);
  }
  if (!is_jwt) return std::nullopt;
  return JudgeJwt(look, credential, options, visit);
}

VerifierCore::Found VerifierCore::Decide(const LeasedView::Look& look,
                                         const Answer& answer,
                                         const CheckOptions& options,
                                         Visit visit) {
  const Principal& principal = *answer.principal;
  const bool is_refused = look.Refuses(FactsOf(principal));
  const Found serves = Serves(answer, options.audience);
  // Last: see LeasedView.
  const LeasedView::Look::Reading reading = look.ReadClocks();
  const bool is_over = reading.now >= answer.until;
  const bool is_too_old =
      options.max_auth_age.has_value() &&
      reading.now - principal.auth_time > *options.max_auth_age;
  if (!is_refused) {
    if (!reading.leased) return std::nullopt;
    // An opaque one's session may have been used, and live on.
    if (is_over && answer.keys == nullptr) return std::nullopt;
    if (!is_over && !is_too_old && !serves.has_value()) return std::nullopt;
  }
  if (is_refused || is_over || is_too_old || !*serves) {
    counts_.Add(kNo);
    return false;
  }
  if (!options.passive && answer.mark != nullptr) {
    answer.mark->Touch(reading.since_boot);
  }
  AnswerTable::Hit(answer, reading.since_boot);
  counts_.Add(kYes);
  visit(answer.principal);
  return true;
}

VerifierCore::Found VerifierCore::Serves(const Answer& answer,
                                         absl::string_view audience) const {
  const std::vector<std::string>& audiences = answer.principal->audiences;
  const auto has = [&](absl::string_view one) {
    return std::find(audiences.begin(), audiences.end(), one) !=
           audiences.end();
  };
  if (answer.audiences_from_server) {
    return audiences.empty() || has(audience);
  }
  const std::string& by_default = options_.default_audience.empty()
                                      ? options_.issuer
                                      : options_.default_audience;
  if (audience.empty()) return has(by_default);
  if (has(audience)) return true;
  // Of a session without audiences, which is good for anybody, or of one that
  // is for the server itself: only the server knows.
  if (audiences.size() == 1 && audiences.front() == by_default) {
    return std::nullopt;
  }
  return false;
}

VerifierCore::Found VerifierCore::JudgeJwt(const LeasedView::Look& look,
                                           absl::string_view credential,
                                           const CheckOptions& options,
                                           Visit visit) {
  if (look.keys() == nullptr) return std::nullopt;
  const LeasedView::Look::Reading reading = look.ReadClocks();
  // Not worth a signature check.
  if (!reading.leased) return std::nullopt;
  VerifyResult result =
      VerifyJwt(credential, *look.keys(), expect_, reading.now);
  if (!result.ok()) {
    switch (result.refusal()) {
      case Refusal::kKid:  // of a key that is newer than these
      case Refusal::kIat:  // perhaps of a clock that is ahead of this one
      case Refusal::kNbf:
        return std::nullopt;
      default:
        return No(look);
    }
  }
  std::unique_ptr<Answer> answer = AnswerOf(look, std::move(result).claims());
  // Signed by the server, but for no session.
  if (answer == nullptr) return No(look);
  const Found found = Decide(look, *answer, options, visit);
  if (found != Found(false)) answers_.Insert(credential, std::move(answer));
  return found;
}

VerifierCore::Found VerifierCore::No(const LeasedView::Look& look) {
  if (!look.ReadClocks().leased) return std::nullopt;
  counts_.Add(kNo);
  return false;
}

std::unique_ptr<Answer> VerifierCore::AnswerOf(const LeasedView::Look& look,
                                               VerifiedClaims claims) {
  const std::optional<AccountUid> uid = AccountUid::FromHex(claims.subject);
  if (!uid.has_value() || claims.account.empty() ||
      !claims.session_id.has_value() || !claims.generation.has_value() ||
      !claims.auth_time.has_value()) {
    return nullptr;
  }
  Principal principal = {.account = std::move(claims.account),
                         .account_uid = *uid,
                         .account_generation = *claims.generation,
                         .session_id = *claims.session_id,
                         .auth_time = *claims.auth_time,
                         .amr = std::move(claims.amr),
                         .audiences = std::move(claims.audiences),
                         .roles = std::move(claims.roles),
                         .expire_time = claims.expire_time,
                         .kid = std::move(claims.kid),
                         .epoch = *look.epoch()};
  auto answer = std::make_unique<Answer>();
  answer->principal = std::make_shared<const Principal>(std::move(principal));
  answer->keys = look.keys();
  answer->until = claims.expire_time + options_.clock_skew;
  answer->mark = activity_.Open(*claims.session_id);
  return answer;
}

void VerifierCore::Refuse(const char* why, const Done& done) {
  counts_.Add(kRefused);
  done(absl::UnavailableError(why));
}

void VerifierCore::Check(absl::string_view credential,
                         const CheckOptions& options, absl::Time deadline,
                         Done done) {
  if (life_.load(std::memory_order_acquire) != Life::kRunning) {
    return Refuse("the validator does not run", done);
  }
  if (absl::Status status = JudgeQuestion(credential, options); !status.ok()) {
    return done(std::move(status));
  }
  if (std::optional<Verdict> verdict = CheckNow(credential, options)) {
    return done(*std::move(verdict));
  }
  if (options_.ask == AskPolicy::kNever) {
    return Refuse("not known here, and the server is not asked", done);
  }
  if (asks_.fetch_add(1, std::memory_order_relaxed) >= options_.max_asks) {
    asks_.fetch_sub(1, std::memory_order_relaxed);
    return Refuse("too many questions are under way", done);
  }
  counts_.Add(kAsked);
  auto kept = std::make_shared<const SecretBytes>(credential);
  asker_.Ask(credential, options, deadline,
             [this, kept = std::move(kept),
              done = std::move(done)](absl::StatusOr<AskedAnswer> asked) {
               asks_.fetch_sub(1, std::memory_order_relaxed);
               Answered(kept->Reveal(), std::move(asked), done);
             });
}

void VerifierCore::Answered(absl::string_view credential,
                            absl::StatusOr<AskedAnswer> asked,
                            const Done& done) {
  if (!asked.ok()) {
    if (life_.load(std::memory_order_acquire) == Life::kEnded) {
      return done(absl::UnavailableError("the validator was stopped"));
    }
    return done(asked.status());
  }
  if (!asked->active) return done(Verdict());
  Remember(credential, &*asked);
  done(std::make_shared<const Principal>(std::move(asked->principal)));
}

void VerifierCore::Remember(absl::string_view credential, AskedAnswer* asked) {
  Principal& principal = asked->principal;
  const LeasedView::Look look(view_);
  const bool is_jwt = IsJwt(credential);
  const Answer* const before =
      is_jwt ? answers_.Find(credential, true) : nullptr;
  const bool is_known = before != nullptr && before->keys == look.keys() &&
                        before->principal->epoch == principal.epoch &&
                        before->principal->session_id == principal.session_id;
  if (is_known) principal.kid = before->principal->kid;
  if (!asked->revocable || (is_jwt && !is_known)) {
    // It cannot be told by what it may be revoked: nobody may rely on it
    // beyond this answer.
    principal.epoch = Epoch();
    return;
  }
  if (principal.epoch == Epoch()) return;
  auto answer = std::make_unique<Answer>();
  answer->principal = std::make_shared<const Principal>(principal);
  answer->audiences_from_server = true;
  answer->until = principal.expire_time;
  if (is_jwt) {
    answer->keys = before->keys;
    answer->until = before->until;
  }
  answer->mark = activity_.Open(principal.session_id);
  answers_.Insert(credential, std::move(answer));
}

void VerifierCore::Learn(absl::string_view credential, AskedAnswer asked) {
  if (!asked.active || credential.size() > kMaxTokenBytes) return;
  Remember(credential, &asked);
}

std::optional<RevisionPoint> VerifierCore::revision() const {
  const LeasedView::Look look(view_);
  if (!look.epoch().has_value()) return std::nullopt;
  return RevisionPoint{.epoch = *look.epoch(), .number = look.applied()};
}

Validator::Standing VerifierCore::StandingOf(const Principal& principal) {
  if (principal.epoch == Epoch()) return Standing::kUnknown;
  const LeasedView::Look look(view_);
  if (look.epoch() != principal.epoch) return Standing::kUnknown;
  const bool is_refused = look.Refuses(FactsOf(principal));
  const LeasedView::Look::Reading reading = look.ReadClocks();
  if (is_refused) return Standing::kEnded;
  if (principal.kid.empty()) {
    if (reading.now >= principal.expire_time) return Standing::kUnknown;
  } else if (reading.now >= principal.expire_time + options_.clock_skew) {
    return Standing::kEnded;
  }
  return reading.leased ? Standing::kGood : Standing::kUnknown;
}

std::unique_ptr<Validator::Subscription> VerifierCore::OnChange(
    std::function<void()> changed) {
  return bell_.Subscribe(std::move(changed));
}

// --- following ---

void VerifierCore::Begin() {
  Life expected = Life::kNew;
  life_.compare_exchange_strong(expected, Life::kRunning);
}

void VerifierCore::End() {
  if (life_.exchange(Life::kEnded) == Life::kEnded) return;
  link_.reset();
  follower_.Disconnected();
  view_.EndLease();
  asker_.CancelAll();
  Publish(clock_.SinceBoot());
  bell_.Ring();
}

absl::Duration VerifierCore::Drive() {
  if (life_.load(std::memory_order_relaxed) != Life::kRunning) {
    return absl::InfiniteDuration();
  }
  Connect(clock_.SinceBoot());
  bool has_more = false;
  for (int i = 0; i < kStepsPerDrive && link_ != nullptr; ++i) {
    has_more = Step(clock_.SinceBoot());
    if (!has_more) break;
  }
  const absl::Duration now = clock_.SinceBoot();
  if (link_ != nullptr && now - last_heard_ >= options_.silence_timeout) {
    LoseLink(now, absl::DeadlineExceededError("nothing came for too long"));
  }
  NoteEndOfLease(now);
  Tidy(now);
  Publish(now);
  // After what was to be acknowledged has been.
  if (std::exchange(has_changed_, false)) bell_.Ring();
  if (has_more) return now;
  absl::Duration next = next_tidy_;
  if (link_ == nullptr) {
    next = std::min(next, next_connect_);
  } else {
    next = std::min(next, last_heard_ + options_.silence_timeout);
    if (link_->CanSend()) next = std::min(next, follower_.NextTake());
  }
  return is_leased_ ? std::min(next, view_.lease_end()) : next;
}

void VerifierCore::Connect(absl::Duration now) {
  if (link_ != nullptr || now < next_connect_) return;
  last_heard_ = now;
  ++driven_.streams;
  link_ = transport_.Connect(wake_);
  follower_.Connected();
}

bool VerifierCore::Step(absl::Duration now) {
  if (link_->CanSend()) {
    if (std::optional<VerifierMessage> message = follower_.Take()) {
      Send(now, *std::move(message));
      return true;
    }
  }
  const auto received = link_->Receive();
  if (!received.has_value()) return false;
  if (!received->ok()) {
    LoseLink(now, received->status());
    return false;
  }
  last_heard_ = now;
  Take(now, **received);
  return link_ != nullptr;
}

void VerifierCore::Send(absl::Duration now, VerifierMessage message) {
  if (auto* const heartbeat = std::get_if<Heartbeat>(&message)) {
    const absl::Duration interval = follower_.activity_interval();
    heartbeat->activity = activity_.Take(
        now, interval > absl::ZeroDuration() ? interval : kActivityInterval);
    NoteStaleness(now);
    heartbeat->accepted_staleness =
        std::exchange(staleness_, absl::ZeroDuration());
  }
  link_->Send(message);
}

void VerifierCore::Take(absl::Duration now, const ServerMessage& message) {
  // By the view that was, before it becomes a newer one.
  NoteStaleness(now);
  const std::optional<Epoch> epoch = view_.epoch();
  const absl::Duration view_time = follower_.view_time();
  const auto* const batch = std::get_if<RevocationBatch>(&message);
  if (batch != nullptr && !batch->revocations.empty()) has_changed_ = true;
  const absl::Status received = follower_.Receive(message);
  if (view_.epoch() != epoch) {
    has_changed_ = true;
    if (epoch.has_value()) ++driven_.restarts;
  }
  if (!received.ok()) {
    LoseLink(now, received);
  } else if (follower_.view_time() > view_time) {
    backoff_.Reset();
  }
}

void VerifierCore::LoseLink(absl::Duration now, const absl::Status& why) {
  driven_.stream_error = why.ToString();
  link_.reset();
  follower_.Disconnected();
  next_connect_ = now + backoff_.Next();
}

void VerifierCore::NoteStaleness(absl::Duration now) {
  const uint64_t yes = counts_.Sum(kYes);
  if (yes == noted_yes_) return;
  noted_yes_ = yes;
  if (follower_.view_time() == -absl::InfiniteDuration()) return;
  // What the oldest of them may have been.
  const absl::Duration age =
      std::min(now, view_.lease_end()) - follower_.view_time();
  staleness_ = std::max(staleness_, age);
  driven_.accepted_staleness_max =
      std::max(driven_.accepted_staleness_max, age);
}

void VerifierCore::NoteEndOfLease(absl::Duration now) {
  const bool is_leased = now < view_.lease_end();
  if (is_leased_ && !is_leased) {
    NoteStaleness(now);
    has_changed_ = true;
  }
  is_leased_ = is_leased;
}

void VerifierCore::Tidy(absl::Duration now) {
  if (auto removed = answers_.TakeRemoved()) view_.Retire(std::move(removed));
  view_.Collect();
  if (now < next_tidy_) return;
  next_tidy_ = now + kTidyInterval;
  answers_.Sweep(LeasedView::Look(view_).ReadClocks().now,
                 answers_.Buckets() / kTidies + 1);
}

// --- for a person ---

void VerifierCore::Publish(absl::Duration now) {
  driven_.applied_revision = follower_.applied();
  driven_.connected = follower_.welcomed();
  driven_.bad_key_sets = follower_.bad_key_sets();
  driven_.revocations = view_.size();
  driven_.revocation_bytes = view_.Bytes();
  const bool is_ready =
      now < view_.lease_end() && LeasedView::Look(view_).keys() != nullptr;
  {
    MutexLock lock(&mutex_);
    published_ = driven_;
    view_time_ = follower_.view_time();
    is_ready_ = is_ready;
  }
  if (is_ready) ready_.NotifyAll();
}

bool VerifierCore::WaitUntilReady(absl::Time deadline) {
  MutexLock lock(&mutex_);
  while (!is_ready_) {
    const absl::Duration left = deadline - clock_.Now();
    if (left <= absl::ZeroDuration()) return false;
    ready_.WaitFor(&mutex_, std::min(left, absl::Seconds(1)));
  }
  return true;
}

VerifierFigures VerifierCore::figures() const {
  const absl::Duration now = clock_.SinceBoot();
  VerifierFigures figures;
  {
    MutexLock lock(&mutex_);
    figures = published_;
    figures.view_age = now - view_time_;
  }
  figures.lease_remaining =
      std::max(absl::ZeroDuration(), view_.lease_end() - now);
  figures.leased = figures.lease_remaining > absl::ZeroDuration();
  figures.local_yes = counts_.Sum(kYes);
  figures.local_no = counts_.Sum(kNo);
  figures.asked = counts_.Sum(kAsked);
  figures.refused = counts_.Sum(kRefused);
  figures.unreported_uses = activity_.Unreported();
  figures.answers = answers_.size();
  figures.answer_bytes = answers_.Bytes();
  return figures;
}

}  // namespace latchkey
