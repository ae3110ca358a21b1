#ifndef LATCHKEY_CLIENT_VERIFY_PUBLIC_KEY_H_
#define LATCHKEY_CLIENT_VERIFY_PUBLIC_KEY_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "client/verify/algorithm.h"
#include "client/verify/json.h"

namespace latchkey {

// A key id is looked up for every token and stands in logs: thumbprints have
// 43 bytes, URLs and UUIDs of other issuers fit as well.
inline constexpr size_t kMaxKidBytes = 256;

// The text of one JWK. An RSA key of 4,096 bits takes 700 bytes; the rest is
// for certificate chains (x5c), which are read over and never used.
inline constexpr size_t kMaxJwkBytes = 16 * 1024;

// RFC 7518 section 3.3 asks for 2,048 bits or more; above 4,096 the cost of a
// check, which anybody can ask for, grows without a gain.
inline constexpr size_t kMinRsaBits = 2048;
inline constexpr size_t kMaxRsaBits = 4096;

// PublicKey is the public half of a signing key: it checks signatures by the
// one algorithm it is for, whatever a token says.
//
// Immutable; a copy is cheap and shares the key. Safe from any thread.
class PublicKey {
 public:
  // FromJwk reads a JWK (RFC 7517): EC on P-256 (ES256), OKP on Ed25519
  // (EdDSA) or RSA (RS256). `kid` is required, 1 to kMaxKidBytes bytes without
  // control characters. `alg`, `use` and `key_ops` may be absent and must
  // agree otherwise. Members not known are ignored; no URL is ever fetched.
  // Refused: any other type or curve; base64url in another spelling than the
  // one; a point off the curve, of small order or in a non-canonical encoding
  // (OpenSSL 3.0 accepts forged signatures under such Ed25519 keys); an RSA
  // modulus that is even, has leading zeros or not kMinRsaBits to kMaxRsaBits;
  // an RSA exponent that is even or not between 2^16 and 2^32.
  //   kInvalidArgument     not such a key; the message says which rule
  //   kFailedPrecondition  a secret key, or one with a private member: it is
  //                        published now, so raise an alarm
  // No message holds anything of the key's text.
  static absl::StatusOr<PublicKey> FromJwk(absl::string_view json);
  static absl::StatusOr<PublicKey> FromJwk(const JsonValue& jwk);

  // FromEs256Point makes an ES256 key of the point's two coordinates, 32
  // bytes each, big-endian. Its kid is its thumbprint.
  //   kInvalidArgument  not a point of P-256
  static absl::StatusOr<PublicKey> FromEs256Point(absl::string_view x,
                                                  absl::string_view y);

  // FromEd25519 makes an EdDSA key of its 32 bytes. Its kid is its thumbprint.
  //   kInvalidArgument  as for FromJwk
  static absl::StatusOr<PublicKey> FromEd25519(absl::string_view bytes);

  const std::string& kid() const;
  Algorithm algorithm() const;

  // Verify tells whether `signature`, as a JWS carries it (ES256: r and s, 32
  // bytes each; EdDSA: 64 bytes; RS256: as long as the modulus), is right over
  // `input`. Any other length is wrong.
  bool Verify(absl::string_view input, absl::string_view signature) const;

  // Thumbprint returns the RFC 7638 thumbprint (SHA-256) in base64url: 43
  // characters that depend on the key alone, not on kid, alg or use.
  std::string Thumbprint() const;

  // ToJwk returns the key as one JSON object without white space: kty, then
  // crv, x, y or n, e, then kid, alg, "use":"sig".
  std::string ToJwk() const;

 private:
  struct State;
  struct Parameters;
  explicit PublicKey(std::shared_ptr<const State> state);
  static absl::StatusOr<PublicKey> Make(Parameters parameters, std::string kid);

  std::shared_ptr<const State> state_;
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_VERIFY_PUBLIC_KEY_H_
