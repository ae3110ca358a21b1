#ifndef LATCHKEY_CLIENT_VERIFY_REFUSAL_H_
#define LATCHKEY_CLIENT_VERIFY_REFUSAL_H_

#include "absl/strings/string_view.h"

namespace latchkey {

// Refusal is the rule that a token broke first. Counted and logged; the order
// here is the order of the checks. Nothing of a token is ever part of it.
enum class Refusal {
  kExpectations,  // the caller's own: no token can be accepted
  kSize,          // larger than max_token_bytes
  kStructure,     // not three parts, none empty, with dots between
  kEncoding,      // a part is not base64url in its one spelling
  kJson,          // header or claims are not one strict JSON object
  kDuplicate,     // header or claims have a member name twice
  kAlg,           // alg is missing or none that we verify
  kCrit,          // crit is present: no extension is understood
  kTyp,           // typ is not that of the expected type
  kKid,           // kid names no key of the set
  kKey,           // alg is not the algorithm of the key
  kSignature,     // wrong signature
  kIss,           // not the expected issuer
  kSub,           // missing or malformed
  kAud,           // missing, malformed or without the expected audience
  kExp,           // missing, malformed, past, or too far after iat
  kNbf,           // malformed or in the future
  kIat,           // missing, malformed, in the future or after exp
  kJti,           // missing or malformed
  // Claims of Latchkey's own tokens: may be absent, must not be malformed.
  kAccount,
  kClientId,
  kSid,
  kGen,
  kAuthTime,
  kAmr,
  kRoles,
};

// RefusalName returns the public lower-case name: "size", "client_id".
absl::string_view RefusalName(Refusal refusal);

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_VERIFY_REFUSAL_H_
