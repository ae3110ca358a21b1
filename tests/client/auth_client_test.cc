#include "client/auth_client.h"

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "gtest/gtest.h"

#include "client/base/mutex.h"
#include "client/error_details.h"
#include "client/verify/revision.h"
#include "tests/client/fake_auth_server.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_timer.h"

namespace latchkey {
namespace {

using grpc::StatusCode;

// Generous: no test waits for it unless it says so.
constexpr absl::Duration kLong = absl::Minutes(10);

// Answers collects what `done` was called with.
template <typename Response>
class Answers {
 public:
  AuthClient::Done<Response> Next() {
    return [this](absl::StatusOr<Response> answer) {
      MutexLock lock(&mutex_);
      answers_.push_back(std::move(answer));
      changed_.NotifyAll();
    };
  }
  std::vector<absl::StatusOr<Response>> Wait(size_t count) {
    MutexLock lock(&mutex_);
    while (answers_.size() < count) changed_.Wait(&mutex_);
    return answers_;
  }
  absl::Status WaitForOne() { return Wait(1)[0].status(); }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::vector<absl::StatusOr<Response>> answers_ ABSL_GUARDED_BY(mutex_);
};

class AuthClientTest : public testing::Test {
 protected:
  std::unique_ptr<AuthClient> Open(AuthClientOptions options = {}) {
    options.channel.target = server_.target();
    auto client = AuthClient::Create(options, clock_, timer_);
    EXPECT_TRUE(client.ok()) << client.status();
    return *std::move(client);
  }
  absl::Time In(absl::Duration delay) { return clock_.Now() + delay; }

  FakeClock clock_;
  FakeTimer timer_{clock_};
  FakeAuthServer server_;
};

TEST_F(AuthClientTest, EachVerbComesToTheServerAndBack) {
  const auto client = Open();
  const absl::Time deadline = In(kLong);
  v1::LoginRequest login;
  login.set_credential_format(v1::CREDENTIAL_FORMAT_JWT);
  const auto in = client->Login(login, deadline);
  ASSERT_TRUE(in.ok()) << in.status();
  EXPECT_EQ(in->credential(), "credential-1");
  EXPECT_TRUE(client->Validate({}, deadline)->active());
  v1::BatchValidateRequest batch;
  batch.add_requests();
  EXPECT_EQ(client->BatchValidate(batch, deadline)->responses_size(), 1);
  EXPECT_EQ(client->Refresh({}, deadline)->credential(), "credential-2");
  EXPECT_EQ(client->Logout({}, deadline)->ended_count(), 1);
}

TEST_F(AuthClientTest, AnErrorIsTheServersWithItsReason) {
  server_.FailNext(ErrorOf(StatusCode::UNAUTHENTICATED, "LOGIN_REFUSED"));
  const auto answer = Open()->Login({}, In(kLong));
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(answer.status().message(), "planned");
  EXPECT_EQ(ErrorDetailsOf(answer.status()).reason, "LOGIN_REFUSED");
}

TEST_F(AuthClientTest, WhatMayBeDoneTwiceIsTriedAgain) {
  server_.FailNext(ErrorOf(StatusCode::UNAVAILABLE, ""), 2);
  const auto client = Open();
  Answers<v1::ValidateResponse> answers;
  client->Validate({}, In(kLong), answers.Next());
  timer_.FireNext();
  timer_.FireNext();
  EXPECT_TRUE(answers.WaitForOne().ok());
  EXPECT_EQ(server_.CountOf("Validate"), 3u);
}

TEST_F(AuthClientTest, TheOtherVerbsButLoginMayBeDoneTwice) {
  const auto client = Open();
  const auto begin = [&](auto answers, auto call) {
    server_.FailNext(ErrorOf(StatusCode::UNAVAILABLE, "STORE_FAILED"));
    call(answers->Next());
    timer_.FireNext();
    EXPECT_TRUE(answers->WaitForOne().ok());
  };
  begin(std::make_unique<Answers<v1::BatchValidateResponse>>(),
        [&](auto done) { client->BatchValidate({}, In(kLong), done); });
  begin(std::make_unique<Answers<v1::RefreshResponse>>(),
        [&](auto done) { client->Refresh({}, In(kLong), done); });
  begin(std::make_unique<Answers<v1::LogoutResponse>>(),
        [&](auto done) { client->Logout({}, In(kLong), done); });
}

TEST_F(AuthClientTest, ALoginThatMayHaveBegunIsNotTriedAgain) {
  server_.FailNext(ErrorOf(StatusCode::UNAVAILABLE, ""));
  const auto client = Open();
  EXPECT_EQ(client->Login({}, In(kLong)).status().code(),
            absl::StatusCode::kUnavailable);
  EXPECT_EQ(timer_.pending(), 0u);
  EXPECT_EQ(server_.CountOf("Login"), 1u);
}

TEST_F(AuthClientTest, ALoginThatWasNotBegunIsTriedWhenTheServerSaidSo) {
  server_.FailNext(
      ErrorOf(StatusCode::UNAVAILABLE, "OVERLOADED", absl::Seconds(3)));
  const auto client = Open();
  Answers<v1::LoginResponse> answers;
  client->Login({}, In(kLong), answers.Next());
  EXPECT_GE(timer_.FireNext(), absl::Seconds(3));
  EXPECT_TRUE(answers.WaitForOne().ok());
}

TEST_F(AuthClientTest, TheLastErrorIsTheAnswer) {
  server_.FailNext(ErrorOf(StatusCode::UNAVAILABLE, ""));
  server_.FailNext(ErrorOf(StatusCode::PERMISSION_DENIED, "NOT_PERMITTED"));
  const auto client = Open();
  Answers<v1::ValidateResponse> answers;
  client->Validate({}, In(kLong), answers.Next());
  timer_.FireNext();
  EXPECT_EQ(answers.WaitForOne().code(), absl::StatusCode::kPermissionDenied);
}

TEST_F(AuthClientTest, NothingIsTriedPastTheDeadline) {
  server_.FailNext(
      ErrorOf(StatusCode::UNAVAILABLE, "OVERLOADED", absl::Seconds(3)));
  const auto client = Open();
  EXPECT_EQ(client->Validate({}, In(absl::Seconds(3))).status().code(),
            absl::StatusCode::kUnavailable);
  EXPECT_EQ(server_.CountOf("Validate"), 1u);
}

TEST_F(AuthClientTest, ATimerThatIsLateFindsTheDeadlinePassed) {
  server_.FailNext(ErrorOf(StatusCode::UNAVAILABLE, ""));
  const auto client = Open();
  Answers<v1::ValidateResponse> answers;
  client->Validate({}, In(kLong), answers.Next());
  timer_.NextDelay();
  clock_.Advance(kLong);
  timer_.FireNext();
  EXPECT_EQ(answers.WaitForOne().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(server_.CountOf("Validate"), 1u);
}

TEST_F(AuthClientTest, AFailingServerIsTriedAgainOnlyWithinTheBudget) {
  server_.FailNext(ErrorOf(StatusCode::UNAVAILABLE, ""), 1000);
  AuthClientOptions options;
  options.retry.budget_per_call = 0;
  options.retry.budget_max = 2;
  const auto client = Open(options);
  Answers<v1::ValidateResponse> answers;
  client->Validate({}, In(kLong), answers.Next());
  timer_.FireNext();
  timer_.FireNext();
  EXPECT_EQ(answers.WaitForOne().code(), absl::StatusCode::kUnavailable);
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(client->Validate({}, In(kLong)).ok());
  }
  EXPECT_EQ(server_.CountOf("Validate"), 13u);
}

TEST_F(AuthClientTest, ADeadlineInThePastIsAnsweredWithoutACall) {
  const auto client = Open();
  for (const absl::Duration delay :
       {absl::ZeroDuration(), -absl::Hours(1), -absl::InfiniteDuration()}) {
    EXPECT_EQ(client->Validate({}, In(delay)).status().code(),
              absl::StatusCode::kDeadlineExceeded);
  }
  EXPECT_TRUE(server_.seen().empty());
}

TEST_F(AuthClientTest, AnAnswerThatIsLateIsNotWaitedFor) {
  server_.Hold();
  const auto client = Open();
  EXPECT_EQ(client->Validate({}, In(absl::Milliseconds(50))).status().code(),
            absl::StatusCode::kDeadlineExceeded);
}

TEST_F(AuthClientTest, AnInfiniteDeadlineIsOne) {
  EXPECT_TRUE(Open()->Validate({}, absl::InfiniteFuture()).ok());
}

TEST_F(AuthClientTest, NoServerIsUnavailable) {
  AuthClientOptions options;
  options.channel.target = "unix:/nowhere/latchkey.sock";
  options.retry.max_attempts = 1;
  auto client = AuthClient::Create(options, clock_, timer_);
  ASSERT_TRUE(client.ok());
  EXPECT_EQ((*client)->Validate({}, In(kLong)).status().code(),
            absl::StatusCode::kUnavailable);
}

TEST_F(AuthClientTest, CallsTakeTurnsOverTheConnections) {
  AuthClientOptions options;
  options.channel.connections = 4;
  const auto client = Open(options);
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(client->Validate({}, In(kLong)).ok());
  }
  std::map<std::string, int> calls_of;
  for (const auto& seen : server_.seen()) ++calls_of[seen.peer];
  EXPECT_EQ(calls_of.size(), 4u);
  for (const auto& [peer, calls] : calls_of) EXPECT_EQ(calls, 2) << peer;
}

TEST_F(AuthClientTest, TheNextAttemptTakesTheNextConnection) {
  server_.FailNext(ErrorOf(StatusCode::UNAVAILABLE, ""));
  const auto client = Open();
  Answers<v1::ValidateResponse> answers;
  client->Validate({}, In(kLong), answers.Next());
  timer_.FireNext();
  EXPECT_TRUE(answers.WaitForOne().ok());
  EXPECT_NE(server_.seen()[0].peer, server_.seen()[1].peer);
}

TEST_F(AuthClientTest, OptionsOfACallGoAlongWithEachAttempt) {
  server_.FailNext(ErrorOf(StatusCode::UNAVAILABLE, ""));
  const auto client = Open();
  const std::string revision = RevisionToken(Epoch(), 7);
  Answers<v1::ValidateResponse> answers;
  client->Validate(
      {}, In(kLong), answers.Next(),
      {.bearer = SecretBytes("lks_service"), .revision = revision});
  timer_.FireNext();
  ASSERT_TRUE(answers.WaitForOne().ok());
  for (const auto& seen : server_.seen()) {
    EXPECT_EQ(seen.authorization, "Bearer lks_service");
    EXPECT_EQ(seen.revision, revision);
  }
}

TEST_F(AuthClientTest, OptionsThatCannotBeSentAreRefused) {
  const auto client = Open();
  for (const std::string& bearer :
       {std::string("a\nb"), std::string("a b"), std::string("\xc3\xa4"),
        std::string(4097, 'x')}) {
    EXPECT_EQ(client->Validate({}, In(kLong), {.bearer = SecretBytes(bearer)})
                  .status()
                  .code(),
              absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(client->Validate({}, In(kLong), CallOptions{.revision = "no\n"})
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(server_.seen().empty());
}

TEST_F(AuthClientTest, ItRemembersTheHighestRevision) {
  const auto client = Open();
  EXPECT_EQ(client->revisions()->Token(), "");
  ASSERT_TRUE(client->Login({}, In(kLong)).ok());
  ASSERT_TRUE(client->Login({}, In(kLong)).ok());
  EXPECT_EQ(client->revisions()->Token(), RevisionToken(Epoch(), 2));
}

TEST_F(AuthClientTest, DestroyedMidCallItAnswersEachCallOnce) {
  server_.Hold();
  auto client = Open();
  Answers<v1::ValidateResponse> answers;
  constexpr size_t kCalls = 20;
  for (size_t i = 0; i < kCalls; ++i) {
    client->Validate({}, In(kLong), answers.Next());
  }
  server_.WaitForCalls(kCalls);
  client.reset();
  const auto all = answers.Wait(kCalls);
  EXPECT_EQ(all.size(), kCalls);
  for (const auto& answer : all) {
    EXPECT_EQ(answer.status().code(), absl::StatusCode::kCancelled);
  }
}

TEST_F(AuthClientTest, DestroyedBeforeTheNextAttemptItAnswers) {
  server_.FailNext(ErrorOf(StatusCode::UNAVAILABLE, ""));
  auto client = Open();
  Answers<v1::ValidateResponse> answers;
  client->Validate({}, In(kLong), answers.Next());
  timer_.NextDelay();
  client.reset();
  EXPECT_EQ(answers.WaitForOne().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(timer_.pending(), 0u);
}

TEST_F(AuthClientTest, DestroyedAtAnyPointItAnswersEachCallOnce) {
  server_.FailNext(ErrorOf(StatusCode::UNAVAILABLE, ""), 100'000);
  AuthClientOptions options;
  options.channel.target = server_.target();
  options.retry.first_backoff = absl::Milliseconds(1);
  options.retry.max_backoff = absl::Milliseconds(1);
  options.retry.max_attempts = 10;
  options.retry.budget_max = 10'000;
  // The real timer and clock: all that may happen at once does.
  for (int round = 0; round < 20; ++round) {
    auto client = AuthClient::Create(options);
    ASSERT_TRUE(client.ok());
    Answers<v1::ValidateResponse> answers;
    for (size_t i = 0; i < 20; ++i) {
      (*client)->Validate({}, absl::InfiniteFuture(), answers.Next());
    }
    server_.WaitForCalls(server_.seen().size() + round % 5);
    client->reset();
    EXPECT_EQ(answers.Wait(20).size(), 20u);
  }
}

TEST_F(AuthClientTest, ManyThreadsMayCall) {
  AuthClientOptions options;
  options.channel.target = server_.target();
  options.retry.budget_per_call = 1;
  options.retry.budget_max = 10'000;
  options.retry.first_backoff = absl::Milliseconds(1);
  auto client = AuthClient::Create(options);
  ASSERT_TRUE(client.ok());
  // In a row of errors no call meets more than it may try.
  server_.FailNext(ErrorOf(StatusCode::UNAVAILABLE, ""), 3);
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 50; ++j) {
        good += (*client)->Validate({}, absl::InfiniteFuture()).ok();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 400);
  EXPECT_EQ(server_.CountOf("Validate"), 403u);
}

TEST_F(AuthClientTest, OptionsOutOfTheirLimitsAreRefused) {
  AuthClientOptions options;
  options.retry.max_attempts = 0;
  EXPECT_EQ(AuthClient::Create(options).status().code(),
            absl::StatusCode::kInvalidArgument);
  options = {};
  options.channel.target = "auth.example:7870";
  EXPECT_EQ(AuthClient::Create(options).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(Propagated, OnlyWhatTheServerSaysIsComplete) {
  v1::LogoutResponse response;
  EXPECT_FALSE(Propagated(response));
  response.mutable_propagation()->set_acknowledged(3);
  EXPECT_FALSE(Propagated(response));
  response.mutable_propagation()->set_complete(true);
  EXPECT_TRUE(Propagated(response));
}

}  // namespace
}  // namespace latchkey
