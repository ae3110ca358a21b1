#include "client/retry_policy.h"

#include <limits>
#include <string>

#include "absl/random/random.h"
#include "gtest/gtest.h"

#include "client/error_details.h"
#include "tests/client/fake_auth_server.h"

namespace latchkey {
namespace {

using Repeat = RetryPolicy::Repeat;
using grpc::StatusCode;

constexpr absl::Duration kLeft = absl::Minutes(1);

struct Row {
  std::string name;
  StatusCode code;
  std::string reason;
  std::optional<absl::Duration> retry_delay;
  bool safe;       // tried again if the call may be done twice
  bool not_begun;  // and if not
};

class RetryPolicyErrors : public testing::TestWithParam<Row> {};

TEST_P(RetryPolicyErrors, AreTriedAgainOnlyIfThatDoesNoHarm) {
  const Row& row = GetParam();
  const absl::Status error =
      ToAbsl(ErrorOf(row.code, row.reason, row.retry_delay));
  RetryPolicy policy((RetryOptions()));
  EXPECT_EQ(policy.DelayAfter(error, Repeat::kSafe, 1, kLeft).has_value(),
            row.safe);
  EXPECT_EQ(
      policy.DelayAfter(error, Repeat::kOnlyIfNotBegun, 1, kLeft).has_value(),
      row.not_begun);
}

INSTANTIATE_TEST_SUITE_P(
    All, RetryPolicyErrors,
    testing::Values(
        Row{"broken_connection", StatusCode::UNAVAILABLE, "", {}, true, false},
        Row{"overloaded", StatusCode::UNAVAILABLE, "OVERLOADED",
            absl::Seconds(1), true, true},
        Row{"overloaded_without_a_hint",
            StatusCode::UNAVAILABLE,
            "OVERLOADED",
            {},
            true,
            false},
        Row{"shutting_down", StatusCode::UNAVAILABLE, "SHUTTING_DOWN",
            absl::Seconds(1), true, false},
        Row{"throttled", StatusCode::RESOURCE_EXHAUSTED, "LOGIN_THROTTLED",
            absl::Seconds(1), false, false},
        Row{"overloaded_by_another_code", StatusCode::RESOURCE_EXHAUSTED,
            "OVERLOADED", absl::Seconds(1), false, false},
        Row{"too_late", StatusCode::DEADLINE_EXCEEDED, "", {}, false, false},
        Row{"internal", StatusCode::INTERNAL, "INTERNAL", {}, false, false},
        Row{"refused",
            StatusCode::UNAUTHENTICATED,
            "LOGIN_REFUSED",
            {},
            false,
            false}),
    [](const auto& row) { return row.param.name; });

absl::Status Unreachable() { return absl::UnavailableError("gone"); }

TEST(RetryPolicy, AttemptsHaveALimit) {
  RetryPolicy policy({.max_attempts = 3});
  EXPECT_TRUE(policy.DelayAfter(Unreachable(), Repeat::kSafe, 2, kLeft));
  EXPECT_FALSE(policy.DelayAfter(Unreachable(), Repeat::kSafe, 3, kLeft));
}

TEST(RetryPolicy, TheServersDelayIsWaitedOut) {
  RetryPolicy policy((RetryOptions()));
  const auto delay = policy.DelayAfter(
      ToAbsl(ErrorOf(StatusCode::UNAVAILABLE, "OVERLOADED", absl::Seconds(5))),
      Repeat::kSafe, 1, kLeft);
  ASSERT_TRUE(delay.has_value());
  EXPECT_GE(*delay, absl::Seconds(5));
  EXPECT_LE(*delay, absl::Seconds(5) + RetryOptions().first_backoff);
}

TEST(RetryPolicy, ADelayFromThePastIsNone) {
  RetryPolicy policy((RetryOptions()));
  const auto delay = policy.DelayAfter(
      ToAbsl(ErrorOf(StatusCode::UNAVAILABLE, "OVERLOADED", -absl::Hours(1))),
      Repeat::kSafe, 1, kLeft);
  ASSERT_TRUE(delay.has_value());
  EXPECT_GE(*delay, absl::ZeroDuration());
}

TEST(RetryPolicy, NothingIsTriedPastTheDeadline) {
  RetryPolicy policy((RetryOptions()));
  const absl::Status error =
      ToAbsl(ErrorOf(StatusCode::UNAVAILABLE, "OVERLOADED", absl::Seconds(5)));
  EXPECT_FALSE(policy.DelayAfter(error, Repeat::kSafe, 1, absl::Seconds(5)));
  EXPECT_FALSE(
      policy.DelayAfter(Unreachable(), Repeat::kSafe, 1, absl::ZeroDuration()));
}

TEST(RetryPolicy, CallsEarnTheBudgetAndRetriesSpendIt) {
  RetryPolicy policy({.budget_per_call = 0.25, .budget_max = 2});
  const auto tried = [&policy] {
    return policy.DelayAfter(Unreachable(), Repeat::kSafe, 1, kLeft)
        .has_value();
  };
  EXPECT_TRUE(tried());
  EXPECT_TRUE(tried());
  EXPECT_FALSE(tried());
  for (int i = 0; i < 3; ++i) policy.Started();
  EXPECT_FALSE(tried());
  policy.Started();
  EXPECT_TRUE(tried());
  // No more than budget_max is saved up.
  for (int i = 0; i < 100; ++i) policy.Started();
  EXPECT_TRUE(tried());
  EXPECT_TRUE(tried());
  EXPECT_FALSE(tried());
}

TEST(RetryPolicy, WhatIsNotTriedAgainCostsNothing) {
  RetryPolicy policy({.budget_per_call = 0, .budget_max = 1});
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(policy.DelayAfter(Unreachable(), Repeat::kSafe, 1,
                                   absl::ZeroDuration()));
  }
  EXPECT_TRUE(policy.DelayAfter(Unreachable(), Repeat::kSafe, 1, kLeft));
}

TEST(FullJitter, DoublesUpToItsLimit) {
  absl::BitGen random;
  const absl::Duration first = absl::Milliseconds(50);
  const absl::Duration max = absl::Milliseconds(300);
  for (const auto& [failures, limit] : {std::pair<int, int>{1, 50},
                                        {2, 100},
                                        {3, 200},
                                        {4, 300},
                                        {1000, 300}}) {
    absl::Duration longest;
    for (int i = 0; i < 1000; ++i) {
      const absl::Duration wait = FullJitter(failures, first, max, random);
      EXPECT_GE(wait, absl::ZeroDuration());
      EXPECT_LE(wait, absl::Milliseconds(limit));
      longest = std::max(longest, wait);
    }
    // A thousand draws that all miss the upper half are no chance.
    EXPECT_GT(longest, absl::Milliseconds(limit) / 2);
  }
}

TEST(RetryPolicy, OptionsOutOfTheirLimitsAreRefused) {
  EXPECT_TRUE(RetryPolicy::Check({}).ok());
  EXPECT_TRUE(RetryPolicy::Check({.max_attempts = 1}).ok());
  EXPECT_TRUE(RetryPolicy::Check({.budget_per_call = 0}).ok());
  for (const RetryOptions& options :
       {RetryOptions{.max_attempts = 0}, RetryOptions{.max_attempts = 11},
        RetryOptions{.first_backoff = absl::ZeroDuration()},
        RetryOptions{.first_backoff = absl::Seconds(3)},
        RetryOptions{.max_backoff = absl::Seconds(61)},
        RetryOptions{.budget_per_call = -0.1},
        RetryOptions{.budget_per_call = 1.1},
        RetryOptions{.budget_per_call =
                         std::numeric_limits<double>::quiet_NaN()},
        RetryOptions{.budget_max = 0.5}, RetryOptions{.budget_max = 10'001}}) {
    EXPECT_EQ(RetryPolicy::Check(options).code(),
              absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace latchkey
