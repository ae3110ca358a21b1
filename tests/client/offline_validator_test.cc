#include "client/offline_validator.h"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"

#include "client/verify/revision.h"
#include "latchkey/v1/auth.grpc.pb.h"
#include "latchkey/v1/revocation.grpc.pb.h"
#include "tests/support/notification.h"
#include "tests/support/token_maker.h"

namespace latchkey {
namespace {

constexpr char kIssuer[] = "latchkey:test";
constexpr char kSession[] = "0123456789abcdef";
constexpr char kOpaque[] = "lks_1";

std::string HexOf(const std::string& bytes) {
  return absl::BytesToHexString(bytes);
}

std::string Token() {
  const TokenMaker maker;
  const int64_t now = absl::ToUnixSeconds(absl::Now());
  return maker.Make(
      absl::StrCat(R"({"iss":")", kIssuer, R"(","sub":")", HexOf(kSession),
                   R"(","account":"alice","aud":")", kIssuer, R"(","exp":)",
                   now + 300, R"(,"iat":)", now - 1, R"(,"jti":"j","sid":")",
                   HexOf(kSession), R"(","gen":1,"auth_time":)", now - 1, "}"));
}

// A server of a few lines: grants what is asked for, and
// ends the session when told.
class Watch final : public v1::RevocationService::Service {
 public:
  grpc::Status WatchRevocations(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::WatchRevocationsResponse,
                               v1::WatchRevocationsRequest>* stream) override {
    ++streams;
    v1::WatchRevocationsRequest request;
    if (!stream->Read(&request) || !request.has_subscribe()) {
      return {grpc::StatusCode::INVALID_ARGUMENT, "no subscribe"};
    }
    uint64_t written = request.subscribe().resume();
    v1::WatchRevocationsResponse response;
    response.mutable_welcome()->set_epoch(kSession);
    response.mutable_welcome()->set_after(written);
    response.mutable_welcome()->mutable_heartbeat_interval()->set_nanos(
        20'000'000);
    stream->Write(response);
    response.mutable_key_set()->set_jwks(TokenMaker::kJwks);
    stream->Write(response);
    while (stream->Read(&request)) {
      if (refuses) {
        return {grpc::StatusCode::PERMISSION_DENIED, "not for you"};
      }
      applied = request.heartbeat().applied();
      uses += request.heartbeat().activity_size();
      if (is_ended && written == 0) {
        written = 1;
        auto* const batch = response.mutable_batch();
        batch->set_through(1);
        auto* const one = batch->add_revocations();
        one->set_session_id(kSession);
        one->mutable_drop_time()->set_seconds(absl::ToUnixSeconds(absl::Now()) +
                                              3600);
        stream->Write(response);
      }
      auto* const lease = response.mutable_lease();
      lease->set_nonce(request.heartbeat().nonce());
      lease->set_revision(written);
      lease->mutable_ttl()->set_seconds(30);
      lease->mutable_server_time()->set_seconds(
          absl::ToUnixSeconds(absl::Now()));
      stream->Write(response);
    }
    return grpc::Status::OK;
  }

  std::atomic<bool> is_ended{false};
  std::atomic<bool> refuses{false};
  std::atomic<uint64_t> applied{0};
  std::atomic<int> streams{0};
  std::atomic<int> uses{0};
};

class Auth final : public v1::AuthService::CallbackService {
 public:
  grpc::ServerUnaryReactor* Validate(grpc::CallbackServerContext* context,
                                     const v1::ValidateRequest* request,
                                     v1::ValidateResponse* response) override {
    ++asked;
    if (hangs) return new Held();
    auto* const reactor = context->DefaultReactor();
    if (request->credential() == kOpaque && request->want_revocable()) {
      Fill(response);
    }
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  std::atomic<int> asked{0};
  std::atomic<bool> hangs{false};

 private:
  // Answers when the call was given up.
  class Held final : public grpc::ServerUnaryReactor {
    void OnCancel() override { Finish(grpc::Status::CANCELLED); }
    void OnDone() override { delete this; }
  };

  static void Fill(v1::ValidateResponse* response) {
    response->set_active(true);
    auto* const session = response->mutable_session();
    session->set_account("accounts/alice");
    session->set_name(
        absl::StrCat("accounts/alice/sessions/", HexOf(kSession)));
    session->mutable_auth_time()->set_seconds(1);
    response->mutable_expire_time()->set_seconds(
        absl::ToUnixSeconds(absl::Now()) + 300);
    response->mutable_revision()->set_token(
        RevisionToken(*Epoch::FromBytes(kSession), 0));
    response->mutable_revocable()->set_account_uid(kSession);
    response->mutable_revocable()->set_account_generation(1);
  }
};

class OfflineValidatorTest : public ::testing::Test {
 protected:
  OfflineValidatorTest() {
    grpc::ServerBuilder builder;
    builder.RegisterService(&watch_);
    builder.RegisterService(&auth_);
    server_ = builder.BuildAndStart();
    Make({.issuer = kIssuer,
          .first_backoff = absl::Milliseconds(1),
          .longest_backoff = absl::Milliseconds(20)});
  }
  ~OfflineValidatorTest() override {
    validator_.reset();
    server_->Shutdown(absl::ToChronoTime(absl::Now()));
  }

  void Make(const VerifierOptions& options) {
    auto made = OfflineValidator::Create(
        {server_->InProcessChannel(grpc::ChannelArguments())}, options);
    ASSERT_TRUE(made.ok()) << made.status();
    validator_ = *std::move(made);
  }
  void Begin() {
    validator_->Start();
    ASSERT_TRUE(validator_->WaitUntilReady(absl::Now() + absl::Minutes(5)));
  }
  // Waits for the answer: "yes", "no", or an error's code.
  std::string Check(absl::string_view credential) {
    Notification answered;
    std::string answer;
    validator_->Check(credential, {}, absl::Now() + absl::Minutes(5),
                      [&](absl::StatusOr<Verdict> verdict) {
                        answer = !verdict.ok() ? absl::StatusCodeToString(
                                                     verdict.status().code())
                                 : *verdict == nullptr ? "no"
                                                       : "yes";
                        answered.Notify();
                      });
    answered.Wait();
    return answer;
  }
  // Waits for what will happen; hung is what the test's own limit ends.
  template <typename Condition>
  void Await(Condition condition) {
    while (!condition()) std::this_thread::yield();
  }

  Watch watch_;
  Auth auth_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<OfflineValidator> validator_;
};

TEST_F(OfflineValidatorTest, AJwtIsJudgedHereUntilItsSessionEnds) {
  Begin();
  const std::string token = Token();
  EXPECT_EQ(Check(token), "yes");
  EXPECT_EQ(auth_.asked, 0);
  watch_.is_ended = true;
  Await([&] { return watch_.applied == 1; });
  EXPECT_EQ(Check(token), "no");
  EXPECT_EQ(validator_->CheckLocal(token, {}, [](const Principal&) {}), false);
}

TEST_F(OfflineValidatorTest, AnOpaqueCredentialIsAskedAboutOnce) {
  Begin();
  EXPECT_EQ(Check(kOpaque), "yes");
  EXPECT_EQ(Check(kOpaque), "yes");
  EXPECT_EQ(auth_.asked, 1);
  EXPECT_EQ(Check("lks_2"), "no");
  watch_.is_ended = true;
  Await([&] { return watch_.applied == 1; });
  EXPECT_EQ(Check(kOpaque), "no");
}

TEST_F(OfflineValidatorTest, WhoAsksByItselfTeachesIt) {
  EXPECT_EQ(validator_->revision(), "");
  Begin();
  const auto stub = v1::AuthService::NewStub(
      server_->InProcessChannel(grpc::ChannelArguments()));
  v1::ValidateRequest request;
  request.set_credential(kOpaque);
  request.set_want_revocable(true);
  v1::ValidateResponse response;
  grpc::ClientContext context;
  ASSERT_TRUE(stub->Validate(&context, request, &response).ok());
  EXPECT_EQ(validator_->CheckNow(kOpaque, {}), std::nullopt);
  validator_->Learn(kOpaque, v1::ValidateResponse());
  EXPECT_EQ(validator_->CheckNow(kOpaque, {}), std::nullopt);
  validator_->Learn(kOpaque, response);
  EXPECT_EQ(Check(kOpaque), "yes");
  EXPECT_EQ(auth_.asked, 1);
  EXPECT_EQ(validator_->revision(), response.revision().token());
  watch_.is_ended = true;
  Await([&] { return watch_.applied == 1; });
  EXPECT_EQ(Check(kOpaque), "no");
  EXPECT_EQ(validator_->revision(),
            RevisionToken(*Epoch::FromBytes(kSession), 1));
}

TEST_F(OfflineValidatorTest, UsesAreTold) {
  Begin();
  EXPECT_EQ(Check(Token()), "yes");
  Await([&] { return watch_.uses > 0; });
}

TEST_F(OfflineValidatorTest, AStreamThatIsRefusedIsTriedAgainAndTellsWhy) {
  watch_.refuses = true;
  validator_->Start();
  Await([&] { return watch_.streams >= 3; });
  EXPECT_NE(validator_->figures().stream_error.find("not for you"),
            std::string::npos);
  EXPECT_FALSE(validator_->figures().leased);
  watch_.refuses = false;
  EXPECT_TRUE(validator_->WaitUntilReady(absl::Now() + absl::Minutes(5)));
}

TEST_F(OfflineValidatorTest, WithoutTheServerACheckIsAnError) {
  // Not the channel within the process: gRPC's crashes when its server is gone.
  auto made = OfflineValidator::Create(
      {grpc::CreateChannel("unix:/nowhere/there.sock",
                           grpc::InsecureChannelCredentials())},
      {.issuer = kIssuer});
  ASSERT_TRUE(made.ok());
  validator_ = *std::move(made);
  validator_->Start();
  EXPECT_EQ(Check(kOpaque), "UNAVAILABLE");
  EXPECT_EQ(validator_->CheckNow(Token(), {}), std::nullopt);
}

TEST_F(OfflineValidatorTest, BeforeStartAndAfterStopNothingIsKnown) {
  EXPECT_EQ(Check(kOpaque), "UNAVAILABLE");
  Begin();
  EXPECT_EQ(Check(kOpaque), "yes");
  validator_->Stop();
  validator_->Stop();
  EXPECT_EQ(Check(kOpaque), "UNAVAILABLE");
  validator_->Start();
  EXPECT_EQ(Check(kOpaque), "UNAVAILABLE");
}

TEST_F(OfflineValidatorTest, EachWhoWaitsIsToldWhenItIsDestroyed) {
  Begin();
  auth_.hangs = true;
  std::atomic<int> unavailable{0};
  constexpr int kCalls = 50;
  for (int i = 0; i < kCalls; ++i) {
    validator_->Check(absl::StrCat("lks_", i), {}, absl::InfiniteFuture(),
                      [&](absl::StatusOr<Verdict> verdict) {
                        unavailable += absl::IsUnavailable(verdict.status());
                      });
  }
  validator_.reset();
  EXPECT_EQ(unavailable, kCalls);
}

TEST_F(OfflineValidatorTest, ManyMayCheckWhileItStartsAndStops) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> checkers;
  for (int i = 0; i < 4; ++i) {
    checkers.emplace_back([&] {
      const std::string token = Token();
      while (!stop) {
        Check(token);
        Check(kOpaque);
        std::string text;
        validator_->WriteMetrics(&text);
      }
    });
  }
  Begin();
  Await([&] { return validator_->figures().local_yes > 100; });
  validator_->Stop();
  stop = true;
  for (std::thread& checker : checkers) checker.join();
}

TEST(OfflineValidatorCreate, RefusesWhatCannotWork) {
  EXPECT_FALSE(OfflineValidator::Create({}, {.issuer = "i"}).ok());
  EXPECT_FALSE(OfflineValidator::Create({nullptr}, {.issuer = "i"}).ok());
  auto channel =
      grpc::CreateChannel("unix:/nowhere", grpc::InsecureChannelCredentials());
  EXPECT_FALSE(OfflineValidator::Create({channel}, {}).ok());
  EXPECT_TRUE(OfflineValidator::Create({channel}, {.issuer = "i"}).ok());
}

}  // namespace
}  // namespace latchkey
