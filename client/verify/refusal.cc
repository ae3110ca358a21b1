#include "client/verify/refusal.h"

#include <cstdlib>

namespace latchkey {

absl::string_view RefusalName(Refusal refusal) {
  switch (refusal) {
    case Refusal::kExpectations:
      return "expectations";
    case Refusal::kSize:
      return "size";
    case Refusal::kStructure:
      return "structure";
    case Refusal::kEncoding:
      return "encoding";
    case Refusal::kJson:
      return "json";
    case Refusal::kDuplicate:
      return "duplicate";
    case Refusal::kAlg:
      return "alg";
    case Refusal::kCrit:
      return "crit";
    case Refusal::kTyp:
      return "typ";
    case Refusal::kKid:
      return "kid";
    case Refusal::kKey:
      return "key";
    case Refusal::kSignature:
      return "signature";
    case Refusal::kIss:
      return "iss";
    case Refusal::kSub:
      return "sub";
    case Refusal::kAud:
      return "aud";
    case Refusal::kExp:
      return "exp";
    case Refusal::kNbf:
      return "nbf";
    case Refusal::kIat:
      return "iat";
    case Refusal::kJti:
      return "jti";
    case Refusal::kAccount:
      return "account";
    case Refusal::kClientId:
      return "client_id";
    case Refusal::kSid:
      return "sid";
    case Refusal::kGen:
      return "gen";
    case Refusal::kAuthTime:
      return "auth_time";
    case Refusal::kAmr:
      return "amr";
    case Refusal::kRoles:
      return "roles";
  }
  std::abort();
}

}  // namespace latchkey
