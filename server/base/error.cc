#include "server/base/error.h"

#include <cstdint>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace latchkey {
namespace {

constexpr char kReasonPayload[] = "latchkey/reason";
constexpr char kRetryPayload[] = "latchkey/retry_delay_us";
constexpr char kFieldsPayload[] = "latchkey/fields";
// How soon a client may try again when the workers are busy: a few syncs.
constexpr absl::Duration kBusyRetryDelay = absl::Milliseconds(100);
// Separate a violation's two parts, and violations: neither stands in a field
// path, and descriptions are our own words.
constexpr char kPartSeparator = '\x1f';
constexpr char kItemSeparator = '\x1e';

std::optional<std::string> Payload(const absl::Status& status,
                                   const char* name) {
  const auto cord = status.GetPayload(name);
  if (!cord.has_value()) return std::nullopt;
  return std::string(*cord);
}

}  // namespace

absl::string_view ReasonName(Reason reason) {
  switch (reason) {
    case Reason::kInternal:
      return "INTERNAL";
    case Reason::kInvalidField:
      return "INVALID_FIELD";
    case Reason::kLoginRefused:
      return "LOGIN_REFUSED";
    case Reason::kLoginThrottled:
      return "LOGIN_THROTTLED";
    case Reason::kRefreshRefused:
      return "REFRESH_REFUSED";
    case Reason::kNotPermitted:
      return "NOT_PERMITTED";
    case Reason::kCallerRefused:
      return "CALLER_REFUSED";
    case Reason::kHashQueueFull:
      return "HASH_QUEUE_FULL";
    case Reason::kOverloaded:
      return "OVERLOADED";
    case Reason::kStoreFailed:
      return "STORE_FAILED";
    case Reason::kAuditUnavailable:
      return "AUDIT_UNAVAILABLE";
    case Reason::kShuttingDown:
      return "SHUTTING_DOWN";
    case Reason::kCancelled:
      return "CANCELLED";
    case Reason::kCredentialTooLarge:
      return "CREDENTIAL_TOO_LARGE";
    case Reason::kAccountExists:
      return "ACCOUNT_EXISTS";
    case Reason::kAccountNotFound:
      return "ACCOUNT_NOT_FOUND";
    case Reason::kSessionNotFound:
      return "SESSION_NOT_FOUND";
    case Reason::kAccountChanged:
      return "ACCOUNT_CHANGED";
    case Reason::kCorruptRecord:
      return "CORRUPT_RECORD";
    case Reason::kKeyNotFound:
      return "KEY_NOT_FOUND";
    case Reason::kRotationTooSoon:
      return "ROTATION_TOO_SOON";
    case Reason::kMasterKeyWrong:
      return "MASTER_KEY_WRONG";
    case Reason::kSecretNotFound:
      return "SECRET_NOT_FOUND";
    case Reason::kTooManySecrets:
      return "TOO_MANY_SECRETS";
    case Reason::kRevisionEpoch:
      return "REVISION_EPOCH";
    case Reason::kRevisionAhead:
      return "REVISION_AHEAD";
    case Reason::kWrongAccountKind:
      return "WRONG_ACCOUNT_KIND";
    case Reason::kTooManyVerifiers:
      return "TOO_MANY_VERIFIERS";
    case Reason::kVerifierSilent:
      return "VERIFIER_SILENT";
  }
  return "INTERNAL";
}

absl::Status MakeError(absl::StatusCode code, Reason reason,
                       absl::string_view message) {
  absl::Status status(code, message);
  status.SetPayload(kReasonPayload,
                    absl::Cord(absl::StrCat(static_cast<int>(reason))));
  return status;
}

absl::Status InvalidFields(std::vector<FieldViolation> violations) {
  absl::Status status = MakeError(absl::StatusCode::kInvalidArgument,
                                  Reason::kInvalidField, "invalid request");
  std::string packed;
  for (const FieldViolation& violation : violations) {
    if (!packed.empty()) packed += kItemSeparator;
    packed += violation.field;
    packed += kPartSeparator;
    packed += violation.description;
  }
  status.SetPayload(kFieldsPayload, absl::Cord(packed));
  return status;
}

absl::Status InvalidField(absl::string_view field,
                          absl::string_view description) {
  return InvalidFields({{std::string(field), std::string(description)}});
}

absl::Status LoginRefused() {
  return MakeError(absl::StatusCode::kUnauthenticated, Reason::kLoginRefused,
                   "login refused");
}

absl::Status Overloaded() {
  return WithRetryDelay(
      MakeError(absl::StatusCode::kUnavailable, Reason::kOverloaded,
                "too many calls are waiting"),
      kBusyRetryDelay);
}

absl::Status Abandoned() {
  return MakeError(absl::StatusCode::kCancelled, Reason::kCancelled,
                   "the call was cancelled or its deadline has passed");
}

bool WantsDisk(const absl::Status& status) {
  return absl::IsUnavailable(status) && !ReasonOf(status).has_value();
}

absl::Status WithRetryDelay(absl::Status status, absl::Duration delay) {
  status.SetPayload(kRetryPayload,
                    absl::Cord(absl::StrCat(absl::ToInt64Microseconds(delay))));
  return status;
}

std::optional<Reason> ReasonOf(const absl::Status& status) {
  const auto payload = Payload(status, kReasonPayload);
  int value;
  if (!payload.has_value() || !absl::SimpleAtoi(*payload, &value)) {
    return std::nullopt;
  }
  return static_cast<Reason>(value);
}

std::optional<absl::Duration> RetryDelayOf(const absl::Status& status) {
  const auto payload = Payload(status, kRetryPayload);
  int64_t micros;
  if (!payload.has_value() || !absl::SimpleAtoi(*payload, &micros)) {
    return std::nullopt;
  }
  return absl::Microseconds(micros);
}

std::vector<FieldViolation> FieldViolationsOf(const absl::Status& status) {
  std::vector<FieldViolation> violations;
  const auto payload = Payload(status, kFieldsPayload);
  if (!payload.has_value()) return violations;
  for (absl::string_view item : absl::StrSplit(*payload, kItemSeparator)) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(item, absl::MaxSplits(kPartSeparator, 1));
    violations.push_back({std::string(parts.first), std::string(parts.second)});
  }
  return violations;
}

}  // namespace latchkey
