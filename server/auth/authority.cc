#include "server/auth/authority.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "client/base/status_macros.h"
#include "server/auth/audited.h"
#include "server/auth/jwt_subject.h"
#include "server/base/error.h"
#include "server/credential/opaque_id.h"

namespace latchkey {
namespace {

// Asked as of the beginning of time, a store shows what it holds, whether or
// not it has expired since: for ending it.
const absl::Time kDeadOrAlive = absl::InfinitePast();

// A check that takes longer than this would have been given up by its caller.
constexpr absl::Duration kNearTheEnd = absl::Minutes(1);

bool ServesAudience(const SessionProfile& profile, absl::string_view audience) {
  if (profile.traits->audiences.empty()) return true;
  return std::find(profile.traits->audiences.begin(),
                   profile.traits->audiences.end(),
                   audience) != profile.traits->audiences.end();
}

absl::string_view ScopeName(LogoutScope scope) {
  switch (scope) {
    case LogoutScope::kThisSession:
      return "this_session";
    case LogoutScope::kOtherSessions:
      return "other_sessions";
    case LogoutScope::kAllSessions:
      return "all_sessions";
  }
  return "unknown";
}

std::string AuditTarget(const LiveSession& session) {
  return latchkey::AuditTarget(session.profile->account, session.id);
}

}  // namespace

Authority::Authority(const AuthParts& parts)
    : parts_(parts), resolver_(parts_) {}

ValidateQuestion Authority::Ask(const ValidateQuery& query) const {
  return {.query = query,
          .credential = resolver_.Read(query.credential),
          .now = parts_.clock.Now()};
}

void Authority::Prepare(const ValidateQuestion& question) const {
  resolver_.Prepare(question.credential);
}

absl::StatusOr<ValidateAnswer> Authority::Validate(
    const ValidateQuestion& question, Reach reach) {
  return Judge(question, reach, /*checks_left=*/nullptr);
}

absl::StatusOr<BatchValidateAnswer> Authority::BatchValidate(
    absl::Span<const ValidateQuery> queries, Reach reach) {
  const absl::Time now = parts_.clock.Now();
  // All at once, so that the waits for memory are one.
  std::vector<ValidateQuestion> questions;
  questions.reserve(queries.size());
  for (const ValidateQuery& query : queries) {
    questions.push_back({.query = query,
                         .credential = resolver_.Read(query.credential),
                         .now = now});
  }
  for (const ValidateQuestion& question : questions) {
    resolver_.Prepare(question.credential);
  }
  BatchValidateAnswer batch;
  batch.revision = parts_.sessions.Revision();
  batch.answers.reserve(queries.size());
  int checks_left = kMaxChecksInMemory;
  int* const limit = reach == Reach::kMemory ? &checks_left : nullptr;
  for (const ValidateQuestion& question : questions) {
    LATCHKEY_ASSIGN_OR_RETURN(ValidateAnswer answer,
                              Judge(question, reach, limit));
    batch.answers.push_back(std::move(answer));
  }
  return batch;
}

absl::StatusOr<std::optional<std::string>> Authority::ServiceAccountOf(
    absl::string_view credential, absl::Time now, Reach reach) {
  LATCHKEY_ASSIGN_OR_RETURN(
      const std::optional<Holder> holder,
      resolver_.ByCredential(resolver_.Read(credential), now, reach));
  if (!holder.has_value()) return std::nullopt;
  const SessionProfile& profile = *holder->session.profile;
  // A credential made for another service is not to be shown to this one.
  if (profile.account_kind != AccountKind::kService ||
      !ServesAudience(profile, parts_.issuer_name)) {
    return std::nullopt;
  }
  NoteActivity(*holder, now);
  return profile.account;
}

absl::StatusOr<ValidateAnswer> Authority::Judge(
    const ValidateQuestion& question, Reach reach, int* checks_left) {
  const ValidateQuery& query = question.query;
  const absl::Time now = question.now;
  ValidateAnswer answer;
  // Read first: the answer is at least as fresh as this.
  answer.revision = parts_.sessions.Revision();
  if (answer.revision < query.at_least_as_fresh) {
    // This server makes every revision itself: it cannot exist.
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     Reason::kRevisionAhead,
                     "at_least_as_fresh is ahead of this server");
  }
  LATCHKEY_ASSIGN_OR_RETURN(
      std::optional<Holder> holder,
      resolver_.ByCredential(question.credential, now, reach, checks_left));
  if (!holder.has_value()) {
    if (!query.explain) return answer;
    LATCHKEY_ASSIGN_OR_RETURN(
        answer.inactive_reason,
        resolver_.WhyInactive(query.credential, now, reach));
    return answer;
  }
  LiveSession& session = holder->session;
  if (!ServesAudience(*session.profile, query.audience)) {
    answer.outcome = ValidateOutcome::kAudience;
    if (query.explain) answer.inactive_reason = InactiveReason::kAudience;
    return answer;
  }
  if (query.max_auth_age.has_value() &&
      now - session.auth_time() > *query.max_auth_age) {
    answer.outcome = ValidateOutcome::kAuthTooOld;
    if (query.explain) answer.inactive_reason = InactiveReason::kAuthTooOld;
    return answer;
  }
  if (!query.passive) {
    NoteActivity(*holder, now);
    session.last_seen_time = std::max(session.last_seen_time, now);
  }
  answer.active = true;
  answer.outcome = ValidateOutcome::kActive;
  answer.expire_time = holder->jwt_expire_time.value_or(session.end_time());
  answer.session = std::move(session);
  return answer;
}

// A check that took long must not revive what another one, begun later, has
// found idle for too long meanwhile.
void Authority::NoteActivity(const Holder& holder, absl::Time seen) {
  const absl::Time end = holder.session.end_time();
  if (end - seen < kNearTheEnd && parts_.clock.Now() >= end) return;
  parts_.sessions.NoteActivity({holder.key, seen, holder.session.expire_time});
}

absl::Status Authority::NoteUses(absl::Span<const SessionUse> uses) {
  for (const SessionUse& use : uses) {
    const absl::Time now = parts_.clock.Now();
    LATCHKEY_ASSIGN_OR_RETURN(const std::optional<Holder> holder,
                              resolver_.ById(use.session, now, Reach::kDisk));
    // What is older than what is known changes nothing.
    if (holder.has_value()) NoteActivity(*holder, now - use.age);
  }
  return absl::OkStatus();
}

absl::StatusOr<Grant> Authority::Refresh(absl::string_view refresh_credential,
                                         const Origin& origin) {
  AuditEvent event = MakeAuditEvent(AuditKind::kRefresh, origin, "");
  // As Validate does: a JWT made from memory alone would be good elsewhere.
  LATCHKEY_RETURN_IF_ERROR(parts_.sessions.Ready());
  const absl::Time now = parts_.clock.Now();
  const uint64_t revision = parts_.sessions.Revision();
  LATCHKEY_ASSIGN_OR_RETURN(
      std::optional<Holder> holder,
      resolver_.ByRefreshCredential(refresh_credential, now));
  if (!holder.has_value()) {
    const absl::Status refused =
        MakeError(absl::StatusCode::kUnauthenticated, Reason::kRefreshRefused,
                  "not the refresh credential of a live session");
    NoteFailure(parts_.audit, std::move(event), refused);
    return refused;
  }
  event.target = AuditTarget(holder->session);
  absl::StatusOr<Grant> grant =
      IssueAnew(*holder, refresh_credential, revision, now);
  const absl::Status written =
      grant.ok() ? parts_.audit.Write(event) : absl::OkStatus();
  // Not given out, it is worth nothing, and there is nothing to be undone.
  if (!written.ok()) grant = written;
  if (!grant.ok()) NoteFailure(parts_.audit, std::move(event), grant.status());
  return grant;
}

absl::StatusOr<Grant> Authority::IssueAnew(const Holder& holder,
                                           absl::string_view refresh_credential,
                                           uint64_t revision, absl::Time now) {
  NoteActivity(holder, now);
  Session session = holder.session.ToSession();
  session.last_seen_time = std::max(session.last_seen_time, now);
  LATCHKEY_ASSIGN_OR_RETURN(IssuedJwt jwt,
                            parts_.issuer.Issue(JwtSubjectOf(session), now));
  return Grant{.credential = std::move(jwt.text),
               .refresh_credential = SecretBytes(refresh_credential),
               .session = std::move(session),
               .expire_time = jwt.expire_time,
               .revision = revision};
}

absl::StatusOr<LogoutAnswer> Authority::Logout(absl::string_view credential,
                                               LogoutScope scope,
                                               const Origin& origin) {
  const absl::Time now = parts_.clock.Now();
  LATCHKEY_ASSIGN_OR_RETURN(const std::optional<SessionKey> key,
                            resolver_.KeyBehind(credential, now));
  if (!key.has_value()) return NothingEnded();
  LATCHKEY_ASSIGN_OR_RETURN(const std::optional<Holder> target,
                            resolver_.ByKey(*key, now, Reach::kDisk));
  return AuditedEnd(AuditKind::kLogout, origin, *key, target, scope, now);
}

absl::StatusOr<LogoutAnswer> Authority::LogoutByName(absl::string_view account,
                                                     const SessionId& id,
                                                     LogoutScope scope,
                                                     const Origin& origin) {
  const absl::Time now = parts_.clock.Now();
  const absl::StatusOr<SessionKey> key = parts_.sessions.FindKey(id);
  if (absl::IsNotFound(key.status())) return NothingEnded();
  LATCHKEY_RETURN_IF_ERROR(key.status());
  const absl::StatusOr<Session> stored =
      parts_.sessions.Find(*key, kDeadOrAlive);
  if (absl::IsNotFound(stored.status())) return NothingEnded();
  LATCHKEY_RETURN_IF_ERROR(stored.status());
  if (stored->account != account || stored->id != id) return NothingEnded();
  LATCHKEY_ASSIGN_OR_RETURN(const std::optional<Holder> target,
                            resolver_.ByKey(*key, now, Reach::kDisk));
  return AuditedEnd(AuditKind::kRevokeSession, origin, *key, target, scope,
                    now);
}

absl::StatusOr<LogoutAnswer> Authority::AuditedEnd(
    AuditKind kind, const Origin& origin, const SessionKey& key,
    const std::optional<Holder>& target, LogoutScope scope, absl::Time now) {
  absl::StatusOr<LogoutAnswer> answer = End(key, target, scope, now);
  // What ended before is no event; or anybody could fill the log with it.
  if (!target.has_value()) return answer;
  AuditEvent event = MakeAuditEvent(kind, origin, AuditTarget(target->session));
  event.details.emplace_back("scope", ScopeName(scope));
  if (!answer.ok()) {
    NoteFailure(parts_.audit, std::move(event), answer.status());
    return answer;
  }
  event.details.emplace_back("ended", absl::StrCat(answer->ended));
  LATCHKEY_RETURN_IF_ERROR(WriteDone(parts_.audit, std::move(event)));
  return answer;
}

LogoutAnswer Authority::NothingEnded() const {
  return {.ended = 0, .revision = parts_.sessions.Revision()};
}

absl::StatusOr<LogoutAnswer> Authority::End(const SessionKey& key,
                                            const std::optional<Holder>& target,
                                            LogoutScope scope, absl::Time now) {
  if (!target.has_value()) {
    // Dead by now, by time or by its account. It is removed all the same, so
    // that no clock that is put right can revive what was logged out.
    LATCHKEY_ASSIGN_OR_RETURN(const EndResult result,
                              parts_.sessions.End({&key, 1}, now));
    return LogoutAnswer{.ended = 0, .revision = result.revision};
  }
  switch (scope) {
    case LogoutScope::kThisSession: {
      LATCHKEY_ASSIGN_OR_RETURN(const EndResult result,
                                parts_.sessions.End({&key, 1}, now));
      return LogoutAnswer{.ended = result.ended, .revision = result.revision};
    }
    case LogoutScope::kOtherSessions:
      return EndOthers(*target, now);
    case LogoutScope::kAllSessions:
      return EndAll(*target->session.profile, now);
  }
  return MakeError(absl::StatusCode::kInternal, Reason::kInternal,
                   "unknown scope");
}

// Walks all sessions of the account, also those that are dead by time, in
// batches; a login that comes meanwhile is either walked or later than this
// logout.
absl::StatusOr<LogoutAnswer> Authority::EndOthers(const Holder& kept,
                                                  absl::Time now) {
  LogoutAnswer answer{.ended = 0, .revision = parts_.sessions.Revision()};
  std::optional<SessionId> after;
  while (true) {
    LATCHKEY_ASSIGN_OR_RETURN(
        const std::vector<StoredSession> page,
        parts_.sessions.List(kept.session.profile->account_uid, after,
                             kMaxEndBatch, kDeadOrAlive));
    std::vector<SessionKey> keys;
    for (const StoredSession& stored : page) {
      const bool other = stored.key != kept.key;
      const bool alive =
          stored.session.generation == kept.session.profile->generation;
      if (other && alive) keys.push_back(stored.key);
    }
    LATCHKEY_ASSIGN_OR_RETURN(const EndResult result,
                              parts_.sessions.End(keys, now));
    answer.ended = std::min(answer.ended + result.ended, kMaxCountedEnds);
    answer.revision = std::max(answer.revision, result.revision);
    if (page.size() < kMaxEndBatch) return answer;
    after = page.back().session.id;
  }
}

// One write ends them all: the account's generation goes up. What they were is
// counted afterwards, when no login can add to the old generation any more.
absl::StatusOr<LogoutAnswer> Authority::EndAll(const SessionProfile& target,
                                               absl::Time now) {
  absl::StatusOr<AccountChange> change =
      parts_.accounts.Edit(target.account,
                           {.end_sessions = true,
                            .expected_uid = target.account_uid,
                            .expected_generation = target.generation},
                           now);
  if (absl::IsNotFound(change.status()) || absl::IsAborted(change.status())) {
    // Another change came first, and ended the sessions by itself.
    return NothingEnded();
  }
  LATCHKEY_RETURN_IF_ERROR(change.status());
  LogoutAnswer answer{.ended = 0, .revision = change->revision};
  std::optional<SessionId> after;
  while (answer.ended < kMaxCountedEnds) {
    const absl::StatusOr<std::vector<StoredSession>> page =
        parts_.sessions.List(target.account_uid, after, kMaxEndBatch, now);
    if (!page.ok()) {
      // They are ended; only how many there were is not known.
      parts_.log.Error(
          "ended sessions not counted",
          {{"account", target.account}, {"status", page.status()}});
      break;
    }
    for (const StoredSession& stored : *page) {
      if (stored.session.generation == target.generation) ++answer.ended;
    }
    if (page->size() < kMaxEndBatch) break;
    after = page->back().session.id;
  }
  answer.ended = std::min(answer.ended, kMaxCountedEnds);
  return answer;
}

}  // namespace latchkey
