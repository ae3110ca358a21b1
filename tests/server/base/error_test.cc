#include "server/base/error.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace latchkey {
namespace {

TEST(Error, CarriesItsReasonThroughACopy) {
  const absl::Status made = MakeError(absl::StatusCode::kResourceExhausted,
                                      Reason::kHashQueueFull, "busy");
  const absl::Status copy = made;
  EXPECT_EQ(copy.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(copy), Reason::kHashQueueFull);
  EXPECT_EQ(RetryDelayOf(copy), std::nullopt);
  EXPECT_EQ(RetryDelayOf(WithRetryDelay(copy, absl::Milliseconds(1500))),
            absl::Milliseconds(1500));
}

TEST(Error, KeepsFieldViolationsInOrder) {
  const absl::Status made =
      InvalidFields({{"account", "is required"}, {"client.user_agent", "x"}});
  const auto violations = FieldViolationsOf(made);
  ASSERT_EQ(violations.size(), 2u);
  EXPECT_EQ(violations[0].field, "account");
  EXPECT_EQ(violations[0].description, "is required");
  EXPECT_EQ(violations[1].field, "client.user_agent");
  EXPECT_EQ(ReasonOf(made), Reason::kInvalidField);
}

TEST(Error, AForeignStatusHasNoReason) {
  EXPECT_EQ(ReasonOf(absl::NotFoundError("x")), std::nullopt);
  EXPECT_TRUE(FieldViolationsOf(absl::NotFoundError("x")).empty());
}

}  // namespace
}  // namespace latchkey
