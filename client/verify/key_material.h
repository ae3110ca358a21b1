#ifndef LATCHKEY_CLIENT_VERIFY_KEY_MATERIAL_H_
#define LATCHKEY_CLIENT_VERIFY_KEY_MATERIAL_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "client/verify/evp_verifier.h"

namespace latchkey {

// Judges the numbers of a public key before anything is checked with them.
// Arguments are raw bytes, big-endian; each function returns kInvalidArgument
// with the rule that was broken, and nothing of the numbers in it. The rules
// are those of PublicKey::FromJwk.

// MakeP256Key returns the key with the point (x, y) of P-256.
absl::StatusOr<EvpKey> MakeP256Key(absl::string_view x, absl::string_view y);

// MakeRsaKey returns the key with that modulus and public exponent.
absl::StatusOr<EvpKey> MakeRsaKey(absl::string_view modulus,
                                  absl::string_view exponent);

// CheckEd25519Point judges the 32 bytes of an Ed25519 key.
absl::Status CheckEd25519Point(absl::string_view bytes);

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_VERIFY_KEY_MATERIAL_H_
