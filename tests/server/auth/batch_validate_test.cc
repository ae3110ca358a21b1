// What BatchValidate promises: Validate of each, in order, as of one instant.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "server/base/error.h"
#include "tests/server/auth/world.h"

namespace latchkey {
namespace {

class BatchValidateTest : public ::testing::Test {
 protected:
  BatchValidateTest() { world_.CreateAccount("alice", {"dev"}); }

  Grant Login(CredentialForm form = CredentialForm::kOpaque,
              std::vector<std::string> audiences = {}) {
    LoginCommand command = World::LoginOf("alice", form);
    command.audiences = std::move(audiences);
    return world_.Login(std::move(command));
  }
  std::vector<Grant> Jwts(int count) {
    std::vector<Grant> grants;
    for (int i = 0; i < count; ++i) {
      grants.push_back(Login(CredentialForm::kJwt));
    }
    return grants;
  }
  static std::vector<ValidateQuery> QueriesOf(const std::vector<Grant>& grants,
                                              size_t count) {
    std::vector<ValidateQuery> queries;
    for (size_t i = 0; i < count; ++i) {
      queries.push_back({.credential = grants[i].credential.Reveal()});
    }
    return queries;
  }
  void Logout(const Grant& grant) {
    ASSERT_TRUE(
        world_.authority()
            .Logout(grant.credential.Reveal(), LogoutScope::kThisSession, {})
            .ok());
  }
  // How many are active; a status if there is no answer.
  absl::StatusOr<size_t> ActiveIn(const std::vector<ValidateQuery>& queries,
                                  Reach reach) {
    const auto batch = world_.authority().BatchValidate(queries, reach);
    if (!batch.ok()) return batch.status();
    EXPECT_EQ(batch->answers.size(), queries.size());
    size_t active = 0;
    for (const ValidateAnswer& answer : batch->answers) active += answer.active;
    return active;
  }

  World world_;
};

TEST_F(BatchValidateTest, AnswersEachAsValidateDoesAndInOrder) {
  const Grant opaque = Login();
  const Grant jwt = Login(CredentialForm::kJwt);
  const Grant bound = Login(CredentialForm::kOpaque, {"billing"});
  const Grant ended = Login();
  const Grant ended_jwt = Login(CredentialForm::kJwt);
  world_.clock().Advance(absl::Minutes(6));
  const Grant second = Login(CredentialForm::kJwt);
  Logout(ended);
  Logout(ended_jwt);
  const std::string broken = absl::StrCat(opaque.credential.Reveal(), "x");
  const std::vector<ValidateQuery> queries = {
      {.credential = opaque.credential.Reveal(), .passive = true},
      {.credential = "lks_unknown", .passive = true},
      {.credential = second.credential.Reveal(), .passive = true},
      {.credential = jwt.credential.Reveal(), .passive = true},  // expired
      {.credential = bound.credential.Reveal(), .passive = true},
      {.credential = bound.credential.Reveal(),
       .audience = "billing",
       .passive = true},
      {.credential = ended.credential.Reveal(), .passive = true},
      {.credential = ended_jwt.credential.Reveal(), .passive = true},
      {.credential = broken, .passive = true},
      {.credential = opaque.credential.Reveal(),
       .max_auth_age = absl::Minutes(5),
       .passive = true},
      {.credential = "", .passive = true},
      {.credential = opaque.credential.Reveal(), .passive = true}};
  const auto batch = world_.authority().BatchValidate(queries, Reach::kDisk);
  ASSERT_TRUE(batch.ok()) << batch.status();
  ASSERT_EQ(batch->answers.size(), queries.size());
  EXPECT_EQ(batch->revision, world_.cache().Revision());
  std::string shape;
  for (size_t i = 0; i < queries.size(); ++i) {
    const ValidateAnswer& answer = batch->answers[i];
    const auto alone = world_.authority().Validate(queries[i], Reach::kDisk);
    ASSERT_TRUE(alone.ok()) << alone.status();
    shape += answer.active ? '+' : '-';
    ASSERT_EQ(answer.active, alone->active) << i;
    if (!answer.active) continue;
    EXPECT_EQ(answer.expire_time, alone->expire_time) << i;
    EXPECT_EQ(answer.session.ToSession(), alone->session.ToSession()) << i;
  }
  EXPECT_EQ(shape, "+-+--+-----+");
}

TEST_F(BatchValidateTest, NotesActivityUnlessPassive) {
  const Grant active = Login();
  const Grant passive = Login();
  world_.clock().Advance(absl::Minutes(1));
  const std::vector<ValidateQuery> queries = {
      {.credential = active.credential.Reveal()},
      {.credential = passive.credential.Reveal(), .passive = true}};
  ASSERT_TRUE(world_.authority().BatchValidate(queries, Reach::kMemory).ok());
  const auto seen = [&](const Grant& grant) {
    return world_.TryValidate(grant.credential, {.passive = true})
        ->session.last_seen_time;
  };
  EXPECT_EQ(seen(active), world_.clock().Now());
  EXPECT_EQ(seen(passive), passive.session.create_time);
}

TEST_F(BatchValidateTest, IsAsOfOneInstant) {
  const Grant grant = Login();
  world_.clock().Advance(absl::Minutes(30) - absl::Microseconds(1));
  const Grant gone = Login();
  Logout(gone);
  // One that is in no cache sends the batch to the store, and the time of the
  // other one runs out meanwhile.
  world_.failing().on_find = [this] {
    world_.clock().Advance(absl::Seconds(1));
  };
  const std::vector<ValidateQuery> queries = {
      {.credential = gone.credential.Reveal()},
      {.credential = grant.credential.Reveal(), .passive = true}};
  const absl::Time before = world_.clock().Now();
  const auto batch = world_.authority().BatchValidate(queries, Reach::kDisk);
  ASSERT_TRUE(batch.ok()) << batch.status();
  ASSERT_GT(world_.clock().Now(), before);
  EXPECT_FALSE(batch->answers[0].active);
  EXPECT_TRUE(batch->answers[1].active);
  EXPECT_FALSE(world_.Active(grant.credential));
}

TEST_F(BatchValidateTest, InMemoryChecksFourNewJwtsAndNotAFifth) {
  const std::vector<Grant> grants = Jwts(11);
  // Five are too many; the first four are known afterwards.
  const auto refused =
      world_.authority().BatchValidate(QueriesOf(grants, 5), Reach::kMemory);
  EXPECT_TRUE(absl::IsUnavailable(refused.status())) << refused.status();
  EXPECT_FALSE(ReasonOf(refused.status()).has_value());
  // Four that were seen do not count, and four more are fine.
  const auto eight = ActiveIn(QueriesOf(grants, 8), Reach::kMemory);
  ASSERT_TRUE(eight.ok()) << eight.status();
  EXPECT_EQ(*eight, 8u);
  // Where time does not matter there is no limit.
  const auto all = ActiveIn(QueriesOf(grants, 11), Reach::kDisk);
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(*all, 11u);
  EXPECT_EQ(*ActiveIn(QueriesOf(grants, 11), Reach::kMemory), 11u);
}

TEST_F(BatchValidateTest, WhatIsNoGoodJwtCountsEachTime) {
  const std::vector<ValidateQuery> bad(5, {.credential = "a.b.c"});
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(absl::IsUnavailable(ActiveIn(bad, Reach::kMemory).status()));
  }
  EXPECT_EQ(*ActiveIn(bad, Reach::kDisk), 0u);
  const std::vector<ValidateQuery> four(bad.begin(), bad.begin() + 4);
  EXPECT_EQ(*ActiveIn(four, Reach::kMemory), 0u);
  // An opaque credential is no signature, however many there are.
  const Grant grant = Login();
  const std::vector<ValidateQuery> many(
      100, {.credential = grant.credential.Reveal()});
  EXPECT_EQ(*ActiveIn(many, Reach::kMemory), 100u);
}

TEST_F(BatchValidateTest, AnErrorOfOneIsTheAnswerToAll) {
  const Grant good = Login();
  const Grant gone = Login();
  Logout(gone);
  world_.failing().failure = absl::DataLossError("x");
  const std::vector<ValidateQuery> queries = {
      {.credential = good.credential.Reveal()},
      {.credential = gone.credential.Reveal()}};
  for (const Reach reach : {Reach::kMemory, Reach::kDisk}) {
    EXPECT_EQ(ActiveIn(queries, reach).status().code(),
              absl::StatusCode::kDataLoss);
  }
}

// A store that has failed vouches for nothing, whatever the caches hold.
TEST_F(BatchValidateTest, NothingIsAnsweredFromMemoryOfAStoreThatFailed) {
  const Grant opaque = Login();
  const Grant jwt = Login(CredentialForm::kJwt);
  const std::vector<ValidateQuery> queries = {
      {.credential = opaque.credential.Reveal()},
      {.credential = jwt.credential.Reveal()}};
  ASSERT_EQ(*ActiveIn(queries, Reach::kMemory), 2u);
  for (const Reason reason : {Reason::kStoreFailed, Reason::kShuttingDown}) {
    world_.failing().readiness =
        MakeError(absl::StatusCode::kUnavailable, reason, "x");
    for (const Reach reach : {Reach::kMemory, Reach::kDisk}) {
      EXPECT_EQ(ReasonOf(ActiveIn(queries, reach).status()), reason);
      for (const ValidateQuery& query : queries) {
        const auto answer = world_.authority().Validate(query, reach);
        EXPECT_TRUE(absl::IsUnavailable(answer.status()));
        EXPECT_EQ(ReasonOf(answer.status()), reason);
      }
    }
  }
  world_.failing().readiness = absl::OkStatus();
  EXPECT_EQ(*ActiveIn(queries, Reach::kMemory), 2u);
}

}  // namespace
}  // namespace latchkey
