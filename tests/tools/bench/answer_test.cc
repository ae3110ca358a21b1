#include "tools/bench/answer.h"

#include <string>

#include "gtest/gtest.h"

#include "latchkey/v1/auth.pb.h"

namespace latchkey::bench {
namespace {

constexpr char kName[] = "accounts/u0000001/sessions/0123456789abcdef";
constexpr char kOther[] = "accounts/u0000001/sessions/fedcba9876543210";

v1::ValidateResponse ActiveAs(const std::string& name) {
  v1::ValidateResponse response;
  response.set_active(true);
  response.mutable_session()->set_name(name);
  response.mutable_session()->set_account("accounts/u0000001");
  response.mutable_revision()->set_token("revision");
  return response;
}

v1::ValidateResponse Inactive() {
  v1::ValidateResponse response;
  response.mutable_revision()->set_token("revision");
  return response;
}

TEST(Answer, TheVerySessionIsRight) {
  EXPECT_TRUE(IsRight(ActiveAs(kName).SerializeAsString(), Answer{kName}));
}

TEST(Answer, AnotherSessionIsWrong) {
  EXPECT_FALSE(IsRight(ActiveAs(kOther).SerializeAsString(), Answer{kName}));
}

TEST(Answer, ANameThatOnlyBeginsOrEndsSoIsWrong) {
  const std::string longer = std::string(kName) + "0";
  EXPECT_FALSE(IsRight(ActiveAs(longer).SerializeAsString(), Answer{kName}));
  EXPECT_FALSE(IsRight(ActiveAs(kName).SerializeAsString(), Answer{longer}));
}

TEST(Answer, NotActiveIsWrongForALiveSession) {
  EXPECT_FALSE(IsRight(Inactive().SerializeAsString(), Answer{kName}));
  EXPECT_FALSE(IsRight("", Answer{kName}));
}

TEST(Answer, ActiveIsWrongForADeadOne) {
  EXPECT_TRUE(IsRight(Inactive().SerializeAsString(), Answer()));
  EXPECT_TRUE(IsRight("", Answer()));
  EXPECT_FALSE(IsRight(ActiveAs(kName).SerializeAsString(), Answer()));
  v1::ValidateResponse nameless;
  nameless.set_active(true);
  EXPECT_FALSE(IsRight(nameless.SerializeAsString(), Answer()));
}

TEST(Answer, ASessionWithoutActiveIsWrongEitherWay) {
  v1::ValidateResponse response = ActiveAs(kName);
  response.set_active(false);
  EXPECT_FALSE(IsRight(response.SerializeAsString(), Answer()));
  EXPECT_FALSE(IsRight(response.SerializeAsString(), Answer{kName}));
}

TEST(Answer, FieldsInAnotherOrderAreRight) {
  // Session first, then active: what a parser takes, though no library of
  // protobuf writes it.
  v1::ValidateResponse session;
  session.mutable_session()->set_name(kName);
  v1::ValidateResponse active;
  active.set_active(true);
  EXPECT_TRUE(IsRight(session.SerializeAsString() + active.SerializeAsString(),
                      Answer{kName}));
}

TEST(Answer, BytesThatAreNoMessageAreWrong) {
  EXPECT_FALSE(IsRight("\xff\xff", Answer()));
  EXPECT_FALSE(IsRight("\xff\xff", Answer{kName}));
  std::string cut = ActiveAs(kName).SerializeAsString();
  cut.resize(5);
  EXPECT_FALSE(IsRight(cut, Answer{kName}));
}

TEST(Answer, ABatchIsRightOnlyIfEachIsAndInOrder) {
  const Answer one{kName}, two{kOther}, none;
  v1::BatchValidateResponse response;
  *response.add_responses() = ActiveAs(kName);
  *response.add_responses() = v1::ValidateResponse();
  *response.add_responses() = ActiveAs(kOther);
  response.mutable_revision()->set_token("revision");
  const std::string bytes = response.SerializeAsString();
  EXPECT_TRUE(AreRight(bytes, {&one, &none, &two}));
  EXPECT_FALSE(AreRight(bytes, {&two, &none, &one}));
  EXPECT_FALSE(AreRight(bytes, {&one, &two, &none}));
  EXPECT_FALSE(AreRight(bytes, {&one, &none}));
  EXPECT_FALSE(AreRight(bytes, {&one, &none, &two, &two}));
}

TEST(Answer, IsDescribedWithoutTheCredential) {
  const std::string active = ActiveAs(kName).SerializeAsString();
  EXPECT_EQ(Describe(absl::string_view(active)),
            std::string("active as ") + kName);
  EXPECT_EQ(Describe(absl::string_view("")), "not active");
  EXPECT_EQ(Describe(Answer()), "not active");
}

}  // namespace
}  // namespace latchkey::bench
