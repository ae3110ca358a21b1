// What Validate, Refresh and the forms of credentials promise.
#include <algorithm>
#include <string>

#include "absl/strings/match.h"
#include "gtest/gtest.h"

#include "server/base/error.h"
#include "tests/server/auth/world.h"

namespace latchkey {
namespace {

class BothFormsTest : public ::testing::TestWithParam<CredentialForm> {
 protected:
  BothFormsTest() { world_.CreateAccount("alice", {"admin", "dev"}); }
  LoginCommand Command() const { return World::LoginOf("alice", GetParam()); }
  World world_;
};

INSTANTIATE_TEST_SUITE_P(Forms, BothFormsTest,
                         ::testing::Values(CredentialForm::kOpaque,
                                           CredentialForm::kJwt),
                         [](const auto& row) {
                           return row.param == CredentialForm::kJwt ? "Jwt"
                                                                    : "Opaque";
                         });

TEST_P(BothFormsTest, ALoginIsActiveForItsAccount) {
  const Grant grant = world_.Login(Command());
  const auto answer = world_.TryValidate(grant.credential);
  ASSERT_TRUE(answer.ok());
  EXPECT_TRUE(answer->active);
  EXPECT_EQ(answer->session.profile->account, "alice");
  EXPECT_EQ(answer->session.profile->traits->roles,
            (std::vector<std::string>{"admin", "dev"}));
  EXPECT_EQ(answer->session.profile->traits->amr,
            (std::vector<std::string>{"pwd"}));
  EXPECT_EQ(answer->expire_time, grant.expire_time);
  EXPECT_GE(answer->revision, grant.revision);
}

TEST_P(BothFormsTest, ALogoutEndsIt) {
  const Grant grant = world_.Login(Command());
  ASSERT_TRUE(world_.Active(grant.credential));
  const auto logout = world_.authority().Logout(grant.credential.Reveal(),
                                                LogoutScope::kThisSession, {});
  ASSERT_TRUE(logout.ok());
  EXPECT_EQ(logout->ended, 1);
  EXPECT_GT(logout->revision, grant.revision);
  EXPECT_FALSE(world_.Active(grant.credential));
  const auto again = world_.authority().Logout(grant.credential.Reveal(),
                                               LogoutScope::kThisSession, {});
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->ended, 0);
}

TEST_P(BothFormsTest, EachAnswerSaysWhatToCountItAs) {
  LoginCommand command = Command();
  command.audiences = {"billing"};
  const Grant grant = world_.Login(std::move(command));
  const auto outcome = [&](ValidateQuery query) {
    const auto answer = world_.TryValidate(grant.credential, query);
    EXPECT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(answer->active, answer->outcome == ValidateOutcome::kActive);
    return answer->outcome;
  };
  world_.clock().Advance(absl::Seconds(2));
  EXPECT_EQ(outcome({.audience = "billing"}), ValidateOutcome::kActive);
  EXPECT_EQ(outcome({.audience = "mail"}), ValidateOutcome::kAudience);
  EXPECT_EQ(outcome({.audience = "billing", .max_auth_age = absl::Seconds(1)}),
            ValidateOutcome::kAuthTooOld);
  ASSERT_TRUE(
      world_.authority()
          .Logout(grant.credential.Reveal(), LogoutScope::kThisSession, {})
          .ok());
  // Nobody's, whatever else was asked for.
  EXPECT_EQ(outcome({.audience = "mail"}), ValidateOutcome::kNotGood);
}

TEST_P(BothFormsTest, AnInactiveAnswerTellsNothingButTheRevision) {
  const Grant grant = world_.Login(Command());
  ASSERT_TRUE(
      world_.authority()
          .Logout(grant.credential.Reveal(), LogoutScope::kThisSession, {})
          .ok());
  const auto answer = world_.TryValidate(grant.credential);
  ASSERT_TRUE(answer.ok());
  EXPECT_FALSE(answer->active);
  EXPECT_FALSE(answer->session.profile);
  EXPECT_GT(answer->revision, 0u);
}

TEST_P(BothFormsTest, AudiencesBindTheSession) {
  LoginCommand command = Command();
  command.audiences = {"billing", "mail"};
  const Grant bound = world_.Login(std::move(command));
  EXPECT_TRUE(world_.Active(bound.credential, {.audience = "mail"}));
  EXPECT_FALSE(world_.Active(bound.credential, {.audience = "chat"}));
  EXPECT_FALSE(world_.Active(bound.credential, {.audience = "MAIL"}));
  EXPECT_FALSE(world_.Active(bound.credential));

  const Grant free = world_.Login(Command());
  EXPECT_TRUE(world_.Active(free.credential));
  EXPECT_TRUE(world_.Active(free.credential, {.audience = "chat"}));
}

TEST_P(BothFormsTest, MaxAuthAgeAsksForAFreshProof) {
  const Grant grant = world_.Login(Command());
  world_.clock().Advance(absl::Minutes(1));
  EXPECT_TRUE(
      world_.Active(grant.credential, {.max_auth_age = absl::Minutes(1)}));
  EXPECT_FALSE(world_.Active(
      grant.credential,
      {.max_auth_age = absl::Minutes(1) - absl::Microseconds(1)}));
}

TEST_P(BothFormsTest, APassiveCheckIsNoActivity) {
  const Grant grant = world_.Login(Command());
  world_.clock().Advance(absl::Minutes(4));
  ASSERT_TRUE(world_.Active(grant.credential, {.passive = true}));
  const auto passive = world_.TryValidate(grant.credential, {.passive = true});
  EXPECT_EQ(passive->session.last_seen_time, grant.session.create_time);
  const auto active = world_.TryValidate(grant.credential);
  EXPECT_EQ(active->session.last_seen_time, world_.clock().Now());
}

TEST_P(BothFormsTest, IsDeadWithItsAccount) {
  const Grant grant = world_.Login(Command());
  ASSERT_TRUE(world_.accounts().SetDisabled("alice", true, {}).ok());
  EXPECT_FALSE(world_.Active(grant.credential));
  ASSERT_TRUE(world_.accounts().SetDisabled("alice", false, {}).ok());
  EXPECT_FALSE(world_.Active(grant.credential)) << "enabling revived it";

  const Grant second = world_.Login(Command());
  ASSERT_TRUE(world_.SetPassword("alice", "new").ok());
  EXPECT_FALSE(world_.Active(second.credential));

  const Grant third = world_.Login(World::LoginOf("alice", GetParam(), "new"));
  ASSERT_TRUE(world_.accounts().SetRoles("alice", {"dev"}, {}).ok());
  EXPECT_FALSE(world_.Active(third.credential));

  const Grant fourth = world_.Login(World::LoginOf("alice", GetParam(), "new"));
  ASSERT_TRUE(world_.accounts().Delete("alice", {}).ok());
  EXPECT_FALSE(world_.Active(fourth.credential));
  world_.CreateAccount("alice");
  EXPECT_FALSE(world_.Active(fourth.credential)) << "a new account's by name";
}

TEST_P(BothFormsTest, NoFailureOfTheStoreEndsInActive) {
  const Grant grant = world_.Login(Command());
  // Not in memory any more: the store has to be asked.
  SessionCache& cache = world_.cache();
  ASSERT_TRUE(cache.FlushAll().ok());
  for (int i = 0; i < 2000; ++i) world_.Login(Command());
  for (const absl::Status& failure :
       {absl::UnavailableError("x"), absl::DataLossError("x"),
        absl::InternalError("x"), absl::UnknownError("x")}) {
    world_.failing().failure = failure;
    const auto answer = world_.TryValidate(grant.credential);
    EXPECT_EQ(answer.status().code(), failure.code());
  }
  world_.failing().failure = absl::OkStatus();
  EXPECT_TRUE(world_.Active(grant.credential));
}

TEST_P(BothFormsTest, AnAccountThatCannotBeReadIsNoYes) {
  const Grant grant = world_.Login(Command());
  for (const Reach reach : {Reach::kMemory, Reach::kDisk}) {
    for (const absl::Status& failure :
         {absl::UnavailableError("x"), absl::DataLossError("x"),
          absl::InternalError("x")}) {
      world_.failing_accounts().failure = failure;
      ValidateQuery query;
      query.credential = grant.credential.Reveal();
      EXPECT_EQ(world_.authority().Validate(query, reach).status().code(),
                failure.code());
    }
  }
}

TEST_P(BothFormsTest, ALookUpInMemoryFailsAsTheStoreDoes) {
  LoginCommand other = Command();
  const Grant grant = world_.Login(std::move(other));
  for (int i = 0; i < 2000; ++i) world_.Login(Command());  // evicts it
  ValidateQuery query;
  query.credential = grant.credential.Reveal();
  world_.failing().failure = absl::DataLossError("x");
  EXPECT_EQ(world_.authority().Validate(query, Reach::kMemory).status().code(),
            absl::StatusCode::kDataLoss);
}

TEST(Validate, ForeignAndMisspeltCredentialsAreInactive) {
  World world;
  world.CreateAccount("alice");
  const Grant opaque = world.Login(World::LoginOf("alice"));
  const Grant jwt = world.Login(World::LoginOf("alice", CredentialForm::kJwt));
  const std::string good(opaque.credential.Reveal());
  std::string typo = good;
  typo[10] = typo[10] == 'A' ? 'B' : 'A';
  std::string signature(jwt.credential.Reveal());
  signature[signature.size() - 10] ^= 1;
  for (const std::string& bad :
       {std::string(), std::string("lks_"), typo, good + " ", " " + good,
        good.substr(1), std::string(53, 'x'), std::string("..."), signature,
        std::string(8192, 'a'), std::string("\0\0", 2)}) {
    EXPECT_FALSE(world.Active(SecretBytes(bad))) << bad;
  }
}

TEST(Validate, NamesAndRefreshCredentialsAreNoCredentials) {
  World world;
  world.CreateAccount("alice");
  const Grant grant =
      world.Login(World::LoginOf("alice", CredentialForm::kJwt));
  EXPECT_FALSE(world.Active(grant.refresh_credential));
  EXPECT_FALSE(world.Active(SecretBytes(grant.session.id.ToHex())));
  EXPECT_FALSE(world.Active(SecretBytes("lks_" + grant.session.id.ToHex())));
  EXPECT_FALSE(world.Active(
      SecretBytes("accounts/alice/sessions/" + grant.session.id.ToHex())));
}

TEST(Validate, AJwtEndsBeforeItsSession) {
  World world;
  world.CreateAccount("alice");
  const Grant grant =
      world.Login(World::LoginOf("alice", CredentialForm::kJwt));
  EXPECT_EQ(grant.expire_time, world.clock().Now() + absl::Minutes(5));
  world.clock().Advance(absl::Minutes(5) - absl::Microseconds(1));
  EXPECT_TRUE(world.Active(grant.credential));
  world.clock().Advance(absl::Microseconds(1));
  EXPECT_FALSE(world.Active(grant.credential));
}

TEST(Validate, AnotherServersJwtIsInactive) {
  World ours, theirs;
  ours.CreateAccount("alice");
  theirs.CreateAccount("alice");
  const Grant foreign =
      theirs.Login(World::LoginOf("alice", CredentialForm::kJwt));
  EXPECT_FALSE(ours.Active(foreign.credential));
}

TEST(Validate, ExpiresAtTheInstantAndStaysSoWhenTheClockStepsBack) {
  World world({.session_ttl = absl::Hours(2), .idle_ttl = absl::Hours(3)});
  world.CreateAccount("alice");
  const Grant grant = world.Login(World::LoginOf("alice"));
  world.clock().Advance(absl::Hours(2) - absl::Microseconds(1));
  EXPECT_TRUE(world.Active(grant.credential));
  world.clock().Advance(absl::Microseconds(1));
  EXPECT_FALSE(world.Active(grant.credential));
  world.clock().SetNow(world.clock().Now() - absl::Hours(1));
  EXPECT_FALSE(world.Active(grant.credential)) << "the clock revived it";
}

TEST(Validate, ActivityPutsOffTheIdleEnd) {
  World world;
  world.CreateAccount("alice");
  const Grant grant = world.Login(World::LoginOf("alice"));
  for (int i = 0; i < 5; ++i) {
    world.clock().Advance(absl::Minutes(29));
    EXPECT_TRUE(world.Active(grant.credential));
  }
  world.clock().Advance(absl::Minutes(30));
  EXPECT_FALSE(world.Active(grant.credential));
}

TEST(Refresh, YieldsANewJwtOfTheSameSession) {
  World world;
  world.CreateAccount("alice");
  const Grant login =
      world.Login(World::LoginOf("alice", CredentialForm::kJwt));
  EXPECT_TRUE(absl::StartsWith(login.refresh_credential.Reveal(), "lkr_"));
  world.clock().Advance(absl::Minutes(20));
  EXPECT_FALSE(world.Active(login.credential));
  const auto fresh =
      world.authority().Refresh(login.refresh_credential.Reveal(), {});
  ASSERT_TRUE(fresh.ok()) << fresh.status();
  EXPECT_EQ(fresh->session.id, login.session.id);
  EXPECT_EQ(fresh->refresh_credential, login.refresh_credential);
  EXPECT_EQ(fresh->session.last_seen_time, world.clock().Now());
  EXPECT_TRUE(world.Active(fresh->credential));
  // It counted as activity: 20 more minutes are 40 after the login.
  world.clock().Advance(absl::Minutes(20));
  EXPECT_TRUE(
      world.authority().Refresh(login.refresh_credential.Reveal(), {}).ok());
}

TEST(Refresh, RefusesWhatIsNotOfALiveSession) {
  World world;
  world.CreateAccount("alice");
  const Grant opaque = world.Login(World::LoginOf("alice"));
  const Grant jwt = world.Login(World::LoginOf("alice", CredentialForm::kJwt));
  const Grant ended =
      world.Login(World::LoginOf("alice", CredentialForm::kJwt));
  ASSERT_TRUE(
      world.authority()
          .Logout(ended.credential.Reveal(), LogoutScope::kThisSession, {})
          .ok());
  for (const absl::string_view bad :
       {absl::string_view("lkr_x"), opaque.credential.Reveal(),
        jwt.credential.Reveal(), ended.refresh_credential.Reveal()}) {
    const auto refused = world.authority().Refresh(bad, {});
    EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnauthenticated);
    EXPECT_EQ(ReasonOf(refused.status()), Reason::kRefreshRefused);
  }
  world.clock().Advance(absl::Minutes(30));
  EXPECT_FALSE(
      world.authority().Refresh(jwt.refresh_credential.Reveal(), {}).ok());
}

TEST(Refresh, KeepsTheJwtInsideTheSession) {
  World world({.session_ttl = absl::Minutes(12), .idle_ttl = absl::Hours(1)});
  world.CreateAccount("alice");
  const Grant login =
      world.Login(World::LoginOf("alice", CredentialForm::kJwt));
  world.clock().Advance(absl::Minutes(10));
  const auto fresh =
      world.authority().Refresh(login.refresh_credential.Reveal(), {});
  ASSERT_TRUE(fresh.ok());
  EXPECT_EQ(fresh->expire_time, login.session.expire_time);
}

TEST(Refresh, MakesNoJwtFromMemoryOfAStoreThatFailed) {
  World world;
  world.CreateAccount("alice");
  const Grant login =
      world.Login(World::LoginOf("alice", CredentialForm::kJwt));
  for (const Reason reason : {Reason::kStoreFailed, Reason::kShuttingDown}) {
    world.failing().readiness =
        MakeError(absl::StatusCode::kUnavailable, reason, "x");
    const auto refused =
        world.authority().Refresh(login.refresh_credential.Reveal(), {});
    EXPECT_TRUE(absl::IsUnavailable(refused.status()));
    EXPECT_EQ(ReasonOf(refused.status()), reason);
  }
  world.failing().readiness = absl::OkStatus();
  EXPECT_TRUE(
      world.authority().Refresh(login.refresh_credential.Reveal(), {}).ok());
}

}  // namespace
}  // namespace latchkey
