#include "tools/latchkey/failure.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "latchkey/internal/v1/error_details.pb.h"

namespace latchkey {
namespace {

namespace details = ::latchkey::internal::v1;

template <typename Message>
void Pack(const Message& message, const char* type,
          details::ErrorStatus* status) {
  auto* any = status->add_details();
  any->set_type_url(absl::StrCat("type.googleapis.com/google.rpc.", type));
  any->set_value(message.SerializeAsString());
}

grpc::Status WithDetails(grpc::StatusCode code, const std::string& message,
                         const details::ErrorStatus& status) {
  return grpc::Status(code, message, status.SerializeAsString());
}

grpc::Status FullStatus() {
  details::ErrorStatus status;
  details::ErrorInfo info;
  info.set_reason("HASH_QUEUE_FULL");
  info.set_domain("latchkey");
  (*info.mutable_metadata())["correlation_id"] = "c0ffee";
  Pack(info, "ErrorInfo", &status);
  details::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(1);
  retry.mutable_retry_delay()->set_nanos(500'000'000);
  Pack(retry, "RetryInfo", &status);
  details::BadRequest bad;
  bad.add_field_violations()->set_field("account");
  bad.mutable_field_violations(0)->set_description("is \x1b[1mrequired");
  Pack(bad, "BadRequest", &status);
  return WithDetails(grpc::StatusCode::RESOURCE_EXHAUSTED, "bu\nsy", status);
}

TEST(Failure, ReadsEveryDetail) {
  const Failure failure = ReadFailure(FullStatus());
  EXPECT_EQ(failure.code, "RESOURCE_EXHAUSTED");
  EXPECT_EQ(failure.reason, "HASH_QUEUE_FULL");
  EXPECT_EQ(failure.retry_delay, absl::Milliseconds(1500));
  EXPECT_EQ(failure.correlation_id, "c0ffee");
  ASSERT_EQ(failure.fields.size(), 1u);
  EXPECT_EQ(failure.fields[0].first, "account");
}

TEST(Failure, TextIsFitForATerminal) {
  EXPECT_EQ(FailureText(ReadFailure(FullStatus())),
            "latchkey: RESOURCE_EXHAUSTED HASH_QUEUE_FULL: bu?sy\n"
            "  account: is ?[1mrequired\n"
            "  try again in 1.5 s\n"
            "  correlation id c0ffee\n");
}

TEST(Failure, JsonIsOneLineOfAscii) {
  EXPECT_EQ(FailureJson(ReadFailure(FullStatus())),
            R"({"error":{"code":"RESOURCE_EXHAUSTED",)"
            R"("reason":"HASH_QUEUE_FULL","message":"bu\nsy",)"
            R"("field_violations":[{"field":"account",)"
            R"("description":"is \u001b[1mrequired"}],)"
            R"("retry_delay_seconds":1.5,"correlation_id":"c0ffee"}})");
  // What is not UTF-8 does not throw.
  EXPECT_EQ(FailureJson(
                ReadFailure(grpc::Status(grpc::StatusCode::NOT_FOUND, "\xff"))),
            R"({"error":{"code":"NOT_FOUND","reason":"","message":"\ufffd"}})");
}

TEST(Failure, DetailsThatCannotBeReadCountAsAbsent) {
  const Failure garbled = ReadFailure(
      grpc::Status(grpc::StatusCode::NOT_FOUND, "no", "\xff\xff\xff"));
  EXPECT_EQ(garbled.code, "NOT_FOUND");
  EXPECT_EQ(garbled.reason, "");

  details::ErrorStatus status;
  status.add_details()->set_type_url("type.googleapis.com/other.ErrorInfo");
  status.add_details()->set_type_url(
      "type.googleapis.com/google.rpc.ErrorInfo");
  status.mutable_details(1)->set_value("\xff");
  EXPECT_EQ(
      ReadFailure(WithDetails(grpc::StatusCode::ABORTED, "", status)).reason,
      "");
}

struct CodeRow {
  grpc::StatusCode code;
  std::string name;
  ExitCode exit_code;
};

class FailureCodes : public testing::TestWithParam<CodeRow> {};

TEST_P(FailureCodes, DecideTheExitCode) {
  const Failure failure = ReadFailure(grpc::Status(GetParam().code, ""));
  EXPECT_EQ(failure.code, GetParam().name);
  EXPECT_EQ(failure.exit_code, GetParam().exit_code);
}

INSTANTIATE_TEST_SUITE_P(
    Failure, FailureCodes,
    testing::Values(
        CodeRow{grpc::CANCELLED, "CANCELLED", ExitCode::kNoAnswer},
        CodeRow{grpc::UNKNOWN, "UNKNOWN", ExitCode::kNoAnswer},
        CodeRow{grpc::INVALID_ARGUMENT, "INVALID_ARGUMENT", ExitCode::kUsage},
        CodeRow{grpc::DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED",
                ExitCode::kNoAnswer},
        CodeRow{grpc::NOT_FOUND, "NOT_FOUND", ExitCode::kNo},
        CodeRow{grpc::ALREADY_EXISTS, "ALREADY_EXISTS", ExitCode::kNo},
        CodeRow{grpc::PERMISSION_DENIED, "PERMISSION_DENIED", ExitCode::kNo},
        CodeRow{grpc::UNAUTHENTICATED, "UNAUTHENTICATED", ExitCode::kNo},
        CodeRow{grpc::RESOURCE_EXHAUSTED, "RESOURCE_EXHAUSTED", ExitCode::kNo},
        CodeRow{grpc::FAILED_PRECONDITION, "FAILED_PRECONDITION",
                ExitCode::kNo},
        CodeRow{grpc::ABORTED, "ABORTED", ExitCode::kNo},
        CodeRow{grpc::OUT_OF_RANGE, "OUT_OF_RANGE", ExitCode::kUsage},
        CodeRow{grpc::UNIMPLEMENTED, "UNIMPLEMENTED", ExitCode::kNoAnswer},
        CodeRow{grpc::INTERNAL, "INTERNAL", ExitCode::kNoAnswer},
        CodeRow{grpc::UNAVAILABLE, "UNAVAILABLE", ExitCode::kNoAnswer},
        CodeRow{grpc::DATA_LOSS, "DATA_LOSS", ExitCode::kNoAnswer}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace latchkey
