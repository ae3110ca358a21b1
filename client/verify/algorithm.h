#ifndef LATCHKEY_CLIENT_VERIFY_ALGORITHM_H_
#define LATCHKEY_CLIENT_VERIFY_ALGORITHM_H_

#include <optional>

#include "absl/strings/string_view.h"

namespace latchkey {

// Algorithm is a signature algorithm that we verify. A key has exactly one.
enum class Algorithm {
  kEs256,  // ECDSA over P-256 with SHA-256 (RFC 7518 3.4)
  kEdDsa,  // Ed25519 (RFC 8037)
  kRs256,  // RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 3.3); not issued by us
};

// AlgorithmName returns the JOSE name: "ES256", "EdDSA" or "RS256".
absl::string_view AlgorithmName(Algorithm algorithm);

// AlgorithmFromName returns the algorithm of exactly that JOSE name; nullopt
// for any other, "none", "HS256" and another case among them.
std::optional<Algorithm> AlgorithmFromName(absl::string_view name);

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_VERIFY_ALGORITHM_H_
