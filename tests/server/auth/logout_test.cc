// What Logout promises, by credential and by name, in each scope.
#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "server/base/error.h"
#include "tests/server/auth/world.h"

namespace latchkey {
namespace {

class LogoutTest : public ::testing::Test {
 protected:
  LogoutTest() {
    world_.CreateAccount("alice");
    world_.CreateAccount("bob");
  }

  LogoutAnswer Logout(const SecretBytes& credential, LogoutScope scope) {
    const auto answer =
        world_.authority().Logout(credential.Reveal(), scope, {});
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.value_or(LogoutAnswer());
  }

  Grant Alice(CredentialForm form = CredentialForm::kOpaque) {
    return world_.Login(World::LoginOf("alice", form));
  }

  World world_;
};

TEST_F(LogoutTest, OthersLeavesTheTargetAndOtherAccounts) {
  const Grant kept = Alice();
  const Grant first = Alice();
  const Grant second = Alice(CredentialForm::kJwt);
  const Grant bob = world_.Login(World::LoginOf("bob"));
  EXPECT_EQ(Logout(kept.credential, LogoutScope::kOtherSessions).ended, 2);
  EXPECT_TRUE(world_.Active(kept.credential));
  EXPECT_TRUE(world_.Active(bob.credential));
  EXPECT_FALSE(world_.Active(first.credential));
  EXPECT_FALSE(world_.Active(second.credential));
  EXPECT_EQ(Logout(kept.credential, LogoutScope::kOtherSessions).ended, 0);
}

TEST_F(LogoutTest, OthersWalksMoreThanOneBatch) {
  const Grant kept = Alice();
  for (int i = 0; i < 2100; ++i) Alice();
  EXPECT_EQ(Logout(kept.credential, LogoutScope::kOtherSessions).ended, 2100);
  EXPECT_TRUE(world_.Active(kept.credential));
}

TEST_F(LogoutTest, AllEndsEverythingInOneWrite) {
  const Grant first = Alice();
  const Grant second = Alice(CredentialForm::kJwt);
  const Grant bob = world_.Login(World::LoginOf("bob"));
  const uint64_t before = world_.cache().Revision();
  const LogoutAnswer answer =
      Logout(first.credential, LogoutScope::kAllSessions);
  EXPECT_EQ(answer.ended, 2);
  EXPECT_EQ(answer.revision, before + 1);
  EXPECT_FALSE(world_.Active(first.credential));
  EXPECT_FALSE(world_.Active(second.credential));
  EXPECT_FALSE(
      world_.authority().Refresh(second.refresh_credential.Reveal(), {}).ok());
  EXPECT_TRUE(world_.Active(bob.credential));
  EXPECT_EQ(Logout(first.credential, LogoutScope::kAllSessions).ended, 0);
}

TEST_F(LogoutTest, ALoginAtTheSameInstantOutlivesAnEarlierLogoutOfAll) {
  const Grant before = Alice();
  Logout(before.credential, LogoutScope::kAllSessions);
  const Grant after = Alice();  // the clock has not moved
  EXPECT_FALSE(world_.Active(before.credential));
  EXPECT_TRUE(world_.Active(after.credential));
}

TEST_F(LogoutTest, ALogoutOfAllHoldsWhenTheClockIsSetBackAnHour) {
  const Grant before = Alice();
  Logout(before.credential, LogoutScope::kAllSessions);
  world_.clock().SetNow(world_.clock().Now() - absl::Hours(1));
  const Grant after = Alice();
  EXPECT_FALSE(world_.Active(before.credential));
  EXPECT_TRUE(world_.Active(after.credential));
}

TEST_F(LogoutTest, AnEndedTargetEndsNothingElse) {
  const Grant ended = Alice();
  const Grant other = Alice();
  Logout(ended.credential, LogoutScope::kThisSession);
  EXPECT_EQ(Logout(ended.credential, LogoutScope::kAllSessions).ended, 0);
  EXPECT_EQ(Logout(ended.credential, LogoutScope::kOtherSessions).ended, 0);
  EXPECT_TRUE(world_.Active(other.credential));
}

TEST_F(LogoutTest, AnExpiredJwtStillEndsItsSession) {
  const Grant grant = Alice(CredentialForm::kJwt);
  world_.clock().Advance(absl::Minutes(6));
  ASSERT_FALSE(world_.Active(grant.credential));
  EXPECT_EQ(Logout(grant.credential, LogoutScope::kThisSession).ended, 1);
  EXPECT_FALSE(
      world_.authority().Refresh(grant.refresh_credential.Reveal(), {}).ok());
}

TEST_F(LogoutTest, ARefreshCredentialEndsItsSession) {
  const Grant grant = Alice(CredentialForm::kJwt);
  EXPECT_EQ(Logout(grant.refresh_credential, LogoutScope::kThisSession).ended,
            1);
  EXPECT_FALSE(world_.Active(grant.credential));
}

TEST_F(LogoutTest, HoldsWhenTheClockThatSaidDeadWasWrong) {
  const Grant by_credential = Alice();
  const Grant by_jwt = Alice(CredentialForm::kJwt);
  const Grant by_name = Alice();
  const absl::Time right = world_.clock().Now();
  world_.clock().Advance(absl::Hours(48));  // all dead, by a wrong clock
  EXPECT_EQ(Logout(by_credential.credential, LogoutScope::kThisSession).ended,
            0);
  EXPECT_EQ(Logout(by_jwt.credential, LogoutScope::kAllSessions).ended, 0);
  EXPECT_EQ(world_.authority()
                .LogoutByName("alice", by_name.session.id,
                              LogoutScope::kThisSession, {})
                ->ended,
            0);
  // What a restart with the clock put right would find.
  EXPECT_TRUE(world_.memory()
                  .sessions()
                  .List(by_name.session.account_uid, {}, 10, right)
                  ->empty());
}

TEST_F(LogoutTest, OfOthersReachesThoseThatAWrongClockCallsDead) {
  const Grant other = Alice();
  const absl::Time right = world_.clock().Now();
  world_.clock().Advance(absl::Hours(48));
  const Grant kept = Alice();
  EXPECT_EQ(Logout(kept.credential, LogoutScope::kOtherSessions).ended, 0);
  const auto left =
      world_.memory().sessions().List(other.session.account_uid, {}, 10, right);
  ASSERT_EQ(left->size(), 1u);
  EXPECT_EQ(left->at(0).session.id, kept.session.id);
}

TEST_F(LogoutTest, AnIdAloneEndsNothing) {
  const Grant grant = Alice();
  EXPECT_EQ(
      Logout(SecretBytes(grant.session.id.ToHex()), LogoutScope::kThisSession)
          .ended,
      0);
  EXPECT_TRUE(world_.Active(grant.credential));
}

TEST_F(LogoutTest, ByNameEndsThatSessionOfThatAccountOnly) {
  const Grant grant = Alice(CredentialForm::kJwt);
  auto& authority = world_.authority();
  EXPECT_EQ(
      authority
          .LogoutByName("bob", grant.session.id, LogoutScope::kThisSession, {})
          ->ended,
      0);
  EXPECT_TRUE(world_.Active(grant.credential));
  EXPECT_EQ(authority
                .LogoutByName("alice", grant.session.id,
                              LogoutScope::kThisSession, {})
                ->ended,
            1);
  EXPECT_FALSE(world_.Active(grant.credential));
  EXPECT_EQ(
      authority
          .LogoutByName("alice", SessionId(), LogoutScope::kThisSession, {})
          ->ended,
      0);
}

TEST_F(LogoutTest, CountsUpToItsLimit) {
  const Grant grant = Alice();
  for (int i = 0; i < kMaxCountedEnds + 5; ++i) Alice();
  EXPECT_EQ(Logout(grant.credential, LogoutScope::kAllSessions).ended,
            kMaxCountedEnds);
}

TEST_F(LogoutTest, SessionsCanBeSeenUntilTheyEnd) {
  const Grant grant = Alice();
  const auto seen = world_.sessions().Get("alice", grant.session.id);
  ASSERT_TRUE(seen.ok());
  EXPECT_EQ(seen->id, grant.session.id);
  EXPECT_EQ(ReasonOf(world_.sessions().Get("bob", grant.session.id).status()),
            Reason::kSessionNotFound);
  Logout(grant.credential, LogoutScope::kThisSession);
  EXPECT_EQ(ReasonOf(world_.sessions().Get("alice", grant.session.id).status()),
            Reason::kSessionNotFound);
  EXPECT_EQ(ReasonOf(world_.sessions().List("carol", {}, 10).status()),
            Reason::kAccountNotFound);
}

TEST_F(LogoutTest, SessionsAreListedInPagesAndWithoutTheDead) {
  std::vector<Grant> grants;
  for (int i = 0; i < 5; ++i) grants.push_back(Alice());
  Logout(grants[0].credential, LogoutScope::kThisSession);
  std::vector<SessionId> seen;
  std::optional<SessionId> after;
  do {
    const auto page = world_.sessions().List("alice", after, 3);
    ASSERT_TRUE(page.ok());
    for (const Session& session : page->sessions) seen.push_back(session.id);
    after = page->next_after;
  } while (after.has_value());
  EXPECT_EQ(seen.size(), 4u);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  Logout(grants[1].credential, LogoutScope::kAllSessions);
  EXPECT_TRUE(world_.sessions().List("alice", {}, 10)->sessions.empty());
}

}  // namespace
}  // namespace latchkey
