#ifndef LATCHKEY_CLIENT_VERIFY_JWT_VERIFIER_H_
#define LATCHKEY_CLIENT_VERIFY_JWT_VERIFIER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "client/base/ids.h"
#include "client/verify/algorithm.h"
#include "client/verify/key_set.h"
#include "client/verify/refusal.h"
#include "client/verify/token_limits.h"
#include "client/verify/token_type.h"

namespace latchkey {

// Expectations are what a caller demands of a token. Such as can never be met
// or would skip a check by accident refuse every token, as kExpectations: an
// empty issuer; an audience together with allow_any_audience, or neither; a
// skew outside of 0 to kMaxClockSkew; a lifetime that is not positive; more
// than kMaxTokenBytes; any type.
struct Expectations {
  TokenType type = TokenType::kAccessToken;
  // Must be equal to `iss`, byte by byte.
  std::string issuer;
  // Must be one of `aud`, byte by byte.
  std::optional<std::string> audience;
  // Accepts a token for whomever it was made. Asked for by name only.
  bool allow_any_audience = false;
  // Leaves exp and nbf out of the comparison with `now`; they must still be
  // well formed. For Logout, which may end a session by an expired token.
  bool allow_expired = false;
  // Added to the token's favour in each comparison with `now`.
  absl::Duration clock_skew = absl::ZeroDuration();
  // exp - iat at most; catches milliseconds taken for seconds, and keeps the
  // time bounded for which a revocation has to be remembered.
  absl::Duration max_lifetime = absl::Hours(24);
  size_t max_token_bytes = kMaxTokenBytes;
};

// VerifiedClaims is what a token says, after every check. Texts are valid
// UTF-8 without control characters, within the limits above.
struct VerifiedClaims {
  std::string kid;  // of the key that judged it
  std::string issuer;
  std::string subject;
  std::string jti;
  std::vector<std::string> audiences;
  absl::Time issue_time;
  absl::Time expire_time;  // as the token says, without skew
  std::optional<absl::Time> not_before;

  // Of Latchkey's own tokens; empty or absent in others.
  std::string account;
  std::string client_id;
  std::optional<SessionId> session_id;  // sid
  std::optional<uint64_t> generation;   // gen
  std::optional<absl::Time> auth_time;
  std::vector<std::string> amr;
  std::vector<std::string> roles;
};

// VerifyResult is the claims of a good token, or why it is none. A token that
// was not checked has no claims to read.
class VerifyResult {
 public:
  bool ok() const { return std::holds_alternative<VerifiedClaims>(outcome_); }

  // claims returns what the token says. Ends the process unless ok().
  const VerifiedClaims& claims() const&;
  VerifiedClaims claims() &&;

  // refusal returns the first rule broken. Ends the process if ok().
  Refusal refusal() const;

 private:
  friend VerifyResult VerifyJwt(absl::string_view token, const KeySet& keys,
                                const Expectations& expect, absl::Time now);
  explicit VerifyResult(std::variant<Refusal, VerifiedClaims> outcome);

  std::variant<Refusal, VerifiedClaims> outcome_;
};

// VerifyJwt judges an access token (RFC 9068), or what else is expected, in JWS
// compact form, in the order of Refusal, and stops at the first rule broken.
//
// The key decides: it is found by `kid`, and `alg` must be the algorithm of
// that key. A token without `kid` is judged by the only key of a set that has
// one key. `typ` is as TokenType says. Times are
// whole numbers of seconds up to the year 9999. A token is good from
// nbf - skew on and no longer at exp + skew. Members not known are ignored; a
// URL or key in the header is never looked at.
//
// Safe from any thread. Reads no clock, opens no file and no connection.
VerifyResult VerifyJwt(absl::string_view token, const KeySet& keys,
                       const Expectations& expect, absl::Time now);

// SignatureResult is what VerifySignatureOnly found.
class SignatureResult {
 public:
  bool ok() const { return key_ != nullptr; }

  // The key that judged the token; as long as its KeySet lives. End the
  // process unless ok().
  const std::string& kid() const;
  Algorithm algorithm() const;

  // refusal returns the first rule broken. Ends the process if ok().
  Refusal refusal() const;

 private:
  friend SignatureResult VerifySignatureOnly(absl::string_view token,
                                             const KeySet& keys,
                                             size_t max_token_bytes);
  SignatureResult(const PublicKey* key, Refusal refusal)
      : key_(key), refusal_(refusal) {}

  const PublicKey* key_;
  Refusal refusal_;
};

// VerifySignatureOnly applies the rules of VerifyJwt except `typ` and all that
// concerns the payload, which may be any bytes, also none. It tells who signed
// and nothing else: no one is logged in by it.
SignatureResult VerifySignatureOnly(absl::string_view token, const KeySet& keys,
                                    size_t max_token_bytes = kMaxTokenBytes);

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_VERIFY_JWT_VERIFIER_H_
