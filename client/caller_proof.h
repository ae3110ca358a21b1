#ifndef LATCHKEY_CLIENT_CALLER_PROOF_H_
#define LATCHKEY_CLIENT_CALLER_PROOF_H_

#include <map>
#include <variant>

#include "absl/strings/string_view.h"
#include "grpcpp/support/string_ref.h"

#include "client/guard_refusal.h"

namespace latchkey {

// CallerProof is what a call brings for its caller, not checked yet. It points
// into the call's metadata.
struct CallerProof {
  absl::string_view credential;
  absl::string_view revision;  // empty: none
};

using CallMetadata = std::multimap<grpc::string_ref, grpc::string_ref>;

// ReadCallerProof returns the one credential, `authorization: Bearer
// CREDENTIAL` (the scheme in any case, one space, token68 of RFC 9110, at most
// 8 KiB), and the revision if there is one; or why there is none. Whatever is
// there twice is refused: two readers might not take the same one.
std::variant<CallerProof, GuardRefusal> ReadCallerProof(
    const CallMetadata& metadata);

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_CALLER_PROOF_H_
