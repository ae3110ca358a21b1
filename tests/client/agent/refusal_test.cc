#include "client/agent/refusal.h"

#include <string>

#include "absl/time/time.h"
#include "gtest/gtest.h"

#include "client/error_details.h"
#include "latchkey/internal/v1/error_details.pb.h"

namespace latchkey {
namespace {

// As AuthClient hands an error of the server on.
absl::Status FromServer(grpc::StatusCode code, const std::string& reason) {
  internal::v1::ErrorInfo info;
  info.set_reason(reason);
  internal::v1::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(2);
  internal::v1::ErrorStatus status;
  status.set_code(code);
  for (const auto& [name, value] :
       {std::pair("ErrorInfo", info.SerializeAsString()),
        std::pair("RetryInfo", retry.SerializeAsString())}) {
    auto* const detail = status.add_details();
    detail->set_type_url(std::string("type.googleapis.com/google.rpc.") + name);
    detail->set_value(value);
  }
  return ToAbsl({code, "as the server says", status.SerializeAsString()});
}

TEST(Refusal, OfFieldsNamesEachOfThem) {
  const grpc::Status refusal = RefuseFields({{"a", "x"}, {"b", "y"}});
  EXPECT_EQ(refusal.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ErrorDetailsOf(ToAbsl(refusal)).reason, "INVALID_FIELD");
  internal::v1::ErrorStatus status;
  ASSERT_TRUE(status.ParseFromString(refusal.error_details()));
  EXPECT_EQ(status.code(), static_cast<int>(refusal.error_code()));
  internal::v1::BadRequest bad;
  ASSERT_TRUE(bad.ParseFromString(status.details(1).value()));
  ASSERT_EQ(bad.field_violations_size(), 2);
  EXPECT_EQ(bad.field_violations(1).field(), "b");
  EXPECT_EQ(bad.field_violations(1).description(), "y");
}

TEST(Refusal, PassesOnWhatTheServerSaysOfTheRequest) {
  const grpc::Status refusal = RefuseAs(
      FromServer(grpc::StatusCode::FAILED_PRECONDITION, "REVISION_EPOCH"));
  EXPECT_EQ(refusal.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(refusal.error_message(), "as the server says");
  EXPECT_EQ(ErrorDetailsOf(ToAbsl(refusal)),
            (ErrorDetails{.reason = "REVISION_EPOCH",
                          .retry_delay = absl::Seconds(2)}));
}

TEST(Refusal, KeepsWhatConcernsTheAgentToItself) {
  for (const auto& error :
       {FromServer(grpc::StatusCode::UNAUTHENTICATED, "CALLER_REFUSED"),
        FromServer(grpc::StatusCode::PERMISSION_DENIED, "NOT_PERMITTED"),
        absl::UnavailableError("connection refused"),
        absl::UnimplementedError("an older server"),
        absl::InternalError("something of gRPC's")}) {
    const grpc::Status refusal = RefuseAs(error);
    EXPECT_EQ(refusal.error_code(), grpc::StatusCode::UNAVAILABLE) << error;
    EXPECT_EQ(refusal.error_message(), "the credential cannot be checked now");
    EXPECT_EQ(ErrorDetailsOf(ToAbsl(refusal)),
              (ErrorDetails{.reason = "VALIDATOR_UNAVAILABLE"}));
  }
}

TEST(Refusal, ALateServerIsALateAnswer) {
  const grpc::Status refusal = RefuseAs(absl::DeadlineExceededError("late"));
  EXPECT_EQ(refusal.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(ErrorDetailsOf(ToAbsl(refusal)).reason, "VALIDATOR_UNAVAILABLE");
}

TEST(Refusal, IsNeverAnOk) {
  EXPECT_EQ(RefuseMethod().error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(RefuseForLoad().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_TRUE(ErrorDetailsOf(ToAbsl(RefuseForLoad())).retry_delay.has_value());
}

}  // namespace
}  // namespace latchkey
