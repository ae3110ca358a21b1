#ifndef LATCHKEY_SERVER_AUTH_RESOLVER_H_
#define LATCHKEY_SERVER_AUTH_RESOLVER_H_

#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "client/verify/jwt_verifier.h"
#include "server/auth/inactive_reason.h"
#include "server/auth/parts.h"
#include "server/base/reach.h"
#include "server/session/live_session.h"
#include "server/session/session.h"

namespace latchkey {

// Holder is a live session and by what it was found.
struct Holder {
  SessionKey key;
  LiveSession session;
  // Of the JWT that was shown; absent for an opaque or refresh credential.
  std::optional<absl::Time> jwt_expire_time;
};

// Resolver finds the live session behind a credential or a public id: good by
// time, and with its account still standing behind it.
//
// Every method answers nullopt for what is not good, and a status only for
// what it cannot know. Safe from any thread.
class Resolver {
 public:
  // `parts` must outlive the resolver.
  explicit Resolver(const AuthParts& parts) : parts_(parts) {}

  // KeyBehind returns the key that the session behind a credential is stored
  // under, without asking whether it is still good: for ending it.
  absl::StatusOr<std::optional<SessionKey>> KeyBehind(absl::string_view text,
                                                      absl::Time now) const;

  // Presented is a credential as it was read: nobody was asked about it yet.
  struct Presented {
    absl::string_view text;
    std::optional<SessionKey> opaque;  // absent: a JWT, or nothing
  };
  // Read reads a credential. The text must outlive what it returns. It also
  // asks for memory that Prepare looks at, and Prepare for what ByCredential
  // does: a caller who has something else to do between them waits for less.
  Presented Read(absl::string_view text) const;
  void Prepare(const Presented& credential) const;

  // ByCredential returns the live session of an opaque credential or a JWT. If
  // `checks_left` is given, it counts down with each signature that has to be
  // checked; at zero the answer is kUnavailable without a Reason, as where a
  // disk would be needed.
  absl::StatusOr<std::optional<Holder>> ByCredential(
      const Presented& credential, absl::Time now, Reach reach,
      int* checks_left = nullptr) const;
  // ByRefreshCredential returns the live session of a refresh credential.
  absl::StatusOr<std::optional<Holder>> ByRefreshCredential(
      absl::string_view text, absl::Time now) const;
  // ById returns the live session with that public id.
  absl::StatusOr<std::optional<Holder>> ById(const SessionId& id,
                                             absl::Time now, Reach reach) const;
  // ByKey returns the live session under `key`.
  absl::StatusOr<std::optional<Holder>> ByKey(const SessionKey& key,
                                              absl::Time now,
                                              Reach reach) const;

  // WhyInactive tells why ByCredential had nothing for `text` at `now`: the
  // first that applies of expired, idle, account, ended. With Reach::kMemory,
  // kUnavailable without a Reason where the disk or a signature is needed.
  absl::StatusOr<InactiveReason> WhyInactive(absl::string_view text,
                                             absl::Time now, Reach reach) const;

 private:
  absl::StatusOr<std::optional<Holder>> ByJwt(absl::string_view text,
                                              absl::Time now, Reach reach,
                                              int* checks_left) const;
  // Judges a JWT that was not seen before; nullopt if it is not good.
  absl::StatusOr<std::optional<JwtVerdict>> JudgeJwt(
      absl::string_view text, const std::shared_ptr<const KeySet>& keys,
      absl::Time now, Reach reach) const;
  absl::StatusOr<InactiveReason> WhyJwt(absl::string_view text, absl::Time now,
                                        Reach reach) const;
  // `absent` is the answer if there is no session under `key`.
  absl::StatusOr<InactiveReason> WhySession(const SessionKey& key,
                                            InactiveReason absent,
                                            absl::Time now, Reach reach) const;
  VerifyResult Verify(absl::string_view text, const KeySet& keys,
                      bool allow_expired, absl::Time now) const;

  const AuthParts& parts_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_AUTH_RESOLVER_H_
