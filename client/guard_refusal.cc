#include "client/guard_refusal.h"

#include <string>

#include "latchkey/internal/v1/error_details.pb.h"

namespace latchkey {
namespace {

grpc::Status Make(grpc::StatusCode code, absl::string_view message,
                  absl::string_view reason) {
  internal::v1::ErrorInfo info;
  info.set_domain("latchkey");
  info.set_reason(std::string(reason));
  internal::v1::ErrorStatus packed;
  packed.set_code(static_cast<int>(code));
  packed.set_message(std::string(message));
  auto* detail = packed.add_details();
  // Ours is a copy under another name; on the wire it is google.rpc's.
  detail->set_type_url("type.googleapis.com/google.rpc.ErrorInfo");
  detail->set_value(info.SerializeAsString());
  return grpc::Status(code, std::string(message), packed.SerializeAsString());
}

}  // namespace

absl::string_view GuardRefusalName(GuardRefusal refusal) {
  switch (refusal) {
    case GuardRefusal::kNoCredential:
      return "no_credential";
    case GuardRefusal::kMalformedCredential:
      return "malformed_credential";
    case GuardRefusal::kCredentialRefused:
      return "credential_refused";
    case GuardRefusal::kMalformedRevision:
      return "malformed_revision";
    case GuardRefusal::kForeignRevision:
      return "foreign_revision";
    case GuardRefusal::kNoRule:
      return "no_rule";
    case GuardRefusal::kMissingRole:
      return "missing_role";
    case GuardRefusal::kNotAsked:
      return "not_asked";
    case GuardRefusal::kUnavailable:
      break;
  }
  return "unavailable";
}

grpc::Status StatusOf(GuardRefusal refusal) {
  switch (refusal) {
    case GuardRefusal::kNoCredential:
    case GuardRefusal::kMalformedCredential:
    case GuardRefusal::kCredentialRefused:
      return Make(grpc::StatusCode::UNAUTHENTICATED,
                  "the caller's credential is missing or not good",
                  "CALLER_REFUSED");
    case GuardRefusal::kMalformedRevision:
      return Make(grpc::StatusCode::INVALID_ARGUMENT,
                  "metadata latchkey-revision is no revision",
                  "REVISION_REFUSED");
    case GuardRefusal::kForeignRevision:
      return Make(grpc::StatusCode::FAILED_PRECONDITION,
                  "metadata latchkey-revision is of other data",
                  "REVISION_REFUSED");
    case GuardRefusal::kNoRule:
    case GuardRefusal::kMissingRole:
    case GuardRefusal::kNotAsked:
      return Make(grpc::StatusCode::PERMISSION_DENIED,
                  "not permitted to this caller", "NOT_PERMITTED");
    case GuardRefusal::kUnavailable:
      break;
  }
  return Make(grpc::StatusCode::UNAVAILABLE,
              "the caller's credential cannot be checked now",
              "VALIDATOR_UNAVAILABLE");
}

GuardRefusal RefusalFor(const absl::Status& error) {
  switch (error.code()) {
    case absl::StatusCode::kInvalidArgument:
      return GuardRefusal::kMalformedRevision;
    case absl::StatusCode::kFailedPrecondition:
      return GuardRefusal::kForeignRevision;
    default:
      return GuardRefusal::kUnavailable;
  }
}

}  // namespace latchkey
