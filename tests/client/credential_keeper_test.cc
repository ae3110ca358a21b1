#include "client/credential_keeper.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "gtest/gtest.h"

#include "client/auth_client.h"
#include "client/base/mutex.h"
#include "tests/client/fake_auth_server.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_timer.h"

namespace latchkey {
namespace {

using grpc::StatusCode;

constexpr absl::Duration kLife = absl::Minutes(5);

class CredentialKeeperTest : public testing::Test {
 protected:
  CredentialKeeperTest() {
    AuthClientOptions options;
    options.channel.target = server_.target();
    // Each failure shall be the keeper's to deal with.
    options.retry.max_attempts = 1;
    client_ = *AuthClient::Create(options, clock_, timer_);
  }
  ~CredentialKeeperTest() override {
    if (keeper_ != nullptr) keeper_->Stop();
  }

  void Open(ServiceLogin login = {}) {
    login.account = "billing";
    if (std::holds_alternative<ClientCertificate>(login.proof)) {
      login.proof = ClientSecret{SecretBytes("secret-1")};
    }
    keeper_ = std::make_shared<CredentialKeeper>(std::move(login), *client_,
                                                 clock_, timer_);
  }

  std::string Ask() {
    const auto value = keeper_->Wait();
    if (!value.ok()) return std::string(value.status().message());
    return std::string((*value)->Reveal());
  }

  // Waits until what was renewed has been taken, which sets the timer again.
  void RenewNow() {
    timer_.FireNext();
    timer_.NextDelay();
  }

  FakeClock clock_;
  FakeTimer timer_{clock_};
  FakeAuthServer server_;
  std::unique_ptr<AuthClient> client_;
  std::shared_ptr<CredentialKeeper> keeper_;
};

TEST_F(CredentialKeeperTest, NothingHappensBeforeItIsNeeded) {
  Open();
  EXPECT_EQ(keeper_->IfGood(absl::ZeroDuration()), nullptr);
  EXPECT_TRUE(server_.seen().empty());
}

TEST_F(CredentialKeeperTest, TheFirstCallLogsIn) {
  Open();
  EXPECT_EQ(Ask(), "Bearer credential-1");
  EXPECT_EQ(Ask(), "Bearer credential-1");
  ASSERT_EQ(server_.seen().size(), 1u);
  EXPECT_EQ(server_.seen()[0].detail, "secret-1");
}

TEST_F(CredentialKeeperTest, ManyCallsWaitForOneLogin) {
  Open();
  server_.Hold();
  Mutex mutex;
  CondVar changed;
  std::vector<std::string> answers;
  constexpr size_t kCalls = 100;
  for (size_t i = 0; i < kCalls; ++i) {
    keeper_->Get([&](const absl::StatusOr<CredentialKeeper::Value>& value) {
      MutexLock lock(&mutex);
      answers.push_back(value.ok() ? std::string((*value)->Reveal()) : "none");
      changed.NotifyAll();
    });
  }
  server_.Release();
  MutexLock lock(&mutex);
  while (answers.size() < kCalls) changed.Wait(&mutex);
  EXPECT_EQ(answers, std::vector<std::string>(kCalls, "Bearer credential-1"));
  EXPECT_EQ(server_.CountOf("Login"), 1u);
}

TEST_F(CredentialKeeperTest, AJwtIsRefreshedAfterTwoThirdsOfItsLife) {
  Open();
  Ask();
  EXPECT_GE(timer_.NextDelay(), kLife * 2 / 3 * 0.9);
  EXPECT_LE(timer_.NextDelay(), kLife * 2 / 3);
  RenewNow();
  EXPECT_EQ(Ask(), "Bearer credential-2");
  EXPECT_EQ(server_.seen().back().method, "Refresh");
  EXPECT_EQ(server_.seen().back().detail, "refresh-1");
  RenewNow();
  EXPECT_EQ(server_.seen().back().detail, "refresh-2");
}

TEST_F(CredentialKeeperTest, AnOpaqueCredentialIsLoggedInForAnew) {
  ServiceLogin login;
  login.format = v1::CREDENTIAL_FORMAT_OPAQUE;
  Open(std::move(login));
  Ask();
  RenewNow();
  EXPECT_EQ(Ask(), "Bearer credential-2");
  EXPECT_EQ(server_.CountOf("Login"), 2u);
}

TEST_F(CredentialKeeperTest, WhereTheSessionEndsItLogsInAnew) {
  server_.SetLife(kLife, absl::Minutes(4));
  Open();
  Ask();
  RenewNow();
  EXPECT_EQ(server_.CountOf("Login"), 2u);
  EXPECT_EQ(server_.CountOf("Refresh"), 0u);
}

TEST_F(CredentialKeeperTest, ARefusedRefreshIsFollowedByALogin) {
  Open();
  Ask();
  server_.FailNext(ErrorOf(StatusCode::UNAUTHENTICATED, "REFRESH_REFUSED"));
  RenewNow();
  EXPECT_EQ(Ask(), "Bearer credential-2");
  EXPECT_EQ(server_.seen().back().method, "Login");
}

TEST_F(CredentialKeeperTest, ServerDownAtRefreshKeepsTheOldOneToItsEnd) {
  Open();
  Ask();
  const absl::Duration end = clock_.SinceBoot() + kLife;
  server_.FailNext(ErrorOf(StatusCode::UNAVAILABLE, ""), 1000);
  while (true) {
    RenewNow();
    if (clock_.SinceBoot() >= end) break;
    EXPECT_EQ(Ask(), "Bearer credential-1");
  }
  EXPECT_EQ(Ask(),
            "no credential for this service: its login failed, UNAVAILABLE");
}

TEST_F(CredentialKeeperTest, IsGoodUntilItsEndAndNotAtIt) {
  Open();
  Ask();
  clock_.Advance(kLife - absl::Microseconds(1));
  EXPECT_NE(keeper_->IfGood(absl::ZeroDuration()), nullptr);
  EXPECT_EQ(keeper_->IfGood(absl::Microseconds(1)), nullptr);
  clock_.Advance(absl::Microseconds(1));
  EXPECT_EQ(keeper_->IfGood(absl::ZeroDuration()), nullptr);
}

TEST_F(CredentialKeeperTest, AStepOfTheWallClockChangesNothing) {
  Open();
  Ask();
  clock_.SetNow(clock_.Now() + absl::Hours(24 * 365));
  EXPECT_EQ(Ask(), "Bearer credential-1");
}

TEST_F(CredentialKeeperTest, AfterASuspendItLogsInForTheNextCall) {
  Open();
  Ask();
  // The timer does not run meanwhile, so it has not fired.
  clock_.Advance(kLife);
  EXPECT_EQ(Ask(), "Bearer credential-2");
  EXPECT_EQ(server_.CountOf("Login"), 2u);
}

TEST_F(CredentialKeeperTest, AfterAFailureCallsAreRefusedUntilTheNextTry) {
  Open();
  server_.FailNext(ErrorOf(StatusCode::UNAUTHENTICATED, "LOGIN_REFUSED"));
  const std::string refused =
      "no credential for this service: its login failed, LOGIN_REFUSED";
  EXPECT_EQ(Ask(), refused);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(Ask(), refused);
  EXPECT_EQ(server_.CountOf("Login"), 1u);
  EXPECT_GE(timer_.NextDelay(), absl::Seconds(1));
  RenewNow();
  EXPECT_EQ(Ask(), "Bearer credential-1");
}

TEST_F(CredentialKeeperTest, TheServersRetryDelayIsWaitedOut) {
  Open();
  server_.FailNext(ErrorOf(StatusCode::RESOURCE_EXHAUSTED, "LOGIN_THROTTLED",
                           absl::Seconds(90)));
  Ask();
  EXPECT_GE(timer_.NextDelay(), absl::Seconds(90));
}

TEST_F(CredentialKeeperTest, EachLoginHasAnAssertionOfItsOwn) {
  int made = 0;
  ServiceLogin login;
  login.proof = ClientAssertion{[&made]() -> absl::StatusOr<SecretBytes> {
    if (made++ == 1) return absl::InternalError("no signer");
    return SecretBytes("assertion-" + std::to_string(made));
  }};
  login.format = v1::CREDENTIAL_FORMAT_OPAQUE;
  Open(std::move(login));
  Ask();
  RenewNow();  // which the signer fails
  RenewNow();
  EXPECT_EQ(Ask(), "Bearer credential-2");
  ASSERT_EQ(server_.seen().size(), 2u);
  EXPECT_EQ(server_.seen()[0].detail, "assertion-1");
  EXPECT_EQ(server_.seen()[1].detail, "assertion-3");
}

TEST_F(CredentialKeeperTest, AnAnswerWithoutSenseIsAFailure) {
  server_.SetLife(absl::ZeroDuration(), absl::Hours(12));
  Open();
  EXPECT_EQ(Ask(),
            "no credential for this service: its login failed, INTERNAL");
}

TEST_F(CredentialKeeperTest, StoppedItRefusesWhoWaitsAndWhoComes) {
  Open();
  server_.Hold();
  absl::Status waited;
  keeper_->Get([&](const auto& value) { waited = value.status(); });
  server_.WaitForCalls(1);
  EXPECT_TRUE(keeper_->Stop().empty());
  EXPECT_EQ(waited.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Ask(), "no credential for this service: stopped");
  // The answer comes to nobody.
  server_.Release();
  client_.reset();
  EXPECT_EQ(timer_.pending(), 0u);
}

TEST_F(CredentialKeeperTest, TooManyWaitingCallsAreRefused) {
  Open();
  server_.Hold();
  int refused = 0;
  for (int i = 0; i < 10'001; ++i) {
    keeper_->Get([&](const auto& value) { refused += !value.ok(); });
  }
  EXPECT_EQ(refused, 1);
  keeper_->Stop();
  EXPECT_EQ(refused, 10'001);
}

}  // namespace
}  // namespace latchkey
