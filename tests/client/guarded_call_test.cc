#include "client/guarded_call.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>

namespace latchkey {
namespace {

using Leave = GuardedCall::Leave;

Verdict Alice() {
  return std::make_shared<const Principal>(Principal{.account = "alice"});
}

TEST(GuardedCallTest, WhoAskedMayAnswer) {
  GuardedCall call;
  call.Accept(Alice());
  EXPECT_EQ(call.Ask()->account, "alice");
  EXPECT_EQ(call.Ask()->account, "alice");
  EXPECT_EQ(call.Answer(), Leave::kYes);
}

TEST(GuardedCallTest, WhoDidNotAskMayNotAnswerAnyMore) {
  GuardedCall call;
  call.Accept(Alice());
  EXPECT_EQ(call.Answer(), Leave::kNoSinceNow);
  EXPECT_EQ(call.Ask(), nullptr);
  EXPECT_EQ(call.Answer(), Leave::kNo);
  EXPECT_EQ(call.refusal(), GuardRefusal::kNotAsked);
}

TEST(GuardedCallTest, WhatIsRefusedMayNotAnswer) {
  GuardedCall call;
  call.Refuse(GuardRefusal::kMissingRole);
  EXPECT_EQ(call.Ask(), nullptr);
  EXPECT_EQ(call.Answer(), Leave::kNo);
  EXPECT_EQ(call.refusal(), GuardRefusal::kMissingRole);
}

TEST(GuardedCallTest, WhatIsNotJudgedMayNotAnswer) {
  GuardedCall call;
  EXPECT_EQ(call.Ask(), nullptr);
  EXPECT_EQ(call.Answer(), Leave::kNo);
}

TEST(GuardedCallTest, WhatIsOpenAnswersForNobody) {
  GuardedCall call;
  call.Open();
  EXPECT_EQ(call.Ask(), nullptr);
  EXPECT_EQ(call.Answer(), Leave::kYes);
}

}  // namespace
}  // namespace latchkey
