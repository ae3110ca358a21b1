#include "client/agent/local_answers.h"

#include <string>

#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace latchkey {
namespace {

constexpr absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);

Principal MakePrincipal(const std::string& kid) {
  Principal who;
  who.account = "alice";
  who.account_uid.array()[3] = 7;
  who.account_generation = 9;
  who.expire_time = kStart + absl::Minutes(5) + absl::Microseconds(1);
  who.kid = kid;
  return who;
}

v1::Session MakeSession(int idle_seconds, int end_seconds) {
  v1::Session session;
  session.set_name("accounts/alice/sessions/1");
  const int64_t start = absl::ToUnixSeconds(kStart);
  session.mutable_idle_expire_time()->set_seconds(start + idle_seconds);
  session.mutable_expire_time()->set_seconds(start + end_seconds);
  return session;
}

TEST(ActiveAnswer, OfAJwtEndsWithTheJwt) {
  const auto answer =
      ActiveAnswer(MakePrincipal("a key"), MakeSession(60, 120), false);
  EXPECT_TRUE(answer.active());
  EXPECT_EQ(answer.expire_time().seconds(), absl::ToUnixSeconds(kStart) + 300);
  EXPECT_EQ(answer.expire_time().nanos(), 1000);
  EXPECT_EQ(answer.session().SerializeAsString(),
            MakeSession(60, 120).SerializeAsString());
  EXPECT_FALSE(answer.has_revision());
  EXPECT_EQ(answer.inactive_reason(), v1::INACTIVE_REASON_UNSPECIFIED);
}

TEST(ActiveAnswer, OfAnOpaqueCredentialEndsWithTheEarlierEndOfItsSession) {
  for (const auto& [idle, end] : {std::pair(60, 120), std::pair(120, 60)}) {
    const auto answer =
        ActiveAnswer(MakePrincipal(""), MakeSession(idle, end), false);
    EXPECT_EQ(answer.expire_time().seconds(), absl::ToUnixSeconds(kStart) + 60);
  }
}

TEST(ActiveAnswer, TellsByWhatItCanBeTakenBackToWhoAsks) {
  const Principal who = MakePrincipal("a key");
  EXPECT_FALSE(ActiveAnswer(who, MakeSession(1, 2), false).has_revocable());
  const auto answer = ActiveAnswer(who, MakeSession(1, 2), true);
  EXPECT_EQ(answer.revocable().account_uid(),
            std::string(who.account_uid.view()));
  EXPECT_EQ(answer.revocable().account_generation(), 9u);
}

}  // namespace
}  // namespace latchkey
