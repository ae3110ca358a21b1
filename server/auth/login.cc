// Authority::Login: guard, proof on the hash pool, session on a worker. The
// write is the last thing before the answer.
#include <algorithm>
#include <utility>

#include "absl/strings/str_join.h"

#include "client/base/status_macros.h"
#include "server/account/account.h"
#include "server/auth/audited.h"
#include "server/auth/authority.h"
#include "server/auth/jwt_subject.h"
#include "server/base/error.h"
#include "server/base/random.h"
#include "server/credential/opaque_id.h"

namespace latchkey {
namespace {

// One and the same answer for unknown account, wrong password and disabled
// account.
absl::Status LoginRefused() {
  return MakeError(absl::StatusCode::kUnauthenticated, Reason::kLoginRefused,
                   "login refused");
}

absl::Duration ToMicros(absl::Duration duration) {
  return absl::Microseconds(absl::ToInt64Microseconds(duration));
}

}  // namespace

struct Authority::LoginAttempt {
  LoginCommand command;
  std::function<void(absl::StatusOr<Grant>)> done;
  // The account as it was before the proof was checked; the session is made
  // under that uid and generation, and dies with them.
  Account account;
  std::optional<std::string> upgraded_phc;
  // For the audit alone: whether there is an account of that name (if not, it
  // may be a password in the wrong field), and why it was refused.
  bool account_known = false;
  absl::string_view refusal;
};

void Authority::Login(LoginCommand command,
                      std::function<void(absl::StatusOr<Grant>)> done) {
  auto attempt = std::make_shared<LoginAttempt>();
  attempt->command = std::move(command);
  attempt->done = [this, &failed = *attempt,
                   done = std::move(done)](absl::StatusOr<Grant> grant) {
    if (!grant.ok()) NoteLoginFailure(failed, grant.status());
    done(std::move(grant));
  };
  const absl::Status taken = parts_.hashes.Submit({
      .abandoned = attempt->command.abandoned,
      .run = [this, attempt] { CheckProof(attempt); },
      .drop = [attempt](absl::Status why) { attempt->done(std::move(why)); },
  });
  if (!taken.ok()) attempt->done(taken);
}

// Runs on a thread of the hash pool.
void Authority::CheckProof(std::shared_ptr<LoginAttempt> attempt) {
  const LoginCommand& command = attempt->command;
  absl::StatusOr<Account> account = parts_.accounts.Find(command.account);
  if (absl::IsNotFound(account.status())) {
    parts_.passwords.CheckUnknown(command.password);
    attempt->refusal = "UNKNOWN_ACCOUNT";
    attempt->done(LoginRefused());
    return;
  }
  if (!account.ok()) {
    attempt->done(account.status());
    return;
  }
  attempt->account_known = true;
  PasswordVerdict verdict =
      parts_.passwords.Check(command.password, account->password_phc);
  if (!verdict.matches || account->disabled) {
    attempt->refusal = verdict.matches ? "ACCOUNT_DISABLED" : "WRONG_PROOF";
    attempt->done(LoginRefused());
    return;
  }
  attempt->account = *std::move(account);
  attempt->upgraded_phc = std::move(verdict.upgraded_phc);
  // Hash threads are few: they do not wait for a sync.
  if (!parts_.workers.TrySubmit(
          [this, attempt] { attempt->done(OpenSession(*attempt)); })) {
    attempt->done(Overloaded());
  }
}

absl::StatusOr<Grant> Authority::OpenSession(LoginAttempt& attempt) {
  const LoginCommand& command = attempt.command;
  if (command.abandoned()) return Abandoned();
  const absl::Time now = parts_.clock.Now();
  const SessionPolicy& policy = parts_.policy;
  const absl::Duration life =
      std::min(command.requested_ttl.value_or(policy.session_ttl),
               policy.max_session_ttl);

  Session session;
  session.id = RandomBytes<SessionId>();
  session.form = command.form;
  session.account = attempt.account.name;
  session.account_uid = attempt.account.uid;
  session.generation = attempt.account.generation;
  session.create_time = now;
  session.auth_time = now;
  session.expire_time = now + ToMicros(life);
  session.idle_ttl = ToMicros(policy.idle_ttl);
  session.last_seen_time = now;
  session.audiences = command.audiences;
  session.roles = attempt.account.roles;
  session.amr = {"pwd"};
  session.client = command.client;

  const bool jwt = command.form == CredentialForm::kJwt;
  MintedCredential minted =
      MintOpaque(jwt ? OpaqueKind::kRefresh : OpaqueKind::kSession);
  const SessionKey key(minted.digest.array());
  Grant grant;
  grant.expire_time = session.end_time();
  if (jwt) {
    LATCHKEY_ASSIGN_OR_RETURN(IssuedJwt issued,
                              parts_.issuer.Issue(JwtSubjectOf(session), now));
    grant.credential = std::move(issued.text);
    grant.expire_time = issued.expire_time;
    grant.refresh_credential = std::move(minted.text);
  } else {
    grant.credential = std::move(minted.text);
  }
  if (attempt.upgraded_phc.has_value()) {
    LATCHKEY_RETURN_IF_ERROR(parts_.accounts.UpgradeHash(
        attempt.account.name, attempt.account.uid, attempt.account.password_phc,
        *attempt.upgraded_phc));
  }
  LATCHKEY_ASSIGN_OR_RETURN(grant.revision,
                            parts_.sessions.Create(key, session, now));
  LATCHKEY_RETURN_IF_ERROR(AuditLogin(attempt, session, key, now));
  parts_.log.Debug("session opened",
                   {{"account", session.account},
                    {"session", session.id.ToHex()},
                    {"digest", DigestPrefix(key.view())},
                    {"correlation_id", command.origin.correlation_id}});
  grant.session = std::move(session);
  return grant;
}

absl::Status Authority::AuditLogin(const LoginAttempt& attempt,
                                   const Session& session,
                                   const SessionKey& key, absl::Time now) {
  AuditEvent event = MakeAuditEvent(AuditKind::kLogin, attempt.command.origin,
                                    AuditTarget(session.account, session.id));
  event.details.emplace_back(
      "credential", session.form == CredentialForm::kJwt ? "jwt" : "opaque");
  event.details.emplace_back("amr", absl::StrJoin(session.amr, ","));
  event.details.emplace_back("claimed_address", session.client.ip_address);
  const absl::Status written = parts_.audit.Write(event);
  if (written.ok()) return written;
  // Should this fail as well, the session is there, and nobody has a
  // credential of it.
  const absl::StatusOr<EndResult> ended = parts_.sessions.End({&key, 1}, now);
  if (!ended.ok()) {
    parts_.log.Error(
        "session without audit line not ended",
        {{"session", session.id.ToHex()}, {"status", ended.status()}});
  }
  return written;
}

void Authority::NoteLoginFailure(const LoginAttempt& attempt,
                                 const absl::Status& why) {
  AuditEvent event = MakeAuditEvent(
      AuditKind::kLogin, attempt.command.origin,
      attempt.account_known ? AuditTarget(attempt.command.account) : "");
  event.reason = std::string(attempt.refusal);
  NoteFailure(parts_.audit, std::move(event), why);
}

}  // namespace latchkey
