#include "server/rpc/call_metrics.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/support/fake_clock.h"

namespace latchkey {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string TextOf(const CallMetrics& metrics) {
  MetricText text;
  metrics.Write(text);
  return text.text();
}

TEST(CallMetrics, EachMethodHasItsOkFromTheStart) {
  const auto metrics = std::make_unique<CallMetrics>();
  const std::string text = TextOf(*metrics);
  for (const MethodRule& rule : kMethodRules) {
    const auto ok = HasSubstr(absl::StrCat("\nlatchkey_calls_total{method=\"",
                                           rule.name, "\",code=\"OK\"} 0\n"));
    // A right, and what others are compared with: no calls that are counted.
    if (rule.method == Method::kLogoutByName || rule.method == Method::kPing) {
      EXPECT_THAT(text, Not(ok));
    } else {
      EXPECT_THAT(text, ok);
    }
  }
  EXPECT_THAT(text, Not(HasSubstr("UNKNOWN")));
}

TEST(CallMetrics, CountChecksByWhatCameOfThem) {
  const auto metrics = std::make_unique<CallMetrics>();
  metrics->CountChecks(ValidateOutcome::kActive);
  metrics->CountChecks(ValidateOutcome::kActive, 64);
  metrics->CountChecks(ValidateOutcome::kAuthTooOld);
  EXPECT_THAT(
      TextOf(*metrics),
      HasSubstr(
          "latchkey_credential_checks_total{outcome=\"active\"} 65\n"
          "latchkey_credential_checks_total{outcome=\"not_good\"} 0\n"
          "latchkey_credential_checks_total{outcome=\"audience\"} 0\n"
          "latchkey_credential_checks_total{outcome=\"auth_too_old\"} 1\n"));
}

TEST(CallMetrics, CountByMethodAndCode) {
  const auto metrics = std::make_unique<CallMetrics>();
  metrics->Count(Method::kLogin, grpc::StatusCode::OK, absl::Milliseconds(15));
  metrics->Count(Method::kLogin, grpc::StatusCode::UNAUTHENTICATED,
                 absl::Milliseconds(16));
  metrics->Count(Method::kValidate, grpc::StatusCode::OK, absl::Seconds(1));
  metrics->Count(Method::kValidate, grpc::StatusCode::OK, absl::Seconds(2));
  const std::string text = TextOf(*metrics);
  EXPECT_THAT(
      text,
      HasSubstr("latchkey_calls_total{method=\"Login\",code=\"OK\"} 1\n"
                "latchkey_calls_total{method=\"Login\","
                "code=\"UNAUTHENTICATED\"} 1\n"
                "latchkey_calls_total{method=\"Validate\",code=\"OK\"} 2\n"));
  EXPECT_THAT(text,
              HasSubstr("latchkey_call_duration_seconds_sum{method=\"Validate\""
                        ",code=\"OK\"} 3\n"));
  EXPECT_THAT(
      text, HasSubstr("latchkey_call_duration_seconds_count{method=\"Validate\""
                      ",code=\"OK\"} 2\n"));
}

TEST(CallMetrics, EveryCodeHasItsCanonicalName) {
  const auto metrics = std::make_unique<CallMetrics>();
  const char* const names[] = {"OK",
                               "CANCELLED",
                               "UNKNOWN",
                               "INVALID_ARGUMENT",
                               "DEADLINE_EXCEEDED",
                               "NOT_FOUND",
                               "ALREADY_EXISTS",
                               "PERMISSION_DENIED",
                               "RESOURCE_EXHAUSTED",
                               "FAILED_PRECONDITION",
                               "ABORTED",
                               "OUT_OF_RANGE",
                               "UNIMPLEMENTED",
                               "INTERNAL",
                               "UNAVAILABLE",
                               "DATA_LOSS",
                               "UNAUTHENTICATED"};
  for (int code = 0; code < 17; ++code) {
    for (int i = 0; i <= code; ++i) {
      metrics->Count(Method::kLogout, static_cast<grpc::StatusCode>(code), {});
    }
  }
  // None that gRPC has by now: counted all the same.
  metrics->Count(Method::kLogin, static_cast<grpc::StatusCode>(17), {});
  metrics->Count(Method::kLogin, static_cast<grpc::StatusCode>(-1), {});
  const std::string text = TextOf(*metrics);
  for (int code = 0; code < 17; ++code) {
    EXPECT_THAT(text, HasSubstr(absl::StrCat(
                          "latchkey_calls_total{method=\"Logout\",code=\"",
                          names[code], "\"} ", code + 1, "\n")));
  }
  EXPECT_THAT(text, HasSubstr("{method=\"Login\",code=\"UNKNOWN\"} 2\n"));
}

TEST(CallTimer, CountsFromWhenItWasMade) {
  const auto metrics = std::make_unique<CallMetrics>();
  FakeClock clock;
  const CallTimer timer(*metrics, clock, Method::kRefresh);
  clock.Advance(absl::Milliseconds(1500));
  timer.Answered(grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(TextOf(*metrics),
              HasSubstr("latchkey_call_duration_seconds_sum{method=\"Refresh\","
                        "code=\"NOT_FOUND\"} 1.5\n"));
}

}  // namespace
}  // namespace latchkey
