#include "server/rpc/status_map.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "google/protobuf/util/time_util.h"

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/base/error.h"

namespace latchkey {
namespace {

constexpr char kErrorDomain[] = "latchkey";

grpc::StatusCode ToGrpcCode(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk:
      return grpc::StatusCode::OK;
    case absl::StatusCode::kCancelled:
      return grpc::StatusCode::CANCELLED;
    case absl::StatusCode::kInvalidArgument:
      return grpc::StatusCode::INVALID_ARGUMENT;
    case absl::StatusCode::kDeadlineExceeded:
      return grpc::StatusCode::DEADLINE_EXCEEDED;
    case absl::StatusCode::kNotFound:
      return grpc::StatusCode::NOT_FOUND;
    case absl::StatusCode::kAlreadyExists:
      return grpc::StatusCode::ALREADY_EXISTS;
    case absl::StatusCode::kPermissionDenied:
      return grpc::StatusCode::PERMISSION_DENIED;
    case absl::StatusCode::kResourceExhausted:
      return grpc::StatusCode::RESOURCE_EXHAUSTED;
    case absl::StatusCode::kFailedPrecondition:
      return grpc::StatusCode::FAILED_PRECONDITION;
    case absl::StatusCode::kAborted:
      return grpc::StatusCode::ABORTED;
    case absl::StatusCode::kOutOfRange:
      return grpc::StatusCode::OUT_OF_RANGE;
    case absl::StatusCode::kUnimplemented:
      return grpc::StatusCode::UNIMPLEMENTED;
    case absl::StatusCode::kUnavailable:
      return grpc::StatusCode::UNAVAILABLE;
    case absl::StatusCode::kDataLoss:
      return grpc::StatusCode::DATA_LOSS;
    case absl::StatusCode::kUnauthenticated:
      return grpc::StatusCode::UNAUTHENTICATED;
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kInternal:
    default:
      return grpc::StatusCode::INTERNAL;
  }
}

grpc::Status Pack(grpc::StatusCode code, absl::string_view message,
                  google::rpc::ErrorInfo info, const absl::Status& source) {
  info.set_domain(kErrorDomain);
  google::rpc::Status packed;
  packed.set_code(static_cast<int>(code));
  packed.set_message(message.data(), message.size());
  packed.add_details()->PackFrom(info);
  if (const auto delay = RetryDelayOf(source)) {
    google::rpc::RetryInfo retry;
    *retry.mutable_retry_delay() =
        google::protobuf::util::TimeUtil::MicrosecondsToDuration(
            absl::ToInt64Microseconds(*delay));
    packed.add_details()->PackFrom(retry);
  }
  const std::vector<FieldViolation> violations = FieldViolationsOf(source);
  if (!violations.empty()) {
    google::rpc::BadRequest bad;
    for (const FieldViolation& violation : violations) {
      auto* field = bad.add_field_violations();
      field->set_field(violation.field);
      field->set_description(violation.description);
    }
    packed.add_details()->PackFrom(bad);
  }
  return grpc::Status(code, std::string(message), packed.SerializeAsString());
}

grpc::Status PackInternal(const absl::Status& status, absl::string_view method,
                          absl::string_view correlation_id, Log& log) {
  log.Error("internal error", {{"method", method},
                               {"correlation_id", correlation_id},
                               {"status", status}});
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(ReasonName(Reason::kInternal)));
  (*info.mutable_metadata())["correlation_id"] = std::string(correlation_id);
  return Pack(grpc::StatusCode::INTERNAL, "internal error", std::move(info),
              absl::OkStatus());
}

}  // namespace

grpc::Status ToGrpc(const absl::Status& status, absl::string_view method,
                    absl::string_view correlation_id, Log& log) {
  if (status.ok()) return grpc::Status::OK;
  const grpc::StatusCode code = ToGrpcCode(status.code());
  const std::optional<Reason> reason = ReasonOf(status);
  if (!reason.has_value() || code == grpc::StatusCode::INTERNAL) {
    return PackInternal(status, method, correlation_id, log);
  }
  // At debug only, also what the store has failed at: it says so itself, once,
  // and calls must not fill the disk with lines about a full disk.
  log.Debug("call refused", {{"method", method},
                             {"reason", ReasonName(*reason)},
                             {"correlation_id", correlation_id}});
  // But not what the store has handed out unharmed and nobody can decode.
  if (code == grpc::StatusCode::DATA_LOSS) {
    log.Error("damaged data met", {{"method", method},
                                   {"correlation_id", correlation_id},
                                   {"status", status}});
  }
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(ReasonName(*reason)));
  return Pack(code, status.message(), std::move(info), status);
}

}  // namespace latchkey
