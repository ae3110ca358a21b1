#ifndef LATCHKEY_CLIENT_VERIFY_CLAIMS_H_
#define LATCHKEY_CLIENT_VERIFY_CLAIMS_H_

#include <optional>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "client/verify/jwt_verifier.h"
#include "client/verify/refusal.h"

namespace latchkey {

// ReadClaims reads the payload of a token whose signature is right into
// `claims` (all but kid) and applies the rules from kJson on, in their order.
// It returns the first rule broken; `claims` is then of no use.
// REQUIRES: `expect` can be met, see Expectations.
std::optional<Refusal> ReadClaims(absl::string_view payload,
                                  const Expectations& expect, absl::Time now,
                                  VerifiedClaims* claims);

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_VERIFY_CLAIMS_H_
