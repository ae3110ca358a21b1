#ifndef LATCHKEY_CLIENT_GUARD_REFUSAL_H_
#define LATCHKEY_CLIENT_GUARD_REFUSAL_H_

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "grpcpp/support/status.h"

namespace latchkey {

// GuardRefusal is why a ServerGuard let a call have no answer.
enum class GuardRefusal {
  // UNAUTHENTICATED, reason CALLER_REFUSED:
  kNoCredential,         // no metadata `authorization`
  kMalformedCredential,  // not one `Bearer CREDENTIAL`
  kCredentialRefused,    // unknown, expired, taken back, or for someone else
  // INVALID_ARGUMENT or FAILED_PRECONDITION, reason REVISION_REFUSED:
  kMalformedRevision,  // metadata `latchkey-revision` is no revision
  kForeignRevision,    // it is of other data than the validator's
  // PERMISSION_DENIED, reason NOT_PERMITTED:
  kNoRule,       // nobody said who may call this method
  kMissingRole,  // the caller has not all roles of the method's rule
  kNotAsked,     // the handler answered without asking the guard
  // UNAVAILABLE, reason VALIDATOR_UNAVAILABLE:
  kUnavailable,  // it could not be found out in time
};
inline constexpr size_t kGuardRefusals = 9;

// GuardRefusalName returns the enumerator's name in lower case with
// underscores, for a log or a label: "missing_role".
absl::string_view GuardRefusalName(GuardRefusal refusal);

// StatusOf returns what the caller is told: general words, the code and, as a
// google.rpc.ErrorInfo of domain "latchkey", the reason.
[[nodiscard]] grpc::Status StatusOf(GuardRefusal refusal);

// RefusalFor returns what it means that a Validator's Check failed with
// `error`.
GuardRefusal RefusalFor(const absl::Status& error);

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_GUARD_REFUSAL_H_
