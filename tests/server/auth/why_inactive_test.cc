// What is said of a credential that is not active, to those who may know.
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "server/base/error.h"
#include "tests/server/auth/world.h"

namespace latchkey {
namespace {

constexpr CredentialForm kOpaque = CredentialForm::kOpaque;
constexpr CredentialForm kJwt = CredentialForm::kJwt;

class WhyInactiveTest : public ::testing::Test {
 protected:
  WhyInactiveTest() { world_.CreateAccount("alice"); }

  Grant Login(CredentialForm form) {
    return world_.Login(World::LoginOf("alice", form));
  }
  // The reason; also that no other part of the answer depends on asking.
  InactiveReason Why(absl::string_view credential, ValidateQuery query = {}) {
    const SecretBytes secret(credential);
    query.explain = false;
    const auto plain = world_.TryValidate(secret, query);
    query.explain = true;
    const auto answer = world_.TryValidate(secret, query);
    EXPECT_TRUE(plain.ok() && answer.ok()) << plain.status();
    if (!plain.ok() || !answer.ok()) return InactiveReason::kUntold;
    EXPECT_EQ(plain->active, answer->active);
    EXPECT_EQ(plain->inactive_reason, InactiveReason::kUntold);
    return answer->inactive_reason;
  }
  InactiveReason Why(const Grant& grant, ValidateQuery query = {}) {
    return Why(grant.credential.Reveal(), query);
  }

  World world_;
};

TEST_F(WhyInactiveTest, NothingIsSaidOfWhatIsActive) {
  EXPECT_EQ(Why(Login(kOpaque)), InactiveReason::kUntold);
  EXPECT_EQ(Why(Login(kJwt)), InactiveReason::kUntold);
}

TEST_F(WhyInactiveTest, WhatWeNeverIssuedIsUnknown) {
  const Grant jwt = Login(kJwt);
  std::string forged(jwt.credential.Reveal());
  forged.back() = forged.back() == 'A' ? 'E' : 'A';
  for (const std::string& text :
       {std::string(), std::string("x"), std::string(8192, 'x'), forged,
        std::string(jwt.refresh_credential.Reveal()),
        std::string(
            "lks_000000000000000000000000000000000000000000000000000")}) {
    EXPECT_EQ(Why(text), InactiveReason::kUnknown) << text.size();
  }
}

TEST_F(WhyInactiveTest, AnEndedSessionIsKnownOnlyByItsJwt) {
  for (const auto& [form, reason] :
       {std::pair(kOpaque, InactiveReason::kUnknown),
        std::pair(kJwt, InactiveReason::kSessionEnded)}) {
    const Grant grant = Login(form);
    ASSERT_TRUE(
        world_.authority()
            .Logout(grant.credential.Reveal(), LogoutScope::kThisSession)
            .ok());
    EXPECT_EQ(Why(grant), reason);
  }
}

TEST_F(WhyInactiveTest, PastItsEndIsExpiredFromThatInstantOn) {
  LoginCommand command = World::LoginOf("alice");
  command.requested_ttl = absl::Minutes(10);
  const Grant grant = world_.Login(std::move(command));
  world_.clock().Advance(absl::Minutes(10) - absl::Microseconds(1));
  EXPECT_EQ(Why(grant), InactiveReason::kUntold);
  world_.clock().Advance(absl::Microseconds(1));
  EXPECT_EQ(Why(grant), InactiveReason::kExpired);
  world_.clock().Advance(absl::Hours(1));
  EXPECT_EQ(Why(grant), InactiveReason::kExpired) << "idle as well";
}

TEST_F(WhyInactiveTest, AJwtPastItsOwnEndIsExpiredWhileItsSessionLives) {
  const Grant grant = Login(kJwt);
  world_.clock().SetNow(grant.expire_time);
  EXPECT_EQ(Why(grant), InactiveReason::kExpired);
  ASSERT_TRUE(
      world_.authority().Refresh(grant.refresh_credential.Reveal()).ok());
}

TEST_F(WhyInactiveTest, UnusedTooLongIsIdle) {
  const Grant grant = Login(kOpaque);
  world_.clock().Advance(absl::Minutes(30) - absl::Microseconds(1));
  EXPECT_EQ(Why(grant, {.passive = true}), InactiveReason::kUntold);
  world_.clock().Advance(absl::Microseconds(1));
  EXPECT_EQ(Why(grant), InactiveReason::kIdle);
}

TEST_F(WhyInactiveTest, TheAccountIsTheReasonWhateverTheForm) {
  for (const CredentialForm form : {kOpaque, kJwt}) {
    const Grant first = Login(form);
    ASSERT_TRUE(world_.accounts().SetDisabled("alice", true).ok());
    EXPECT_EQ(Why(first), InactiveReason::kAccountDisabled);
    // Enabled again, the session stays ended.
    ASSERT_TRUE(world_.accounts().SetDisabled("alice", false).ok());
    EXPECT_EQ(Why(first), InactiveReason::kSessionEnded);

    const Grant second = Login(form);
    ASSERT_TRUE(world_.SetPassword("alice", "other").ok());
    EXPECT_EQ(Why(second), InactiveReason::kSessionEnded);
    ASSERT_TRUE(world_.SetPassword("alice", "pw").ok());

    const Grant third = Login(form);
    ASSERT_TRUE(world_.accounts().Delete("alice").ok());
    EXPECT_EQ(Why(third), InactiveReason::kAccountDeleted);
    // Another account of that name is another account.
    world_.CreateAccount("alice");
    EXPECT_EQ(Why(third), InactiveReason::kAccountDeleted);
  }
}

TEST_F(WhyInactiveTest, AnotherAudienceAndAnOldProofAreSaid) {
  for (const CredentialForm form : {kOpaque, kJwt}) {
    LoginCommand command = World::LoginOf("alice", form);
    command.audiences = {"billing"};
    const Grant grant = world_.Login(std::move(command));
    EXPECT_EQ(Why(grant), InactiveReason::kAudience);
    EXPECT_EQ(Why(grant, {.audience = "mail"}), InactiveReason::kAudience);
    EXPECT_EQ(Why(grant, {.audience = "billing"}), InactiveReason::kUntold);
    world_.clock().Advance(absl::Minutes(1));
    const ValidateQuery fresh{.audience = "billing",
                              .max_auth_age = absl::Seconds(59)};
    EXPECT_EQ(Why(grant, fresh), InactiveReason::kAuthTooOld);
  }
}

TEST_F(WhyInactiveTest, EachOfABatchHasItsOwn) {
  const Grant grant = Login(kOpaque);
  const std::vector<ValidateQuery> queries = {
      {.credential = "x", .explain = true},
      {.credential = grant.credential.Reveal(), .explain = true},
      {.credential = "x"}};
  const auto batch = world_.authority().BatchValidate(queries, Reach::kDisk);
  ASSERT_TRUE(batch.ok());
  EXPECT_EQ(batch->answers[0].inactive_reason, InactiveReason::kUnknown);
  EXPECT_TRUE(batch->answers[1].active);
  EXPECT_EQ(batch->answers[1].inactive_reason, InactiveReason::kUntold);
  EXPECT_EQ(batch->answers[2].inactive_reason, InactiveReason::kUntold);
}

TEST_F(WhyInactiveTest, ATokenIsLookedIntoOnAReaderOnly) {
  const ValidateQuery query{.credential = "x", .explain = true};
  EXPECT_TRUE(
      WantsDisk(world_.authority().Validate(query, Reach::kMemory).status()));
  EXPECT_TRUE(world_.authority().Validate(query, Reach::kDisk).ok());
}

TEST_F(WhyInactiveTest, WhatCannotBeKnownIsNotGuessed) {
  const Grant grant = Login(kOpaque);
  ASSERT_TRUE(world_.accounts().SetDisabled("alice", true).ok());
  ASSERT_EQ(Why(grant), InactiveReason::kAccountDisabled);
  world_.failing_accounts().failure = MakeError(
      absl::StatusCode::kUnavailable, Reason::kStoreFailed, "has failed");
  EXPECT_EQ(world_.TryValidate(grant.credential, {.explain = true}).status(),
            world_.failing_accounts().failure);
}

}  // namespace
}  // namespace latchkey
