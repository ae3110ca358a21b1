#include "client/agent/question.h"

#include <functional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "client/verify/revision.h"

namespace latchkey {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Question, AsksAllThatTheRequestDoes) {
  const std::string token = RevisionToken(Epoch(), 7);
  v1::ValidateRequest request;
  request.set_credential("a credential");
  request.set_audience("orders");
  request.set_passive(true);
  request.mutable_at_least_as_fresh()->set_token(token);
  request.mutable_max_auth_age()->set_seconds(60);
  request.mutable_max_auth_age()->set_nanos(1999);
  std::vector<BadField> bad;
  const CheckOptions options = ReadQuestion("", request, &bad);
  EXPECT_THAT(bad, IsEmpty());
  EXPECT_EQ(options.audience, "orders");
  EXPECT_TRUE(options.passive);
  EXPECT_EQ(options.at_least_as_fresh, token);
  // As the server, to a microsecond.
  EXPECT_EQ(options.max_auth_age, absl::Seconds(60) + absl::Microseconds(1));
}

TEST(Question, OfNothingButACredentialAsksNothingElse) {
  v1::ValidateRequest request;
  std::vector<BadField> bad;
  const CheckOptions options = ReadQuestion("", request, &bad);
  EXPECT_THAT(bad, IsEmpty());
  EXPECT_EQ(options.audience, "");
  EXPECT_FALSE(options.passive);
  EXPECT_EQ(options.at_least_as_fresh, "");
  EXPECT_FALSE(options.max_auth_age.has_value());
}

struct Limit {
  std::string name;
  std::function<void(v1::ValidateRequest&)> at;
  std::function<void(v1::ValidateRequest&)> beyond;
  std::string field;
};

class QuestionLimits : public ::testing::TestWithParam<Limit> {};

TEST_P(QuestionLimits, AreThoseOfTheContract) {
  v1::ValidateRequest good;
  v1::ValidateRequest refused;
  GetParam().at(good);
  GetParam().beyond(refused);
  std::vector<BadField> bad;
  ReadQuestion("", good, &bad);
  EXPECT_THAT(bad, IsEmpty());
  ReadQuestion("requests[3].", refused, &bad);
  ASSERT_EQ(bad.size(), 1u);
  EXPECT_EQ(bad[0].field, "requests[3]." + GetParam().field);
}

using Request = v1::ValidateRequest;
INSTANTIATE_TEST_SUITE_P(
    All, QuestionLimits,
    ::testing::Values(
        Limit{"Credential",
              [](Request& r) { r.set_credential(std::string(8192, 'x')); },
              [](Request& r) { r.set_credential(std::string(8193, 'x')); },
              "credential"},
        Limit{"Audience",
              [](Request& r) { r.set_audience(std::string(256, 'x')); },
              [](Request& r) { r.set_audience(std::string(257, 'x')); },
              "audience"},
        Limit{"AudienceText", [](Request& r) { r.set_audience("a b"); },
              [](Request& r) { r.set_audience("a\nb"); }, "audience"},
        Limit{"AuthAge",
              [](Request& r) { r.mutable_max_auth_age()->set_nanos(1000); },
              [](Request& r) { r.mutable_max_auth_age()->set_nanos(999); },
              "max_auth_age"},
        Limit{"AuthAgeSign",
              [](Request& r) { r.mutable_max_auth_age()->set_seconds(1); },
              [](Request& r) {
                r.mutable_max_auth_age()->set_seconds(1);
                r.mutable_max_auth_age()->set_nanos(-1);
              },
              "max_auth_age"},
        Limit{"Revision",
              [](Request& r) {
                r.mutable_at_least_as_fresh()->set_token(
                    RevisionToken(Epoch(), 1));
              },
              // Present and empty is no revision, rather than none.
              [](Request& r) { r.mutable_at_least_as_fresh(); },
              "at_least_as_fresh"}),
    [](const auto& row) { return row.param.name; });

TEST(Question, TellsEveryFieldThatIsBad) {
  v1::ValidateRequest request;
  request.set_credential(std::string(8193, 'x'));
  request.set_audience(std::string(257, 'x'));
  std::vector<BadField> bad;
  ReadQuestion("", request, &bad);
  EXPECT_THAT(bad,
              ElementsAre(BadField{"credential", "must be at most 8,192 bytes"},
                          BadField{"audience", "must be at most 256 bytes"}));
}

TEST(Question, OfANewerClientAsksMore) {
  v1::ValidateRequest plain;
  plain.set_credential("x");
  plain.mutable_max_auth_age()->set_seconds(1);
  plain.mutable_at_least_as_fresh()->set_token("x");
  EXPECT_FALSE(AsksMore(plain));
  // Field 100, a varint.
  const std::string unknown = "\xa0\x06\x01";
  v1::ValidateRequest outside = plain;
  ASSERT_TRUE(outside.MergeFromString(unknown));
  EXPECT_TRUE(AsksMore(outside));
  v1::ValidateRequest inside = plain;
  ASSERT_TRUE(inside.mutable_at_least_as_fresh()->MergeFromString(unknown));
  EXPECT_TRUE(AsksMore(inside));
}

}  // namespace
}  // namespace latchkey
