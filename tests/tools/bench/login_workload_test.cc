#include "tools/bench/login_workload.h"

#include <string>

#include "gtest/gtest.h"

#include "latchkey/v1/auth.pb.h"
#include "tests/support/fake_clock.h"

namespace latchkey::bench {
namespace {

constexpr int kOk = 0;
constexpr int kUnauthenticated = 16;
constexpr int kResourceExhausted = 8;
constexpr char kName[] = "accounts/visitor/sessions/1";

LoginAccount Visitor() {
  LoginAccount account;
  account.account.name = "visitor";
  account.proof = "a password of some length";
  return account;
}

std::string Granted() {
  v1::LoginResponse response;
  response.set_credential("lks_visitor");
  response.mutable_session()->set_name(kName);
  response.mutable_session()->set_account("accounts/visitor");
  return response.SerializeAsString();
}

std::string Ended(int count) {
  v1::LogoutResponse response;
  response.set_ended_count(count);
  return response.SerializeAsString();
}

std::string ActiveAs(const std::string& name) {
  v1::ValidateResponse response;
  response.set_active(true);
  response.mutable_session()->set_name(name);
  return response.SerializeAsString();
}

TEST(LoginWorkload, ShowsAPersonsPasswordAndAServicesSecret) {
  const auto request_of = [](const LoginAccount& account) {
    LoginWorkload workload(account);
    const absl::string_view framed = workload.Next().body;
    v1::LoginRequest request;
    // Behind gRPC's own five bytes.
    EXPECT_TRUE(request.ParseFromArray(framed.data() + 5,
                                       static_cast<int>(framed.size()) - 5));
    return request;
  };
  EXPECT_TRUE(request_of(Visitor()).has_password());
  const LoginAccount service = MakeServiceAccount(absl::UnixEpoch());
  const v1::LoginRequest request = request_of(service);
  EXPECT_EQ(request.account(), service.account.name);
  EXPECT_EQ(request.client_secret(), service.proof);
}

TEST(LoginWorkload, TakesBusyForAnAnswerAndRefusedForNone) {
  LoginWorkload workload(Visitor());
  workload.Next();
  EXPECT_EQ(workload.Judge(0, kOk, Granted()), Verdict::kRight);
  EXPECT_EQ(workload.Judge(0, kResourceExhausted, ""), Verdict::kRight);
  EXPECT_EQ(workload.Judge(0, kUnauthenticated, ""), Verdict::kError);
  EXPECT_EQ(workload.Judge(0, kOk, ""), Verdict::kWrong);
  EXPECT_EQ(workload.granted(), 1u);
  EXPECT_EQ(workload.refused(), 1u);
}

class VisitorsTest : public testing::Test {
 protected:
  VisitorsTest() { arrivals_.Judge(0, kOk, Granted()); }

  Visitors visitors_;
  const LoginAccount account_ = Visitor();
  ArrivingWorkload arrivals_{account_, visitors_};
  LogoutWorkload logouts_{visitors_};
  VisitorWorkload checks_{visitors_, 1};
};

TEST_F(VisitorsTest, MustBeActiveUntilLoggedOut) {
  const uint64_t asked = checks_.Next().token;
  EXPECT_EQ(checks_.Judge(asked, kOk, ActiveAs(kName)), Verdict::kRight);
  const uint64_t again = checks_.Next().token;
  EXPECT_EQ(checks_.Judge(again, kOk, ""), Verdict::kWrong);
}

TEST_F(VisitorsTest, MustNotBeActiveWhenAskedAfterLogoutAnswered) {
  const uint64_t leaving = logouts_.Next().token;
  EXPECT_EQ(logouts_.Judge(leaving, kOk, Ended(1)), Verdict::kRight);
  const uint64_t asked = checks_.Next().token;
  EXPECT_EQ(checks_.Judge(asked, kOk, ""), Verdict::kRight);
  const uint64_t again = checks_.Next().token;
  EXPECT_EQ(checks_.Judge(again, kOk, ActiveAs(kName)), Verdict::kWrong);
}

TEST_F(VisitorsTest, MayBeEitherWhileLogoutIsUnderWay) {
  const uint64_t first = checks_.Next().token;
  const uint64_t second = checks_.Next().token;
  const uint64_t leaving = logouts_.Next().token;
  EXPECT_EQ(checks_.Judge(first, kOk, ""), Verdict::kRight);
  EXPECT_EQ(logouts_.Judge(leaving, kOk, Ended(1)), Verdict::kRight);
  EXPECT_EQ(checks_.Judge(second, kOk, ActiveAs(kName)), Verdict::kRight);
}

TEST_F(VisitorsTest, LogoutMustEndExactlyTheOneThatIsThere) {
  const uint64_t somebody = logouts_.Next().token;
  const uint64_t nobody = logouts_.Next().token;
  EXPECT_EQ(logouts_.Judge(nobody, kOk, Ended(1)), Verdict::kWrong);
  EXPECT_EQ(logouts_.Judge(somebody, kOk, Ended(0)), Verdict::kWrong);
}

TEST_F(VisitorsTest, WhoLeftLongAgoIsForgotten) {
  for (int i = 0; i < 10'000; ++i) {
    arrivals_.Judge(0, kOk, Granted());
    logouts_.Judge(logouts_.Next().token, kOk, Ended(1));
  }
  EXPECT_LT(visitors_.all.size(), 5000u);
  EXPECT_EQ(visitors_.next_out, 10'000u);
}

}  // namespace
}  // namespace latchkey::bench
