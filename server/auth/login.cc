// Authority::Login: guard, password on the hash pool or another proof on a
// worker, session prepared on a worker and written by the committer; another
// worker answers, so that none waits for the write, the last thing before it.
#include <algorithm>
#include <utility>

#include "absl/strings/str_join.h"

#include "client/base/status_macros.h"
#include "server/account/account.h"
#include "server/account/login_guard.h"
#include "server/account/source_network.h"
#include "server/auth/audited.h"
#include "server/auth/authority.h"
#include "server/auth/hash_answer.h"
#include "server/auth/jwt_subject.h"
#include "server/auth/service_proof.h"
#include "server/base/error.h"
#include "server/base/random.h"
#include "server/credential/opaque_id.h"

namespace latchkey {
namespace {

// Who logs in on behalf of others says where they are; of all others it is
// only recorded.
SourceNetwork SourceOf(const LoginCommand& command) {
  const PermissionSet& permissions = command.origin.caller.permissions;
  if (permissions.Has(Permission::kLoginOnBehalf)) {
    const auto claimed = SourceNetwork::Parse(command.client.ip_address);
    if (claimed.has_value()) return *claimed;
  }
  return SourceNetwork::OfPeer(command.origin.address);
}

LoginOutcome OutcomeOf(const absl::Status& status) {
  if (status.ok()) return LoginOutcome::kSucceeded;
  return absl::IsUnauthenticated(status) ? LoginOutcome::kFailed
                                         : LoginOutcome::kUnknown;
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
  std::string amr = "pwd";
  std::optional<ProofUse> use;  // of a service account's proof
  Grant grant;                  // handed out once its session is durable
  // For the audit alone: whether there is an account of that name (if not, it
  // may be a password in the wrong field), and why it was refused.
  bool account_known = false;
  absl::string_view refusal;
};

void Authority::Login(LoginCommand command,
                      std::function<void(absl::StatusOr<Grant>)> done) {
  auto attempt = std::make_shared<LoginAttempt>();
  attempt->command = std::move(command);
  const absl::StatusOr<LoginTicket> ticket =
      parts_.guard.Admit(attempt->command.account, SourceOf(attempt->command),
                         parts_.clock.SinceBoot());
  if (!ticket.ok()) {
    NoteLoginFailure(*attempt, ticket.status());
    done(ticket.status());
    return;
  }
  attempt->done = [this, ticket = *ticket, &settled = *attempt,
                   done = std::move(done)](absl::StatusOr<Grant> grant) {
    parts_.guard.Settle(ticket, OutcomeOf(grant.status()),
                        parts_.clock.SinceBoot());
    if (!grant.ok()) NoteLoginFailure(settled, grant.status());
    done(std::move(grant));
  };
  if (attempt->command.proof != LoginCommand::Proof::kPassword) {
    const bool taken = parts_.workers.TrySubmit([this, attempt] {
      const absl::Status proven = ProveService(*attempt);
      if (!proven.ok()) {
        attempt->done(proven);
      } else {
        OpenSession(attempt);
      }
    });
    if (!taken) attempt->done(Overloaded());
    return;
  }
  const absl::Status taken = parts_.hashes.Submit({
      .abandoned = attempt->command.abandoned,
      .run = [this, attempt] { CheckPassword(attempt); },
      .drop = [this, attempt](
                  const absl::Status& why) { AnswerFromHash(attempt, why); },
  });
  if (!taken.ok()) attempt->done(taken);
}

// Runs on a thread of the hash pool.
void Authority::CheckPassword(std::shared_ptr<LoginAttempt> attempt) {
  const LoginCommand& command = attempt->command;
  absl::StatusOr<Account> account = parts_.accounts.Find(command.account);
  // A service has no password: as good as nobody.
  if (absl::IsNotFound(account.status()) ||
      (account.ok() && account->kind == AccountKind::kService)) {
    parts_.passwords.CheckUnknown(command.password);
    attempt->account_known = account.ok();
    attempt->refusal = account.ok() ? "WRONG_PROOF" : "UNKNOWN_ACCOUNT";
    AnswerFromHash(attempt, LoginRefused());
    return;
  }
  if (!account.ok()) {
    AnswerFromHash(attempt, account.status());
    return;
  }
  attempt->account_known = true;
  PasswordVerdict verdict =
      parts_.passwords.Check(command.password, account->password_phc);
  if (!verdict.matches || account->disabled) {
    attempt->refusal = verdict.matches ? "ACCOUNT_DISABLED" : "WRONG_PROOF";
    AnswerFromHash(attempt, LoginRefused());
    return;
  }
  attempt->account = *std::move(account);
  attempt->upgraded_phc = std::move(verdict.upgraded_phc);
  // Hash threads are few: they have no time for the rest.
  if (!parts_.workers.TrySubmit([this, attempt] { OpenSession(attempt); })) {
    AnswerFromHash(attempt, Overloaded());
  }
}

void Authority::AnswerFromHash(const std::shared_ptr<LoginAttempt>& attempt,
                               const absl::Status& refusal) {
  AnswerOnWorker(parts_.workers,
                 [attempt, refusal] { attempt->done(refusal); });
}

// Runs on a worker.
absl::Status Authority::ProveService(LoginAttempt& attempt) {
  const LoginCommand& command = attempt.command;
  if (command.abandoned()) return Abandoned();
  absl::StatusOr<Account> found = parts_.accounts.Find(command.account);
  if (!found.ok() && !absl::IsNotFound(found.status())) return found.status();
  const Account* const account = found.ok() ? &*found : nullptr;
  attempt.account_known = account != nullptr;
  std::optional<ServiceProof> proof;
  switch (command.proof) {
    case LoginCommand::Proof::kPassword:
      break;  // never here
    case LoginCommand::Proof::kSecret:
      proof = CheckClientSecret(account, command.client_secret.Reveal());
      break;
    case LoginCommand::Proof::kAssertion:
      proof = CheckClientAssertion(account, command.account,
                                   command.client_assertion.Reveal(),
                                   parts_.issuer_name, parts_.clock.Now());
      break;
    case LoginCommand::Proof::kCertificate:
      proof = CheckClientCertificate(account, command.certificate_names);
      break;
  }
  if (!proof.has_value()) {
    const bool disabled = account != nullptr && account->disabled;
    attempt.refusal = account == nullptr ? "UNKNOWN_ACCOUNT"
                      : disabled         ? "ACCOUNT_DISABLED"
                                         : "WRONG_PROOF";
    return LoginRefused();
  }
  attempt.account = *std::move(found);
  attempt.amr = std::move(proof->amr);
  attempt.use = proof->use;
  return absl::OkStatus();
}

// Runs on a worker, which does not wait for the write.
void Authority::OpenSession(std::shared_ptr<LoginAttempt> attempt) {
  const absl::Time now = parts_.clock.Now();
  absl::StatusOr<std::shared_ptr<const NewSession>> prepared =
      PrepareSession(*attempt, now);
  if (!prepared.ok()) {
    attempt->done(prepared.status());
    return;
  }
  parts_.sessions.StartCreate(
      *prepared, now,
      [this, attempt, opened = *prepared,
       now](const absl::StatusOr<uint64_t>& revision) {
        attempt->done(revision.ok() ? GrantOf(*attempt, *opened, *revision, now)
                                    : revision.status());
      });
}

absl::StatusOr<std::shared_ptr<const NewSession>> Authority::PrepareSession(
    LoginAttempt& attempt, absl::Time now) {
  const LoginCommand& command = attempt.command;
  if (command.abandoned()) return Abandoned();
  const SessionPolicy& policy = parts_.policy;
  const absl::Duration life =
      std::min(command.requested_ttl.value_or(policy.session_ttl),
               policy.max_session_ttl);

  auto prepared = std::make_shared<NewSession>();
  Session& session = prepared->session;
  session.id = RandomBytes<SessionId>();
  session.form = command.form;
  session.account_kind = attempt.account.kind;
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
  session.amr = {attempt.amr};
  session.client = command.client;
  prepared->use = attempt.use;

  const bool jwt = command.form == CredentialForm::kJwt;
  MintedCredential minted =
      MintOpaque(jwt ? OpaqueKind::kRefresh : OpaqueKind::kSession);
  prepared->key = SessionKey(minted.digest.array());
  Grant& grant = attempt.grant;
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
  return prepared;
}

// Runs on a worker, once the session is durable.
absl::StatusOr<Grant> Authority::GrantOf(LoginAttempt& attempt,
                                         const NewSession& opened,
                                         uint64_t revision, absl::Time now) {
  const auto& [key, session, use] = opened;
  LATCHKEY_RETURN_IF_ERROR(AuditLogin(attempt, session, key, now));
  parts_.log.Debug("session opened",
                   {{"account", session.account},
                    {"session", session.id.ToHex()},
                    {"digest", DigestPrefix(key.view())},
                    {"correlation_id", attempt.command.origin.correlation_id}});
  attempt.grant.revision = revision;
  attempt.grant.session = session;
  return std::move(attempt.grant);
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
