#include "server/rpc/method.h"

#include <optional>
#include <set>
#include <string>

#include "google/protobuf/descriptor.h"
#include "gtest/gtest.h"

#include "latchkey/internal/v1/benchmark.pb.h"
#include "latchkey/v1/account.pb.h"
#include "latchkey/v1/admin.pb.h"
#include "latchkey/v1/auth.pb.h"
#include "latchkey/v1/key.pb.h"
#include "latchkey/v1/revocation.pb.h"
#include "latchkey/v1/session_service.pb.h"

namespace latchkey {
namespace {

// The methods of the contract, as declared.
std::set<std::string> DeclaredMethods() {
  std::set<std::string> names;
  for (const google::protobuf::FileDescriptor* file :
       {v1::LoginRequest::descriptor()->file(),
        v1::Account::descriptor()->file(), v1::Key::descriptor()->file(),
        v1::GetServerInfoRequest::descriptor()->file(),
        v1::GetSessionRequest::descriptor()->file(),
        v1::Subscribe::descriptor()->file(),
        internal::v1::PingRequest::descriptor()->file()}) {
    for (int i = 0; i < file->service_count(); ++i) {
      for (int j = 0; j < file->service(i)->method_count(); ++j) {
        names.insert(file->service(i)->method(j)->name());
      }
    }
  }
  return names;
}

TEST(MethodRules, NameEveryDeclaredMethodAndNoOther) {
  std::set<std::string> ruled;
  for (const MethodRule& rule : kMethodRules) {
    if (rule.method == Method::kLogoutByName) continue;  // a right, no RPC
    EXPECT_TRUE(ruled.insert(std::string(rule.name)).second) << rule.name;
  }
  EXPECT_EQ(ruled, DeclaredMethods());
}

TEST(MethodRules, StandInTheOrderOfTheEnum) {
  for (size_t i = 0; i < kMethodRules.size(); ++i) {
    EXPECT_EQ(static_cast<size_t>(kMethodRules[i].method), i);
  }
}

TEST(MethodRules, NeedWhatTheContractSays) {
  const std::set<std::string> open = {"Login", "Refresh", "Logout", "GetJwks",
                                      "Ping"};
  const std::set<std::string> validators = {"Validate", "BatchValidate",
                                            "WatchRevocations"};
  for (const MethodRule& rule : kMethodRules) {
    const std::string name(rule.name);
    std::optional<Permission> needs = Permission::kAdminister;
    if (open.count(name) != 0) needs = std::nullopt;
    if (validators.count(name) != 0) needs = Permission::kValidate;
    EXPECT_EQ(rule.needs, needs) << name;
  }
}

TEST(MethodRules, LetInWhoHasThePermissionAndNobodyElse) {
  constexpr PermissionSet kNone;
  for (const MethodRule& rule : kMethodRules) {
    EXPECT_TRUE(MayCall(rule.method, PermissionSet::All())) << rule.name;
    EXPECT_EQ(MayCall(rule.method, kNone), !rule.needs.has_value())
        << rule.name;
    for (const Permission one :
         {Permission::kValidate, Permission::kAdminister,
          Permission::kSeeReason, Permission::kLoginOnBehalf}) {
      EXPECT_EQ(MayCall(rule.method, kNone.With(one)),
                !rule.needs.has_value() || rule.needs == one)
          << rule.name;
    }
  }
}

TEST(MethodRules, RefuseWhatIsNotInTheTable) {
  const auto unknown = static_cast<Method>(1000);
  EXPECT_EQ(FindRule(unknown), nullptr);
  EXPECT_FALSE(MayCall(unknown, PermissionSet()));
  EXPECT_FALSE(MayCall(unknown, PermissionSet::All()));
}

}  // namespace
}  // namespace latchkey
