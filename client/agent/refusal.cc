#include "client/agent/refusal.h"

#include <optional>

#include "absl/time/time.h"
#include "google/protobuf/message_lite.h"

#include "client/error_details.h"
#include "client/wire_time.h"
#include "latchkey/internal/v1/error_details.pb.h"

namespace latchkey {
namespace {

// As the server's own.
constexpr absl::Duration kBusyRetryDelay = absl::Milliseconds(500);

// A google.rpc.Status as it grows. Ours are copies under another name; on the
// wire they are google.rpc's.
class Packed {
 public:
  Packed(grpc::StatusCode code, absl::string_view message,
         absl::string_view reason)
      : code_(code) {
    status_.set_code(static_cast<int>(code));
    status_.set_message(std::string(message));
    internal::v1::ErrorInfo info;
    info.set_domain("latchkey");
    info.set_reason(std::string(reason));
    Add("ErrorInfo", info);
  }

  void Add(absl::string_view name,
           const google::protobuf::MessageLite& message) {
    auto* const detail = status_.add_details();
    detail->set_type_url("type.googleapis.com/google.rpc." + std::string(name));
    detail->set_value(message.SerializeAsString());
  }

  void AddRetry(absl::Duration delay) {
    internal::v1::RetryInfo retry;
    WriteDuration(delay, retry.mutable_retry_delay());
    Add("RetryInfo", retry);
  }

  grpc::Status ToGrpc() const {
    return grpc::Status(code_, status_.message(), status_.SerializeAsString());
  }

 private:
  const grpc::StatusCode code_;
  internal::v1::ErrorStatus status_;
};

grpc::Status Unavailable() {
  return Packed(grpc::StatusCode::UNAVAILABLE,
                "the credential cannot be checked now", "VALIDATOR_UNAVAILABLE")
      .ToGrpc();
}

}  // namespace

grpc::Status RefuseFields(const std::vector<BadField>& bad) {
  Packed packed(grpc::StatusCode::INVALID_ARGUMENT, "invalid request",
                "INVALID_FIELD");
  internal::v1::BadRequest request;
  for (const BadField& one : bad) {
    auto* const violation = request.add_field_violations();
    violation->set_field(one.field);
    violation->set_description(one.description);
  }
  packed.Add("BadRequest", request);
  return packed.ToGrpc();
}

grpc::Status RefuseMethod() {
  return Packed(grpc::StatusCode::UNIMPLEMENTED,
                "an agent only validates: ask the server", "ASK_SERVER")
      .ToGrpc();
}

grpc::Status RefuseForLoad() {
  Packed packed(grpc::StatusCode::UNAVAILABLE, "too many calls are waiting",
                "OVERLOADED");
  packed.AddRetry(kBusyRetryDelay);
  return packed.ToGrpc();
}

bool IsOfTheAgent(const absl::Status& error) {
  switch (error.code()) {
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnimplemented:
      return true;
    default:
      return false;
  }
}

grpc::Status RefuseAs(const absl::Status& error) {
  const ErrorDetails details = ErrorDetailsOf(error);
  if (details.reason.empty() || IsOfTheAgent(error)) {
    if (error.code() == absl::StatusCode::kDeadlineExceeded) {
      return Packed(grpc::StatusCode::DEADLINE_EXCEEDED,
                    "the server has not answered in time",
                    "VALIDATOR_UNAVAILABLE")
          .ToGrpc();
    }
    return Unavailable();
  }
  // The two number the codes alike.
  Packed packed(static_cast<grpc::StatusCode>(error.code()), error.message(),
                details.reason);
  if (details.retry_delay.has_value()) packed.AddRetry(*details.retry_delay);
  return packed.ToGrpc();
}

}  // namespace latchkey
