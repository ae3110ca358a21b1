#ifndef LATCHKEY_SERVER_BASE_ERROR_H_
#define LATCHKEY_SERVER_BASE_ERROR_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace latchkey {

// Reason is the machine-readable cause of an error, as it goes out in
// google.rpc.ErrorInfo.reason under the domain "latchkey". Names are public:
// never rename one. The comment gives the canonical code it comes with.
enum class Reason {
  kInternal,            // INTERNAL
  kInvalidField,        // INVALID_ARGUMENT, with field violations
  kLoginRefused,        // UNAUTHENTICATED: unknown, wrong or disabled
  kLoginThrottled,      // RESOURCE_EXHAUSTED, with a retry delay
  kRefreshRefused,      // UNAUTHENTICATED: not a live refresh credential
  kNotPermitted,        // PERMISSION_DENIED: not this caller
  kCallerRefused,       // UNAUTHENTICATED: what `authorization` holds
  kHashQueueFull,       // RESOURCE_EXHAUSTED, with a retry delay
  kOverloaded,          // UNAVAILABLE, with a retry delay
  kStoreFailed,         // UNAVAILABLE: the store stopped after a failed write
  kAuditUnavailable,    // UNAVAILABLE, with a retry delay: no audit, no answer
  kShuttingDown,        // UNAVAILABLE
  kCancelled,           // CANCELLED
  kCredentialTooLarge,  // FAILED_PRECONDITION: a JWT over 4,096 bytes
  kAccountExists,       // ALREADY_EXISTS
  kAccountNotFound,     // NOT_FOUND
  kSessionNotFound,     // NOT_FOUND
  kAccountChanged,      // ABORTED: changed meanwhile; read again and retry
  kCorruptRecord,       // DATA_LOSS
  kKeyNotFound,         // NOT_FOUND: no such key, or gone
  kRotationTooSoon,     // FAILED_PRECONDITION: a next key is waiting already
  kMasterKeyWrong,      // FAILED_PRECONDITION (start only)
  kSecretNotFound,      // NOT_FOUND
  kTooManySecrets,      // FAILED_PRECONDITION: remove one first
  kRevisionEpoch,       // FAILED_PRECONDITION: of another life of the data
  kRevisionAhead,       // FAILED_PRECONDITION: this server has not made it
  kWrongAccountKind,    // FAILED_PRECONDITION: not for a person, or a service
  kTooManyVerifiers,    // RESOURCE_EXHAUSTED, with a retry delay
  kVerifierSilent,      // DEADLINE_EXCEEDED: no heartbeat for too long
};

// ReasonName returns the public spelling, e.g. "HASH_QUEUE_FULL".
absl::string_view ReasonName(Reason reason);

// MakeError returns a status that carries `reason`. `message` may go outside:
// general words, no secret, nothing of the request.
absl::Status MakeError(absl::StatusCode code, Reason reason,
                       absl::string_view message);

// FieldViolation says what is wrong with one field of a request.
struct FieldViolation {
  std::string field;        // path as in the .proto: "client.user_agent"
  std::string description;  // the rule, not the value
};

// InvalidFields returns INVALID_ARGUMENT with the violations, at least one.
absl::Status InvalidFields(std::vector<FieldViolation> violations);
absl::Status InvalidField(absl::string_view field,
                          absl::string_view description);

// LoginRefused returns UNAUTHENTICATED: the one answer for unknown account,
// wrong proof, disabled account and account that changed meanwhile.
absl::Status LoginRefused();

// Overloaded returns UNAVAILABLE with a retry delay: too many calls wait.
absl::Status Overloaded();

// Abandoned returns CANCELLED: nobody waits for the answer any more.
absl::Status Abandoned();

// WantsDisk tells whether a look-up with Reach::kMemory said that memory does
// not have the answer: kUnavailable without a Reason. (With one, the store has
// failed or closed, which no reader could mend.)
bool WantsDisk(const absl::Status& status);

// WithRetryDelay adds a hint how long to wait before the next try.
absl::Status WithRetryDelay(absl::Status status, absl::Duration delay);

// What a status carries; nullopt or empty if it was not made here.
std::optional<Reason> ReasonOf(const absl::Status& status);
std::optional<absl::Duration> RetryDelayOf(const absl::Status& status);
std::vector<FieldViolation> FieldViolationsOf(const absl::Status& status);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_BASE_ERROR_H_
