#include "client/verify/algorithm.h"

#include <cstdlib>

namespace latchkey {

absl::string_view AlgorithmName(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kEs256:
      return "ES256";
    case Algorithm::kEdDsa:
      return "EdDSA";
    case Algorithm::kRs256:
      return "RS256";
  }
  std::abort();
}

std::optional<Algorithm> AlgorithmFromName(absl::string_view name) {
  if (name == "ES256") return Algorithm::kEs256;
  if (name == "EdDSA") return Algorithm::kEdDsa;
  if (name == "RS256") return Algorithm::kRs256;
  return std::nullopt;
}

}  // namespace latchkey
