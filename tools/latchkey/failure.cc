#include "tools/latchkey/failure.h"

#include "absl/strings/str_cat.h"
#include "google/protobuf/any.pb.h"
#include "nlohmann/json.hpp"

#include "latchkey/internal/v1/error_details.pb.h"
#include "tools/latchkey/plain_text.h"

namespace latchkey {
namespace {

namespace details = ::latchkey::internal::v1;

const char* CodeName(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::OK:
      return "OK";
    case grpc::StatusCode::CANCELLED:
      return "CANCELLED";
    case grpc::StatusCode::INVALID_ARGUMENT:
      return "INVALID_ARGUMENT";
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return "DEADLINE_EXCEEDED";
    case grpc::StatusCode::NOT_FOUND:
      return "NOT_FOUND";
    case grpc::StatusCode::ALREADY_EXISTS:
      return "ALREADY_EXISTS";
    case grpc::StatusCode::PERMISSION_DENIED:
      return "PERMISSION_DENIED";
    case grpc::StatusCode::UNAUTHENTICATED:
      return "UNAUTHENTICATED";
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return "RESOURCE_EXHAUSTED";
    case grpc::StatusCode::FAILED_PRECONDITION:
      return "FAILED_PRECONDITION";
    case grpc::StatusCode::ABORTED:
      return "ABORTED";
    case grpc::StatusCode::OUT_OF_RANGE:
      return "OUT_OF_RANGE";
    case grpc::StatusCode::UNIMPLEMENTED:
      return "UNIMPLEMENTED";
    case grpc::StatusCode::INTERNAL:
      return "INTERNAL";
    case grpc::StatusCode::UNAVAILABLE:
      return "UNAVAILABLE";
    case grpc::StatusCode::DATA_LOSS:
      return "DATA_LOSS";
    default:
      return "UNKNOWN";
  }
}

ExitCode ExitCodeOf(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::NOT_FOUND:
    case grpc::StatusCode::ALREADY_EXISTS:
    case grpc::StatusCode::PERMISSION_DENIED:
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
    case grpc::StatusCode::FAILED_PRECONDITION:
    case grpc::StatusCode::ABORTED:
      return ExitCode::kNo;
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::OUT_OF_RANGE:
      return ExitCode::kUsage;
    default:
      // Not knowing is not a no: a script must be able to tell them apart.
      return ExitCode::kNoAnswer;
  }
}

// Reads `any` if its type's last part is `type`. The full name is google.rpc's
// on the wire and ours here, so Any's own check does not serve.
template <typename Message>
bool Unpack(const google::protobuf::Any& any, const char* type,
            Message* message) {
  return any.type_url() == absl::StrCat("type.googleapis.com/", type) &&
         message->ParseFromString(any.value());
}

void ReadDetail(const google::protobuf::Any& any, Failure* failure) {
  details::ErrorInfo info;
  details::RetryInfo retry;
  details::BadRequest bad;
  if (Unpack(any, "google.rpc.ErrorInfo", &info)) {
    failure->reason = info.reason();
    const auto id = info.metadata().find("correlation_id");
    if (id != info.metadata().end()) failure->correlation_id = id->second;
  } else if (Unpack(any, "google.rpc.RetryInfo", &retry)) {
    failure->retry_delay = absl::Seconds(retry.retry_delay().seconds()) +
                           absl::Nanoseconds(retry.retry_delay().nanos());
  } else if (Unpack(any, "google.rpc.BadRequest", &bad)) {
    for (const auto& violation : bad.field_violations()) {
      failure->fields.emplace_back(violation.field(), violation.description());
    }
  }
}

}  // namespace

Failure ReadFailure(const grpc::Status& status) {
  Failure failure;
  failure.code = CodeName(status.error_code());
  failure.message = status.error_message();
  failure.exit_code = ExitCodeOf(status.error_code());
  details::ErrorStatus error;
  if (error.ParseFromString(status.error_details())) {
    for (const auto& any : error.details()) ReadDetail(any, &failure);
  }
  return failure;
}

std::string FailureText(const Failure& failure) {
  std::string text = absl::StrCat("latchkey: ", failure.code);
  if (!failure.reason.empty()) {
    absl::StrAppend(&text, " ", PlainText(failure.reason));
  }
  absl::StrAppend(&text, ": ", PlainText(failure.message), "\n");
  for (const auto& [field, description] : failure.fields) {
    absl::StrAppend(&text, "  ", PlainText(field), ": ", PlainText(description),
                    "\n");
  }
  if (failure.retry_delay.has_value()) {
    absl::StrAppend(&text, "  try again in ",
                    absl::ToDoubleSeconds(*failure.retry_delay), " s\n");
  }
  if (!failure.correlation_id.empty()) {
    absl::StrAppend(&text, "  correlation id ",
                    PlainText(failure.correlation_id), "\n");
  }
  return text;
}

std::string FailureJson(const Failure& failure) {
  nlohmann::ordered_json error = {{"code", failure.code},
                                  {"reason", failure.reason},
                                  {"message", failure.message}};
  for (const auto& [field, description] : failure.fields) {
    error["field_violations"].push_back(
        {{"field", field}, {"description", description}});
  }
  if (failure.retry_delay.has_value()) {
    error["retry_delay_seconds"] = absl::ToDoubleSeconds(*failure.retry_delay);
  }
  if (!failure.correlation_id.empty()) {
    error["correlation_id"] = failure.correlation_id;
  }
  // ASCII only: what would act on a terminal is spelled as an escape.
  return nlohmann::ordered_json{{"error", error}}.dump(
      -1, ' ', true, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace latchkey
