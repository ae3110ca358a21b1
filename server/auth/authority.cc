#include "server/auth/authority.h"

#include <algorithm>
#include <utility>

#include "client/base/status_macros.h"
#include "server/auth/jwt_subject.h"
#include "server/base/error.h"
#include "server/credential/opaque_id.h"

namespace latchkey {
namespace {

bool ServesAudience(const Session& session, absl::string_view audience) {
  if (session.audiences.empty()) return true;
  return std::find(session.audiences.begin(), session.audiences.end(),
                   audience) != session.audiences.end();
}

absl::Time OpaqueExpireTime(const Session& session) {
  return std::min(session.expire_time, session.idle_expire_time());
}

}  // namespace

Authority::Authority(const AuthParts& parts)
    : parts_(parts), resolver_(parts_) {}

absl::StatusOr<ValidateAnswer> Authority::Validate(const ValidateQuery& query,
                                                   Reach reach) {
  const absl::Time now = parts_.clock.Now();
  ValidateAnswer answer;
  // Read first: the answer is at least as fresh as this.
  answer.revision = parts_.sessions.Revision();
  LATCHKEY_ASSIGN_OR_RETURN(
      std::optional<Holder> holder,
      resolver_.ByCredential(query.credential, {}, now, reach));
  if (!holder.has_value()) return answer;
  Session& session = holder->stored.session;
  if (!ServesAudience(session, query.audience)) return answer;
  if (query.max_auth_age.has_value() &&
      now - session.auth_time > *query.max_auth_age) {
    return answer;
  }
  if (!query.passive) {
    const Activity note{holder->stored.key, now, session.expire_time};
    LATCHKEY_RETURN_IF_ERROR(parts_.sessions.SaveActivity({&note, 1}));
    session.last_seen_time = std::max(session.last_seen_time, now);
  }
  answer.active = true;
  answer.expire_time =
      holder->jwt_expire_time.value_or(OpaqueExpireTime(session));
  answer.session = std::move(session);
  return answer;
}

absl::StatusOr<Grant> Authority::Refresh(absl::string_view refresh_credential) {
  const absl::Time now = parts_.clock.Now();
  const uint64_t revision = parts_.sessions.Revision();
  LATCHKEY_ASSIGN_OR_RETURN(
      std::optional<Holder> holder,
      resolver_.ByCredential(refresh_credential,
                             {.credential = false, .refresh = true}, now,
                             Reach::kDisk));
  if (!holder.has_value()) {
    return MakeError(absl::StatusCode::kUnauthenticated,
                     Reason::kRefreshRefused,
                     "not the refresh credential of a live session");
  }
  Session& session = holder->stored.session;
  const Activity note{holder->stored.key, now, session.expire_time};
  LATCHKEY_RETURN_IF_ERROR(parts_.sessions.SaveActivity({&note, 1}));
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
                                               LogoutScope scope) {
  const absl::Time now = parts_.clock.Now();
  LATCHKEY_ASSIGN_OR_RETURN(
      const std::optional<Holder> target,
      resolver_.ByCredential(credential, {.refresh = true, .expired_jwt = true},
                             now, Reach::kDisk));
  return End(target, scope, now);
}

absl::StatusOr<LogoutAnswer> Authority::LogoutByName(absl::string_view account,
                                                     const SessionId& id,
                                                     LogoutScope scope) {
  const absl::Time now = parts_.clock.Now();
  LATCHKEY_ASSIGN_OR_RETURN(std::optional<Holder> target,
                            resolver_.ById(id, now, Reach::kDisk));
  if (target.has_value() && target->stored.session.account != account) {
    target.reset();
  }
  return End(target, scope, now);
}

absl::StatusOr<LogoutAnswer> Authority::End(const std::optional<Holder>& target,
                                            LogoutScope scope, absl::Time now) {
  if (!target.has_value()) {
    return LogoutAnswer{.ended = 0, .revision = parts_.sessions.Revision()};
  }
  switch (scope) {
    case LogoutScope::kThisSession: {
      LATCHKEY_ASSIGN_OR_RETURN(
          const EndResult result,
          parts_.sessions.End({&target->stored.key, 1}, now));
      return LogoutAnswer{.ended = result.ended, .revision = result.revision};
    }
    case LogoutScope::kOtherSessions:
      return EndOthers(target->stored, now);
    case LogoutScope::kAllSessions:
      return EndAll(target->stored.session, now);
  }
  return MakeError(absl::StatusCode::kInternal, Reason::kInternal,
                   "unknown scope");
}

// Walks the account's sessions in batches; a login that comes meanwhile is
// either walked or later than this logout.
absl::StatusOr<LogoutAnswer> Authority::EndOthers(const StoredSession& kept,
                                                  absl::Time now) {
  LogoutAnswer answer{.ended = 0, .revision = parts_.sessions.Revision()};
  std::optional<SessionId> after;
  while (true) {
    LATCHKEY_ASSIGN_OR_RETURN(const std::vector<StoredSession> page,
                              parts_.sessions.List(kept.session.account_uid,
                                                   after, kMaxEndBatch, now));
    std::vector<SessionKey> keys;
    for (const StoredSession& stored : page) {
      const bool other = stored.key != kept.key;
      const bool alive = stored.session.generation == kept.session.generation;
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
absl::StatusOr<LogoutAnswer> Authority::EndAll(const Session& target,
                                               absl::Time now) {
  absl::StatusOr<AccountChange> change =
      parts_.accounts.Edit(target.account,
                           {.end_sessions = true,
                            .expected_uid = target.account_uid,
                            .expected_generation = target.generation},
                           now);
  if (absl::IsNotFound(change.status()) || absl::IsAborted(change.status())) {
    // Another change came first, and ended the sessions by itself.
    return LogoutAnswer{.ended = 0, .revision = parts_.sessions.Revision()};
  }
  LATCHKEY_RETURN_IF_ERROR(change.status());
  LogoutAnswer answer{.ended = 0, .revision = change->revision};
  std::optional<SessionId> after;
  while (answer.ended < kMaxCountedEnds) {
    LATCHKEY_ASSIGN_OR_RETURN(
        const std::vector<StoredSession> page,
        parts_.sessions.List(target.account_uid, after, kMaxEndBatch, now));
    for (const StoredSession& stored : page) {
      if (stored.session.generation == target.generation) ++answer.ended;
    }
    if (page.size() < kMaxEndBatch) break;
    after = page.back().session.id;
  }
  answer.ended = std::min(answer.ended, kMaxCountedEnds);
  return answer;
}

}  // namespace latchkey
