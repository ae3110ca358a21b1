#include "server/session/session_profile.h"

#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace latchkey {
namespace {

SessionProfile ProfileOf(uint8_t account, const std::string& agent = "") {
  SessionProfile profile;
  profile.account = "account " + std::to_string(account);
  profile.account_uid.array()[0] = account;
  profile.roles = {"dev"};
  profile.client.user_agent = agent;
  return profile;
}

TEST(ProfileTable, KeepsEqualProfilesOnce) {
  ProfileTable table;
  const ProfileRef first = table.Share(ProfileOf(1));
  const ProfileRef second = table.Share(ProfileOf(1));
  EXPECT_EQ(&*first, &*second);
  EXPECT_EQ(table.Size(), 1u);
  EXPECT_EQ(*first, ProfileOf(1));
}

TEST(ProfileTable, KeepsApartWhatDiffersInAnyField) {
  ProfileTable table;
  std::vector<ProfileRef> refs;
  refs.push_back(table.Share(ProfileOf(1)));
  const auto add = [&](auto change) {
    SessionProfile other = ProfileOf(1);
    change(other);
    refs.push_back(table.Share(other));
    EXPECT_EQ(*refs.back(), other);
    EXPECT_EQ(table.Size(), refs.size());
  };
  add([](SessionProfile& p) { p.form = CredentialForm::kJwt; });
  add([](SessionProfile& p) { p.account = "another"; });
  add([](SessionProfile& p) { p.account_uid.array()[1] = 1; });
  add([](SessionProfile& p) { p.generation = 9; });
  add([](SessionProfile& p) { p.idle_ttl = absl::Seconds(1); });
  add([](SessionProfile& p) { p.auth_delay = absl::Seconds(1); });
  add([](SessionProfile& p) { p.audiences = {"mail"}; });
  add([](SessionProfile& p) { p.roles = {"dev", "ops"}; });
  add([](SessionProfile& p) { p.amr = {"pwd"}; });
  add([](SessionProfile& p) { p.client.user_agent = "x"; });
  add([](SessionProfile& p) { p.client.ip_address = "x"; });
  add([](SessionProfile& p) { p.client.device_label = "x"; });
}

TEST(ProfileTable, FreesAProfileWithItsLastShare) {
  ProfileTable table;
  {
    ProfileRef first = table.Share(ProfileOf(1, std::string(200, 'a')));
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

TEST(ProfileTable, SurvivesThreadsThatShareAndLetGoAtOnce) {
  ProfileTable table;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&table] {
      for (int i = 0; i < 20000; ++i) {
        const auto number = static_cast<uint8_t>(i % 3);
        const ProfileRef ref = table.Share(ProfileOf(number));
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
