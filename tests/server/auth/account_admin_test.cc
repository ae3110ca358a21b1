#include "server/auth/account_admin.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "server/base/error.h"
#include "tests/server/auth/world.h"

namespace latchkey {
namespace {

TEST(AccountAdmin, SortsRolesAndShowsThem) {
  World world;
  world.CreateAccount("alice", {"b", "a"});
  EXPECT_EQ(world.accounts().Get("alice")->roles,
            (std::vector<std::string>{"a", "b"}));
  const auto change = world.accounts().SetRoles("alice", {"d", "c"}, {});
  ASSERT_TRUE(change.ok());
  EXPECT_EQ(change->account.roles, (std::vector<std::string>{"c", "d"}));
}

TEST(AccountAdmin, TheSameRolesAgainEndNothing) {
  World world;
  world.CreateAccount("alice", {"a", "b"});
  const Grant grant = world.Login(World::LoginOf("alice"));
  ASSERT_TRUE(world.accounts().SetRoles("alice", {"b", "a"}, {}).ok());
  EXPECT_TRUE(world.Active(grant.credential));
}

TEST(AccountAdmin, NamesWhatIsMissingOrTaken) {
  World world;
  EXPECT_EQ(ReasonOf(world.accounts().Get("alice").status()),
            Reason::kAccountNotFound);
  EXPECT_EQ(ReasonOf(world.accounts().SetRoles("alice", {}, {}).status()),
            Reason::kAccountNotFound);
  EXPECT_EQ(ReasonOf(world.accounts().SetDisabled("alice", true, {}).status()),
            Reason::kAccountNotFound);
  EXPECT_EQ(ReasonOf(world.accounts().Delete("alice", {}).status()),
            Reason::kAccountNotFound);
  EXPECT_EQ(ReasonOf(world.SetPassword("alice", "x").status()),
            Reason::kAccountNotFound);
  world.CreateAccount("alice");
  Notification answered;
  absl::Status status;
  world.accounts().Create({.name = "alice",
                           .password = SecretBytes("pw"),
                           .roles = {},
                           .origin = {},
                           .abandoned = [] { return false; }},
                          [&](absl::StatusOr<AccountChange> change) {
                            status = change.status();
                            answered.Notify();
                          });
  answered.Wait();
  EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(ReasonOf(status), Reason::kAccountExists);
}

TEST(AccountAdmin, ADeletedNameGetsAnotherUid) {
  World world;
  world.CreateAccount("alice");
  const AccountUid first = world.accounts().Get("alice")->uid;
  ASSERT_TRUE(world.accounts().Delete("alice", {}).ok());
  world.CreateAccount("alice");
  EXPECT_NE(world.accounts().Get("alice")->uid, first);
}

}  // namespace
}  // namespace latchkey
