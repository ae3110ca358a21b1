#include "server/rpc/method.h"

#include <set>
#include <string>

#include "google/protobuf/descriptor.h"
#include "gtest/gtest.h"

#include "latchkey/internal/v1/benchmark.pb.h"
#include "latchkey/v1/account.pb.h"
#include "latchkey/v1/admin.pb.h"
#include "latchkey/v1/auth.pb.h"
#include "latchkey/v1/key.pb.h"
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

TEST(MethodRules, OpenToTheNetworkExactlyWhatHoldersNeed) {
  std::set<std::string> open;
  for (const MethodRule& rule : kMethodRules) {
    EXPECT_EQ(IsPermitted(rule.method, Listener::kAdminSocket),
              rule.method != Method::kPing);
    if (IsPermitted(rule.method, Listener::kNetwork)) {
      open.insert(std::string(rule.name));
    }
  }
  EXPECT_EQ(open,
            (std::set<std::string>{"Login", "Validate", "BatchValidate",
                                   "Refresh", "Logout", "GetJwks", "Ping"}));
}

TEST(MethodRules, RefuseWhatIsNotInTheTable) {
  const auto unknown = static_cast<Method>(1000);
  EXPECT_FALSE(IsPermitted(unknown, Listener::kNetwork));
  EXPECT_FALSE(IsPermitted(unknown, Listener::kAdminSocket));
}

}  // namespace
}  // namespace latchkey
