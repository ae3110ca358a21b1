#include "client/method_rule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <string>

namespace latchkey {
namespace {

TEST(MethodRulesTest, AMethodComesBeforeItsService) {
  const auto rules =
      MethodRules::Create({{"/a.B/*", MethodRule::AnyAccount()},
                           {"/a.B/Get", MethodRule::AllOf({"reader"})}});
  ASSERT_TRUE(rules.ok()) << rules.status();
  EXPECT_EQ(rules->Find("/a.B/Get")->access, MethodRule::Access::kRoles);
  EXPECT_EQ(rules->Find("/a.B/Put")->access, MethodRule::Access::kAnyAccount);
}

TEST(MethodRulesTest, WhatHasNoRuleIsNotFound) {
  const auto rules =
      MethodRules::Create({{"/a.B/*", MethodRule::AnyAccount()},
                           {"/a.C/Get", MethodRule::AnyAccount()}});
  ASSERT_TRUE(rules.ok());
  for (const char* method : {"/a.C/Put", "/a.BB/Get", "/a/Get", "a.B/Get", "",
                             "/", "//", "/a.B", "Get"}) {
    EXPECT_EQ(rules->Find(method), nullptr) << method;
  }
}

TEST(MethodRulesTest, OtherSpellingsOfNamesAreRefused) {
  for (const char* method :
       {"", "*", "/*", "/a.B", "/a.B/", "a.B/Get", "a.B.Get", "/a.B/Get/",
        "/a.B/G*", "/a.*/Get", "//Get", "/a.B//"}) {
    EXPECT_EQ(MethodRules::Create({{method, MethodRule::AnyAccount()}})
                  .status()
                  .code(),
              absl::StatusCode::kInvalidArgument)
        << method;
  }
}

TEST(MethodRulesTest, ARuleSaysWhoMayCall) {
  MethodRule with_roles = MethodRule::AnyAccount();
  with_roles.roles = {"reader"};
  for (const MethodRule& rule :
       {MethodRule(), MethodRule::AllOf({}), with_roles}) {
    EXPECT_FALSE(MethodRules::Create({{"/a.B/Get", rule}}).ok());
  }
}

TEST(MethodRulesTest, AnAudienceHasALimit) {
  MethodRule rule = MethodRule::AnyAccount();
  rule.audience = std::string(256, 'x');
  EXPECT_TRUE(MethodRules::Create({{"/a.B/Get", rule}}).ok());
  rule.audience = std::string(257, 'x');
  EXPECT_FALSE(MethodRules::Create({{"/a.B/Get", rule}}).ok());
}

TEST(HasRolesTest, AllAreNeeded) {
  const Principal who = {.roles = {"a", "b", "c"}};
  EXPECT_TRUE(HasRoles(who, {}));
  EXPECT_TRUE(HasRoles(who, {"c", "a"}));
  EXPECT_FALSE(HasRoles(who, {"a", "d"}));
  EXPECT_FALSE(HasRoles(Principal(), {"a"}));
}

}  // namespace
}  // namespace latchkey
