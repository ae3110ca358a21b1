#include "server/session/session_profile.h"

#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

#include "server/session/live_session.h"

namespace latchkey {
namespace {

using ProfileRef = Interned<SessionProfile>;

Session SessionOf(uint8_t account, const std::string& agent = "") {
  Session session;
  session.account = "account " + std::to_string(account);
  session.account_uid.array()[0] = account;
  session.roles = {"dev"};
  session.client.user_agent = agent;
  return session;
}

TEST(ProfileTable, KeepsEqualProfilesOnce) {
  ProfileTable table;
  const ProfileRef first = table.Share(SessionOf(1));
  const ProfileRef second = table.Share(SessionOf(1));
  EXPECT_EQ(&*first, &*second);
  EXPECT_EQ(table.Size(), 1u);
  EXPECT_EQ(first->account, "account 1");
  EXPECT_EQ(first->traits->roles, (std::vector<std::string>{"dev"}));
}

TEST(ProfileTable, KeepsApartWhatDiffersInAnyField) {
  ProfileTable table;
  std::vector<ProfileRef> refs;
  refs.push_back(table.Share(SessionOf(1)));
  const auto add = [&](auto change) {
    Session other = SessionOf(1);
    change(other);
    refs.push_back(table.Share(other));
    EXPECT_EQ(table.Size(), refs.size());
    // What is handed out is the whole session, times and id aside.
    LiveSession live;
    live.profile = refs.back();
    live.create_time = other.create_time;
    live.expire_time = other.expire_time;
    live.last_seen_time = other.last_seen_time;
    EXPECT_EQ(live.ToSession(), other);
  };
  add([](Session& p) { p.form = CredentialForm::kJwt; });
  add([](Session& p) { p.account_kind = AccountKind::kService; });
  add([](Session& p) { p.account = "another"; });
  add([](Session& p) { p.account_uid.array()[1] = 1; });
  add([](Session& p) { p.generation = 9; });
  add([](Session& p) { p.idle_ttl = absl::Seconds(1); });
  add([](Session& p) { p.auth_time += absl::Seconds(1); });
  add([](Session& p) { p.audiences = {"mail"}; });
  add([](Session& p) { p.roles = {"dev", "ops"}; });
  add([](Session& p) { p.amr = {"pwd"}; });
  add([](Session& p) { p.client.user_agent = "x"; });
  add([](Session& p) { p.client.ip_address = "x"; });
  add([](Session& p) { p.client.device_label = "x"; });
}

TEST(ProfileTable, KeepsWhatAccountsHaveInCommonOnce) {
  ProfileTable table;
  const ProfileRef alice = table.Share(SessionOf(1));
  const ProfileRef bob = table.Share(SessionOf(2));
  EXPECT_FALSE(alice == bob);
  EXPECT_TRUE(alice->traits == bob->traits);
}

TEST(ProfileTable, FreesAProfileWithItsLastShare) {
  ProfileTable table;
  {
    ProfileRef first = table.Share(SessionOf(1, std::string(200, 'a')));
    EXPECT_GT(table.Bytes(), 200u);
    ProfileRef second = first;
    first = ProfileRef();
    EXPECT_EQ(table.Size(), 1u);
    ProfileRef third = std::move(second);
    EXPECT_EQ(third->account, "account 1");
  }
  EXPECT_EQ(table.Size(), 0u);
  EXPECT_EQ(table.Bytes(), 0u);
}

TEST(ProfileTable, KeepsASharesNumberUntilItIsReclaimed) {
  ProfileTable table;
  InternTable<SessionProfile>& profiles = table.profiles();
  const auto kept = profiles.Keep(table.Share(SessionOf(1)));
  EXPECT_EQ(profiles.Keep(table.Share(SessionOf(1))), kept);
  const auto other = profiles.Keep(table.Share(SessionOf(2)));
  EXPECT_NE(other, kept);
  EXPECT_EQ(profiles.At(kept).account, "account 1");
  profiles.Fetch(kept);
  EXPECT_EQ(profiles.Copy(kept)->account, "account 1");
  EXPECT_EQ(profiles.Reclaim(kept)->account, "account 1");
  EXPECT_EQ(table.Size(), 2u) << "it was kept twice";
  EXPECT_EQ(profiles.Reclaim(kept)->account, "account 1");
  EXPECT_EQ(table.Size(), 1u);
  EXPECT_EQ(profiles.Reclaim(other)->account, "account 2");
  EXPECT_EQ(table.Size(), 0u);
}

TEST(ProfileTable, SurvivesThreadsThatShareAndLetGoAtOnce) {
  ProfileTable table;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&table] {
      for (int i = 0; i < 20000; ++i) {
        const auto number = static_cast<uint8_t>(i % 3);
        const ProfileRef ref = table.Share(SessionOf(number));
        const ProfileRef copy = ref;
        ASSERT_EQ(copy->account_uid.array()[0], number);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(table.Size(), 0u);
  EXPECT_EQ(table.Bytes(), 0u);
}

}  // namespace
}  // namespace latchkey
