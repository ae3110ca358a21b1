#include "client/error_details.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/any.pb.h"

#include "latchkey/internal/v1/error_details.pb.h"

namespace latchkey {
namespace {

namespace details = ::latchkey::internal::v1;

// Under which a status carries what the server sent, as it came.
constexpr char kPayload[] = "latchkey.dev/error-details";

// Reads `any` if its type is `type`. The full name is google.rpc's on the wire
// and ours here, so Any's own check does not serve.
template <typename Message>
bool Unpack(const google::protobuf::Any& any, const char* type,
            Message* message) {
  return any.type_url() == absl::StrCat("type.googleapis.com/", type) &&
         message->ParseFromString(any.value());
}

}  // namespace

absl::Status ToAbsl(const grpc::Status& status) {
  // Both number the canonical codes alike.
  absl::Status result(static_cast<absl::StatusCode>(status.error_code()),
                      status.error_message());
  if (!status.ok() && !status.error_details().empty()) {
    result.SetPayload(kPayload, absl::Cord(status.error_details()));
  }
  return result;
}

ErrorDetails ErrorDetailsOf(const absl::Status& status) {
  ErrorDetails result;
  const auto payload = status.GetPayload(kPayload);
  details::ErrorStatus error;
  if (!payload.has_value() || !error.ParseFromString(std::string(*payload))) {
    return result;
  }
  for (const auto& any : error.details()) {
    details::ErrorInfo info;
    details::RetryInfo retry;
    if (Unpack(any, "google.rpc.ErrorInfo", &info)) {
      result.reason = info.reason();
    } else if (Unpack(any, "google.rpc.RetryInfo", &retry)) {
      result.retry_delay = absl::Seconds(retry.retry_delay().seconds()) +
                           absl::Nanoseconds(retry.retry_delay().nanos());
    }
  }
  return result;
}

}  // namespace latchkey
