#include "tools/bench/validate_workload.h"

#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "gtest/gtest.h"

#include "latchkey/v1/auth.pb.h"
#include "tests/support/fake_clock.h"

namespace latchkey::bench {
namespace {

constexpr int kOk = 0;
constexpr int kUnavailable = 14;

std::string ActiveAs(const std::string& name) {
  v1::ValidateResponse response;
  response.set_active(true);
  response.mutable_session()->set_name(name);
  return response.SerializeAsString();
}

std::string NotActive() {
  v1::ValidateResponse response;
  response.mutable_revision()->set_token("r");
  return response.SerializeAsString();
}

CredentialSet TwoLiveAndADead() {
  CredentialSet set;
  set.Add("lks_one", Answer{"accounts/a/sessions/1"}, "opaque");
  set.Add("lks_two", Answer{"accounts/a/sessions/2"}, "opaque");
  set.Add("lks_dead", Answer(), "expired");
  return set;
}

TEST(ValidateWorkload, AsksForTheCredentialsOfItsOrder) {
  const CredentialSet set = TwoLiveAndADead();
  ValidateWorkload workload(set, {2, 0});
  EXPECT_EQ(workload.Next().token, 2u);
  const Request request = workload.Next();
  EXPECT_EQ(request.token, 0u);
  EXPECT_EQ(request.path, "/latchkey.v1.AuthService/Validate");
  v1::ValidateRequest sent;
  ASSERT_TRUE(sent.ParseFromString(std::string(request.body.substr(5))));
  EXPECT_EQ(sent.credential(), "lks_one");
  EXPECT_EQ(workload.Next().token, 2u);
}

TEST(ValidateWorkload, FindsATamperedAnswer) {
  const CredentialSet set = TwoLiveAndADead();
  ValidateWorkload workload(set, InTurn(set.size()));
  const std::string first = ActiveAs("accounts/a/sessions/1");
  EXPECT_EQ(workload.Judge(0, kOk, first), Verdict::kRight);
  EXPECT_EQ(workload.Judge(1, kOk, first), Verdict::kWrong);
  EXPECT_EQ(workload.Judge(2, kOk, first), Verdict::kWrong);
  EXPECT_EQ(workload.Judge(0, kOk, NotActive()), Verdict::kWrong);
  EXPECT_EQ(workload.Judge(2, kOk, NotActive()), Verdict::kRight);
  EXPECT_EQ(workload.Judge(0, kUnavailable, ""), Verdict::kError);
}

TEST(ValidateWorkload, NamesTheWrongAnswerWithoutTheCredential) {
  const CredentialSet set = TwoLiveAndADead();
  ValidateWorkload workload(set, InTurn(set.size()));
  const std::string why =
      workload.Explain(2, kOk, ActiveAs("accounts/a/sessions/1"));
  EXPECT_EQ(why,
            "Validate of a credential (expired) answered active as "
            "accounts/a/sessions/1; it must be not active");
}

TEST(BatchWorkload, FindsOneTamperedAnswerInABatch) {
  const CredentialSet set = TwoLiveAndADead();
  BatchWorkload workload(set, 3);
  const Request request = workload.Next();
  v1::BatchValidateRequest sent;
  ASSERT_TRUE(sent.ParseFromString(std::string(request.body.substr(5))));
  ASSERT_EQ(sent.requests_size(), 3);
  v1::BatchValidateResponse response;
  for (const v1::ValidateRequest& one : sent.requests()) {
    v1::ValidateResponse* answer = response.add_responses();
    if (one.credential() == "lks_dead") continue;
    answer->set_active(true);
    answer->mutable_session()->set_name(one.credential() == "lks_one"
                                            ? "accounts/a/sessions/1"
                                            : "accounts/a/sessions/2");
  }
  EXPECT_EQ(workload.Judge(request.token, kOk, response.SerializeAsString()),
            Verdict::kRight);
  response.mutable_responses(1)->set_active(!response.responses(1).active());
  const std::string tampered = response.SerializeAsString();
  EXPECT_EQ(workload.Judge(request.token, kOk, tampered), Verdict::kWrong);
  EXPECT_TRUE(absl::StrContains(workload.Explain(request.token, kOk, tampered),
                                "request 1"));
}

TEST(Order, UniformAndSkewedReachTheWholeSet) {
  for (const Order& order : {Uniform(50, 1), Skewed(50, 1)}) {
    EXPECT_EQ(std::set<uint32_t>(order.begin(), order.end()).size(), 50u);
  }
}

// One session that expires a second after the clock's beginning.
class Expiring : public testing::Test {
 protected:
  Expiring()
      : expire_times_({clock_.Now() + absl::Seconds(1)}),
        expires_(expire_times_[0]) {
    set_.Add("lks_one", Answer{kName}, "expiring");
  }

  Verdict Ask(absl::Time asked, absl::Time answered,
              const std::string& message) {
    ExpiringWorkload workload(set_, expire_times_, kTolerance, InTurn(1),
                              clock_);
    clock_.SetNow(asked);
    const uint64_t token = workload.Next().token;
    clock_.SetNow(answered);
    return workload.Judge(token, kOk, message);
  }

  static constexpr char kName[] = "accounts/a/sessions/1";
  static constexpr absl::Duration kTolerance = absl::Milliseconds(5);
  FakeClock clock_;
  CredentialSet set_;
  const std::vector<absl::Time> expire_times_;
  const absl::Time expires_;
};

TEST_F(Expiring, MustBeActiveUntilTheTolerance) {
  const absl::Time last = expires_ - kTolerance - absl::Microseconds(1);
  EXPECT_EQ(Ask(last, last, ActiveAs(kName)), Verdict::kRight);
  EXPECT_EQ(Ask(last, last, NotActive()), Verdict::kWrong);
}

TEST_F(Expiring, MustNotBeActiveFromTheToleranceOn) {
  const absl::Time first = expires_ + kTolerance;
  EXPECT_EQ(Ask(first, first, NotActive()), Verdict::kRight);
  EXPECT_EQ(Ask(first, first, ActiveAs(kName)), Verdict::kWrong);
}

TEST_F(Expiring, MayBeEitherWhenTheQuestionSpansTheInstant) {
  const absl::Time before = expires_ - absl::Seconds(1);
  const absl::Time after = expires_ + absl::Seconds(1);
  EXPECT_EQ(Ask(before, after, ActiveAs(kName)), Verdict::kRight);
  EXPECT_EQ(Ask(before, after, NotActive()), Verdict::kRight);
  // But never somebody else.
  EXPECT_EQ(Ask(before, after, ActiveAs("accounts/b/sessions/2")),
            Verdict::kWrong);
}

}  // namespace
}  // namespace latchkey::bench
