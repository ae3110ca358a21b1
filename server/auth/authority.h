#ifndef LATCHKEY_SERVER_AUTH_AUTHORITY_H_
#define LATCHKEY_SERVER_AUTH_AUTHORITY_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

#include "client/base/secret_bytes.h"
#include "client/verify/revocation_message.h"
#include "server/auth/inactive_reason.h"
#include "server/auth/parts.h"
#include "server/auth/resolver.h"
#include "server/auth/validate_outcome.h"
#include "server/base/origin.h"
#include "server/session/session.h"

namespace latchkey {

// What Login is asked. Sizes and spellings were checked at the edge.
struct LoginCommand {
  // What is shown: the one of the fields below that counts. A password is for
  // accounts of persons, all others are for those of services.
  enum class Proof { kPassword, kSecret, kAssertion, kCertificate };

  std::string account;
  Proof proof = Proof::kPassword;
  SecretBytes password;
  SecretBytes client_secret;
  SecretBytes client_assertion;
  // Of the client certificate that the transport has verified, each spelled as
  // IsCertificateName has it; empty if there was none.
  std::vector<std::string> certificate_names;
  CredentialForm form = CredentialForm::kOpaque;
  std::vector<std::string> audiences;
  std::optional<absl::Duration> requested_ttl;  // at least 1 s
  ClientInfo client;
  Origin origin;
  // Tells whether nobody waits for the answer any more: the deadline has
  // passed or the call was cancelled. Called from a thread of the hash pool.
  std::function<bool()> abandoned;
};

// What a login yields.
struct Grant {
  SecretBytes credential;
  SecretBytes refresh_credential;  // empty for the opaque form
  Session session;
  absl::Time expire_time;  // of `credential`, if it is not used before
  uint64_t revision = 0;
};

struct ValidateQuery {
  absl::string_view credential;  // not kept past the call
  absl::string_view audience;
  std::optional<absl::Duration> max_auth_age;
  bool passive = false;
  // The answer must be at least as fresh as this revision of the epoch.
  uint64_t at_least_as_fresh = 0;
  // Say why, if it is not active; that may take another look.
  bool explain = false;
};

// ValidateQuestion is a query that was begun: see Authority::Ask.
struct ValidateQuestion {
  ValidateQuery query;
  Resolver::Presented credential;
  absl::Time now;
};

struct ValidateAnswer {
  bool active = false;
  ValidateOutcome outcome = ValidateOutcome::kNotGood;
  LiveSession session;     // only if active
  absl::Time expire_time;  // only if active
  uint64_t revision = 0;
  // Only if not active and the query says `explain`.
  InactiveReason inactive_reason = InactiveReason::kUntold;
};

struct BatchValidateAnswer {
  std::vector<ValidateAnswer> answers;  // in the order of the queries
  uint64_t revision = 0;                // of all of them
};

enum class LogoutScope { kThisSession, kOtherSessions, kAllSessions };

struct LogoutAnswer {
  int ended = 0;  // live sessions, counted up to kMaxCountedEnds
  uint64_t revision = 0;
};

// A signature takes some tens of microseconds, which is as long as an RPC
// thread may be kept.
constexpr int kMaxChecksInMemory = 4;

constexpr int kMaxCountedEnds = 10000;

// Authority is the verbs on sessions, without a wire: it decides, and has the
// stores write before it answers.
//
// Safe from any thread. Blocking calls say so; they belong on a worker.
class Authority {
 public:
  // `parts` must outlive the authority, and so must its pools' tasks: stop
  // the pools first.
  explicit Authority(const AuthParts& parts);

  // Login checks a password on the hash pool, any other proof on a worker,
  // opens the session on a worker and calls `done` once, from any thread; at
  // once if a pool is full. When `done` is given a grant, the session is on
  // disk. Never blocks.
  // The guard is asked first, and told how it ended (see LoginGuard). A try
  // comes from origin.address, or from client.ip_address if the caller may say
  // that.
  //   kUnauthenticated     kLoginRefused: unknown, wrong, disabled, or not a
  //                        proof for this kind of account
  //   kResourceExhausted   kLoginThrottled, kHashQueueFull, with a retry delay
  //   kFailedPrecondition  kCredentialTooLarge
  //   kCancelled           nobody waited any more; nothing was begun
  //   kUnavailable         kOverloaded, kShuttingDown, kStoreFailed;
  //                        kAuditUnavailable: no session is left
  void Login(LoginCommand command,
             std::function<void(absl::StatusOr<Grant>)> done);

  // Ask begins a check, as of now. It has memory fetched that Prepare looks at,
  // and Prepare what Validate does; neither waits for any of it. Who has
  // something else to do does some of it after each.
  ValidateQuestion Ask(const ValidateQuery& query) const;
  void Prepare(const ValidateQuestion& question) const;
  // Validate judges a credential. With Reach::kMemory it never blocks, and
  // kUnavailable without a Reason means: ask again with Reach::kDisk from a
  // worker. (With one, the store has failed or closed.)
  //   kFailedPrecondition  kRevisionAhead: there is no such revision yet
  absl::StatusOr<ValidateAnswer> Validate(const ValidateQuestion& question,
                                          Reach reach);
  absl::StatusOr<ValidateAnswer> Validate(const ValidateQuery& query,
                                          Reach reach) {
    const ValidateQuestion question = Ask(query);
    Prepare(question);
    return Validate(question, reach);
  }

  // NoteUses counts sessions as used, each so long ago, by verifiers that
  // judged their credentials themselves; as Validate does, and with the same
  // limits: what is not alive any more is left out. Blocks.
  absl::Status NoteUses(absl::Span<const SessionUse> uses);

  // ServiceAccountOf returns the name of the service account behind a live
  // credential; nullopt if it is not good, a person's, or of a session whose
  // audiences do not name this server's issuer. Counts as activity. `reach`
  // and errors as Validate.
  absl::StatusOr<std::optional<std::string>> ServiceAccountOf(
      absl::string_view credential, absl::Time now, Reach reach);

  // BatchValidate is Validate for each of `queries`, all as of one instant. An
  // error of one is the answer to all. With Reach::kMemory, kUnavailable
  // without a Reason as Validate, also if more than kMaxChecksInMemory
  // signatures would have to be checked.
  absl::StatusOr<BatchValidateAnswer> BatchValidate(
      absl::Span<const ValidateQuery> queries, Reach reach);

  // Refresh issues a new JWT of the refresh credential's session. Blocks.
  //   kUnauthenticated  kRefreshRefused: not of a live session
  //   kUnavailable      kAuditUnavailable: the JWT is not given out
  absl::StatusOr<Grant> Refresh(absl::string_view refresh_credential,
                                const Origin& origin);

  // Logout ends the session behind a credential (also a refresh credential,
  // or a JWT that has merely expired), or others of its account. A credential
  // that is not good ends nothing and is OK. Blocks.
  //   kUnavailable  kAuditUnavailable: what it was to end has ended
  absl::StatusOr<LogoutAnswer> Logout(absl::string_view credential,
                                      LogoutScope scope, const Origin& origin);

  // LogoutByName is Logout by the public name of a session: administration.
  absl::StatusOr<LogoutAnswer> LogoutByName(absl::string_view account,
                                            const SessionId& id,
                                            LogoutScope scope,
                                            const Origin& origin);

 private:
  struct LoginAttempt;

  absl::StatusOr<ValidateAnswer> Judge(const ValidateQuestion& question,
                                       Reach reach, int* checks_left);
  void NoteActivity(const Holder& holder, absl::Time seen);
  void CheckPassword(std::shared_ptr<LoginAttempt> attempt);
  void AnswerFromHash(const std::shared_ptr<LoginAttempt>& attempt,
                      const absl::Status& refusal);
  absl::Status ProveService(LoginAttempt& attempt);
  void OpenSession(std::shared_ptr<LoginAttempt> attempt);
  absl::StatusOr<std::shared_ptr<const NewSession>> PrepareSession(
      LoginAttempt& attempt, absl::Time now);
  absl::StatusOr<Grant> GrantOf(LoginAttempt& attempt, const NewSession& opened,
                                uint64_t revision, absl::Time now);
  // Writes that the session is opened, or ends it again.
  absl::Status AuditLogin(const LoginAttempt& attempt, const Session& session,
                          const SessionKey& key, absl::Time now);
  void NoteLoginFailure(const LoginAttempt& attempt, const absl::Status& why);
  absl::StatusOr<Grant> IssueAnew(const Holder& holder,
                                  absl::string_view refresh_credential,
                                  uint64_t revision, absl::Time now);
  LogoutAnswer NothingEnded() const;
  // End, with its line in the audit log.
  absl::StatusOr<LogoutAnswer> AuditedEnd(AuditKind kind, const Origin& origin,
                                          const SessionKey& key,
                                          const std::optional<Holder>& target,
                                          LogoutScope scope, absl::Time now);
  // Ends the session under `key`, whatever its state; others of its account
  // only if it is live, that is, if there is a `target`.
  absl::StatusOr<LogoutAnswer> End(const SessionKey& key,
                                   const std::optional<Holder>& target,
                                   LogoutScope scope, absl::Time now);
  absl::StatusOr<LogoutAnswer> EndOthers(const Holder& kept, absl::Time now);
  absl::StatusOr<LogoutAnswer> EndAll(const SessionProfile& target,
                                      absl::Time now);

  const AuthParts& parts_;
  const Resolver resolver_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_AUTH_AUTHORITY_H_
