#include "client/error_details.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "latchkey/internal/v1/error_details.pb.h"

namespace latchkey {
namespace {

namespace details = ::latchkey::internal::v1;

template <typename Message>
void Add(details::ErrorStatus& error, const char* type, const Message& detail) {
  auto* any = error.add_details();
  any->set_type_url(std::string("type.googleapis.com/") + type);
  any->set_value(detail.SerializeAsString());
}

TEST(ErrorDetailsTest, ReasonAndRetryDelayComeAlongWithCodeAndMessage) {
  details::ErrorStatus error;
  details::ErrorInfo info;
  info.set_reason("LOGIN_THROTTLED");
  Add(error, "google.rpc.ErrorInfo", info);
  details::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(2);
  retry.mutable_retry_delay()->set_nanos(500'000'000);
  Add(error, "google.rpc.RetryInfo", retry);

  const absl::Status status = ToAbsl({grpc::StatusCode::RESOURCE_EXHAUSTED,
                                      "slow down", error.SerializeAsString()});

  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(status.message(), "slow down");
  EXPECT_EQ(ErrorDetailsOf(status),
            (ErrorDetails{.reason = "LOGIN_THROTTLED",
                          .retry_delay = absl::Milliseconds(2500)}));
}

TEST(ErrorDetailsTest, DetailsThatCannotBeReadLeaveTheCodeStanding) {
  const absl::Status status =
      ToAbsl({grpc::StatusCode::UNAVAILABLE, "gone", "\xff\xff not a message"});

  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ErrorDetailsOf(status), ErrorDetails());
}

TEST(ErrorDetailsTest, AStatusFromElsewhereHasNone) {
  EXPECT_EQ(ErrorDetailsOf(absl::UnavailableError("x")), ErrorDetails());
  EXPECT_TRUE(ToAbsl(grpc::Status::OK).ok());
}

}  // namespace
}  // namespace latchkey
