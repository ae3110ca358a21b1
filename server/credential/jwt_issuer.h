#ifndef LATCHKEY_SERVER_CREDENTIAL_JWT_ISSUER_H_
#define LATCHKEY_SERVER_CREDENTIAL_JWT_ISSUER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "client/base/ids.h"
#include "client/base/secret_bytes.h"
#include "server/credential/key_ring.h"

namespace latchkey {

// JwtSubject is the session that a JWT speaks of. Its texts were judged at the
// edge.
struct JwtSubject {
  AccountUid account_uid;
  std::string account;
  SessionId session_id;
  uint64_t generation = 0;
  absl::Time auth_time;
  std::vector<std::string> audiences;  // empty: default_audience
  std::vector<std::string> amr;
  std::vector<std::string> roles;
  absl::Time expire_time;       // the token ends no later than either
  absl::Time idle_expire_time;  // of these
};

struct IssuedJwt {
  SecretBytes text;
  absl::Time expire_time;  // whole seconds
  std::string jti;
};

// JwtIssuer writes access tokens (RFC 9068) signed by the ring's key.
//
//   header  typ "at+jwt", alg, kid
//   claims  iss, sub (account uid, hex), account, client_id (the account's
//           name), aud (a text if it is one, else an array), exp, iat, jti
//           (128 random bits), sid (hex), gen, auth_time, amr, roles
//
// Times are whole seconds, cut down: iat may be up to a second early, and a
// token never outlives its session.
//
// Safe from any thread; never blocks.
class JwtIssuer {
 public:
  struct Options {
    std::string issuer;
    std::string default_audience;
    // Cut to the ring's max_token_life: no token outlives its key.
    absl::Duration life = absl::Minutes(5);
  };

  // A gRPC header over 8 KB closes the whole connection, and a credential is
  // not the only one: half of it.
  static constexpr size_t kMaxJwtBytes = 4096;

  // `keys` must outlive the issuer.
  JwtIssuer(const KeyRing& keys, Options options);

  // Issue makes a token that is good from `now` to
  // min(now + life, expire_time, idle_expire_time), cut down to the second.
  //   kFailedPrecondition  over kMaxJwtBytes (kCredentialTooLarge)
  //   kUnauthenticated     the session has ended, or ends within this second,
  //                        so that the token would be dead at birth
  //                        (kRefreshRefused: a login's lives 1 s at least)
  //   kInternal            signing failed
  absl::StatusOr<IssuedJwt> Issue(const JwtSubject& subject,
                                  absl::Time now) const;

 private:
  const KeyRing& keys_;
  const Options options_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_CREDENTIAL_JWT_ISSUER_H_
