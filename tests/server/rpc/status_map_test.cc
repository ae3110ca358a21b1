#include "server/rpc/status_map.h"

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <unistd.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/base/error.h"
#include "tests/support/fake_clock.h"

namespace latchkey {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

template <typename Detail>
Detail DetailOf(const grpc::Status& status) {
  google::rpc::Status packed;
  EXPECT_TRUE(packed.ParseFromString(status.error_details()));
  EXPECT_EQ(packed.code(), static_cast<int>(status.error_code()));
  Detail found;
  for (const auto& detail : packed.details()) {
    if (!detail.Is<Detail>()) continue;
    EXPECT_TRUE(detail.UnpackTo(&found));
  }
  return found;
}

class ToGrpcTest : public ::testing::Test {
 protected:
  ToGrpcTest() : log_(*Log::ToFile(path_, LogLevel::kDebug, clock_)) {}
  ~ToGrpcTest() override { std::remove(path_.c_str()); }

  std::string Logged() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  FakeClock clock_;
  const std::string path_ =
      ::testing::TempDir() + "status_map_" + std::to_string(getpid()) + ".log";
  std::unique_ptr<Log> log_;
};

TEST_F(ToGrpcTest, OkIsOk) {
  EXPECT_TRUE(ToGrpc(absl::OkStatus(), "Login", "call-1", *log_).ok());
}

TEST_F(ToGrpcTest, CarriesReasonDomainAndMessage) {
  const grpc::Status status =
      ToGrpc(MakeError(absl::StatusCode::kUnauthenticated,
                       Reason::kLoginRefused, "login refused"),
             "Login", "call-1", *log_);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(status.error_message(), "login refused");
  const auto info = DetailOf<google::rpc::ErrorInfo>(status);
  EXPECT_EQ(info.reason(), "LOGIN_REFUSED");
  EXPECT_EQ(info.domain(), "latchkey");
}

TEST_F(ToGrpcTest, CarriesRetryDelayAndViolations) {
  const grpc::Status busy =
      ToGrpc(WithRetryDelay(MakeError(absl::StatusCode::kResourceExhausted,
                                      Reason::kHashQueueFull, "busy"),
                            absl::Milliseconds(1500)),
             "Login", "call-1", *log_);
  const auto retry = DetailOf<google::rpc::RetryInfo>(busy);
  EXPECT_EQ(retry.retry_delay().seconds(), 1);
  EXPECT_EQ(retry.retry_delay().nanos(), 500000000);

  const grpc::Status bad =
      ToGrpc(InvalidField("account", "is required"), "Login", "call-1", *log_);
  const auto violations = DetailOf<google::rpc::BadRequest>(bad);
  ASSERT_EQ(violations.field_violations_size(), 1);
  EXPECT_EQ(violations.field_violations(0).field(), "account");
  EXPECT_EQ(violations.field_violations(0).description(), "is required");
}

TEST_F(ToGrpcTest, InternalSaysOnlySoAndACorrelationId) {
  const grpc::Status status = ToGrpc(absl::InternalError("table x is broken"),
                                     "Login", "call-1", *log_);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_EQ(status.error_message(), "internal error");
  EXPECT_THAT(status.error_details(), Not(HasSubstr("table")));
  const auto info = DetailOf<google::rpc::ErrorInfo>(status);
  const std::string id = info.metadata().at("correlation_id");
  EXPECT_EQ(id, "call-1");
  EXPECT_THAT(Logged(), HasSubstr("correlation_id=call-1"));
  EXPECT_THAT(Logged(), HasSubstr("table x is broken"));
}

TEST_F(ToGrpcTest, WhatHasNoReasonWasNotMeantForOutside) {
  const grpc::Status status = ToGrpc(
      absl::NotFoundError("row 7 of family sessions"), "Get", "call-1", *log_);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_EQ(status.error_message(), "internal error");
}

TEST_F(ToGrpcTest, DamagedDataIsLoggedAndOtherRefusalsAreNot) {
  const auto quiet = Log::ToFile(path_, LogLevel::kError, clock_);
  const grpc::Status stopped = ToGrpc(
      MakeError(absl::StatusCode::kUnavailable, Reason::kStoreFailed, "x"),
      "Validate", "call-1", **quiet);
  EXPECT_EQ(stopped.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(Logged(), "");
  const grpc::Status status =
      ToGrpc(MakeError(absl::StatusCode::kDataLoss, Reason::kCorruptRecord,
                       "a stored session is damaged"),
             "Validate", "call-2", **quiet);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DATA_LOSS);
  EXPECT_THAT(Logged(), HasSubstr("correlation_id=call-2"));
  EXPECT_THAT(Logged(), HasSubstr("a stored session is damaged"));
}

struct CodeRow {
  absl::StatusCode from;
  grpc::StatusCode to;
};

class ToGrpcCodeTest : public ::testing::TestWithParam<CodeRow> {};

TEST_P(ToGrpcCodeTest, KeepsTheCanonicalCode) {
  const FakeClock clock;
  const auto log = Log::ToStderr(LogLevel::kError, clock);
  const grpc::Status status =
      ToGrpc(MakeError(GetParam().from, Reason::kOverloaded, "x"), "Login",
             "call-1", *log);
  EXPECT_EQ(status.error_code(), GetParam().to);
}

INSTANTIATE_TEST_SUITE_P(
    AllCodes, ToGrpcCodeTest,
    ::testing::Values(
        CodeRow{absl::StatusCode::kCancelled, grpc::StatusCode::CANCELLED},
        CodeRow{absl::StatusCode::kInvalidArgument,
                grpc::StatusCode::INVALID_ARGUMENT},
        CodeRow{absl::StatusCode::kDeadlineExceeded,
                grpc::StatusCode::DEADLINE_EXCEEDED},
        CodeRow{absl::StatusCode::kNotFound, grpc::StatusCode::NOT_FOUND},
        CodeRow{absl::StatusCode::kAlreadyExists,
                grpc::StatusCode::ALREADY_EXISTS},
        CodeRow{absl::StatusCode::kPermissionDenied,
                grpc::StatusCode::PERMISSION_DENIED},
        CodeRow{absl::StatusCode::kResourceExhausted,
                grpc::StatusCode::RESOURCE_EXHAUSTED},
        CodeRow{absl::StatusCode::kFailedPrecondition,
                grpc::StatusCode::FAILED_PRECONDITION},
        CodeRow{absl::StatusCode::kAborted, grpc::StatusCode::ABORTED},
        CodeRow{absl::StatusCode::kOutOfRange, grpc::StatusCode::OUT_OF_RANGE},
        CodeRow{absl::StatusCode::kUnimplemented,
                grpc::StatusCode::UNIMPLEMENTED},
        CodeRow{absl::StatusCode::kUnavailable, grpc::StatusCode::UNAVAILABLE},
        CodeRow{absl::StatusCode::kDataLoss, grpc::StatusCode::DATA_LOSS},
        CodeRow{absl::StatusCode::kUnauthenticated,
                grpc::StatusCode::UNAUTHENTICATED},
        CodeRow{absl::StatusCode::kUnknown, grpc::StatusCode::INTERNAL},
        CodeRow{absl::StatusCode::kInternal, grpc::StatusCode::INTERNAL}));

}  // namespace
}  // namespace latchkey
