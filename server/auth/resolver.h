#ifndef LATCHKEY_SERVER_AUTH_RESOLVER_H_
#define LATCHKEY_SERVER_AUTH_RESOLVER_H_

#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "server/auth/parts.h"
#include "server/base/reach.h"
#include "server/session/session.h"
#include "server/session/session_store.h"

namespace latchkey {

// Accepts says which credentials a verb takes.
struct Accepts {
  bool credential = true;    // opaque credentials and JWTs
  bool refresh = false;      // refresh credentials
  bool expired_jwt = false;  // JWTs whose exp has passed (Logout)
};

// Holder is a live session and by what it was found.
struct Holder {
  StoredSession stored;
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

  absl::StatusOr<std::optional<Holder>> ByCredential(absl::string_view text,
                                                     Accepts accepts,
                                                     absl::Time now,
                                                     Reach reach) const;
  absl::StatusOr<std::optional<Holder>> ById(const SessionId& id,
                                             absl::Time now, Reach reach) const;

 private:
  absl::StatusOr<std::optional<Holder>> ByJwt(absl::string_view text,
                                              bool allow_expired,
                                              absl::Time now,
                                              Reach reach) const;
  absl::StatusOr<std::optional<Holder>> ByKey(const SessionKey& key,
                                              CredentialForm form,
                                              absl::Time now,
                                              Reach reach) const;
  // Whether the session under `key` is live and its account holds.
  absl::StatusOr<std::optional<Holder>> Live(const SessionKey& key,
                                             absl::Time now, Reach reach) const;

  const AuthParts& parts_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_AUTH_RESOLVER_H_
