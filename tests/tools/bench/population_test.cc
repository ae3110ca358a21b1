#include "tools/bench/population.h"

#include <set>
#include <string>

#include "absl/time/time.h"
#include "gtest/gtest.h"

#include "server/session/session.h"
#include "tests/support/fake_clock.h"
#include "tools/bench/credential_set.h"

namespace latchkey::bench {
namespace {

Population::Options Small() {
  Population::Options options;
  options.live = 1000;
  options.expired = 30;
  options.ended = 20;
  options.now = FakeClock().Now();
  return options;
}

TEST(Population, IsAFunctionOfSeedAndNumber) {
  const Population one(Small()), again(Small());
  Population::Options other_seed = Small();
  other_seed.seed = 2;
  const Population other(other_seed);
  for (const uint64_t i : {0, 9, 500, 1049}) {
    EXPECT_EQ(one.SessionOf(i).session, again.SessionOf(i).session);
    EXPECT_EQ(one.SessionOf(i).key, again.SessionOf(i).key);
    EXPECT_NE(one.SessionOf(i).key, other.SessionOf(i).key);
  }
}

TEST(Population, KeysAreTheDigestsOfItsCredentials) {
  const Population population(Small());
  EXPECT_EQ(population.SessionOf(3).key.array(),
            population.CredentialOf(3).digest.array());
  EXPECT_EQ(population.CredentialOf(3).text.Reveal().substr(0, 4), "lks_");
  EXPECT_EQ(population.SessionOf(3).session.form, CredentialForm::kOpaque);
  EXPECT_EQ(population.CredentialOf(9).text.Reveal().substr(0, 4), "lkr_");
  EXPECT_EQ(population.SessionOf(9).session.form, CredentialForm::kJwt);
}

TEST(Population, NoTwoSessionsShareKeyOrId) {
  const Population population(Small());
  std::set<SessionKey> keys;
  std::set<SessionId> ids;
  for (uint64_t i = 0; i < population.stored(); ++i) {
    keys.insert(population.SessionOf(i).key);
    ids.insert(population.SessionOf(i).session.id);
  }
  EXPECT_EQ(keys.size(), population.stored());
  EXPECT_EQ(ids.size(), population.stored());
}

// What the server's rule says of each session, by its account and the time.
bool IsGood(const Population& population, uint64_t i) {
  const Session session = population.SessionOf(i).session;
  for (uint64_t a = 0; a < population.accounts(); ++a) {
    const Account account = population.MakeAccount(a);
    if (account.name != session.account) continue;
    return SessionsHold(account, session.account_uid, session.generation) &&
           IsAlive(session, population.options().now);
  }
  return false;
}

TEST(Population, LiveOnesAreGoodAndExpiredAndEndedOnesAreNot) {
  const Population population(Small());
  for (uint64_t i = 0; i < population.stored(); ++i) {
    ASSERT_EQ(IsGood(population, i), population.IsLive(i)) << i;
  }
  // An ended one is not merely expired, and an expired one not merely ended.
  const absl::Time now = population.options().now;
  EXPECT_FALSE(IsAlive(population.SessionOf(1000).session, now));
  EXPECT_TRUE(IsAlive(population.SessionOf(1030).session, now));
}

TEST(Population, SessionsExpireOneAfterTheOtherIfAskedTo) {
  Population::Options options = Small();
  options.expire_begin = options.now + absl::Seconds(90);
  options.expire_over = absl::Seconds(60);
  const Population population(options);
  EXPECT_EQ(population.ExpireTimeOf(0), options.expire_begin);
  EXPECT_EQ(population.ExpireTimeOf(500),
            options.expire_begin + absl::Seconds(30));
  EXPECT_LT(population.ExpireTimeOf(999),
            options.expire_begin + absl::Seconds(60));
  EXPECT_EQ(population.SessionOf(500).session.expire_time,
            population.ExpireTimeOf(500));
}

TEST(CredentialSet, SaysOfEachKindWhatMustBeAnswered) {
  const Population population(Small());
  CredentialSet live, bad;
  live.AddOpaque(population, 100);
  bad.AddUnknown(population, 10);
  bad.AddExpired(population, 10);
  bad.AddEnded(population, 10);
  EXPECT_EQ(live.size(), 100u);
  for (size_t i = 0; i < live.size(); ++i) EXPECT_TRUE(live[i].answer.active());
  EXPECT_GE(bad.size(), 27u);  // a tenth of the stored ones are JWT sessions
  for (size_t i = 0; i < bad.size(); ++i) EXPECT_FALSE(bad[i].answer.active());
  EXPECT_EQ(live[0].answer.session_name,
            NameOf(population.SessionOf(0).session));
}

TEST(CredentialSet, OfFewerSessionsTakesThemAll) {
  Population::Options options = Small();
  options.live = 20;
  CredentialSet set;
  set.AddOpaque(Population(options), 1000);
  EXPECT_EQ(set.size(), 20u);
}

}  // namespace
}  // namespace latchkey::bench
