#include "client/agent/agent_service.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"

#include "client/agent/local_answers.h"
#include "client/agent/session_book.h"
#include "client/auth_client.h"
#include "client/base/clock.h"
#include "client/error_details.h"
#include "client/offline_validator.h"
#include "tests/client/fake_auth_server.h"

namespace latchkey {
namespace {

// Over a validator that knows nothing, so that the server is always asked.
class AgentServiceTest : public ::testing::Test {
 protected:
  void Start(AgentService::Options options) {
    AuthClientOptions to;
    to.channel.target = fake_.target();
    to.retry.max_attempts = 1;
    auto client = AuthClient::Create(to);
    ASSERT_TRUE(client.ok()) << client.status();
    client_ = *std::move(client);
    auto validator =
        OfflineValidator::Create({client_->channel()}, {.issuer = "x"});
    ASSERT_TRUE(validator.ok()) << validator.status();
    validator_ = *std::move(validator);
    answers_ = std::make_unique<LocalAnswers>(*validator_, book_, clock_);
    service_ = std::make_unique<AgentService>(*answers_, *client_, clock_,
                                              std::move(options));
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                             &port);
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
    stub_ = v1::AuthService::NewStub(
        grpc::CreateChannel("127.0.0.1:" + std::to_string(port),
                            grpc::InsecureChannelCredentials()));
  }
  ~AgentServiceTest() override {
    fake_.Release();
    if (server_ != nullptr) server_->Shutdown();
  }

  absl::Status Validate(const std::string& credential) {
    grpc::ClientContext context;
    v1::ValidateRequest request;
    request.set_credential(credential);
    v1::ValidateResponse response;
    return ToAbsl(stub_->Validate(&context, request, &response));
  }

  const SystemClock clock_{};
  FakeAuthServer fake_;
  SessionBook book_{1 << 20};
  std::unique_ptr<AuthClient> client_;
  std::unique_ptr<OfflineValidator> validator_;
  std::unique_ptr<LocalAnswers> answers_;
  std::unique_ptr<AgentService> service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::AuthService::Stub> stub_;
};

TEST_F(AgentServiceTest, AsksTheServerWhatItDoesNotKnow) {
  Start({});
  EXPECT_TRUE(Validate("one").ok());
  ASSERT_EQ(fake_.seen().size(), 1u);
  EXPECT_EQ(fake_.seen()[0].method, "Validate");
  EXPECT_EQ(fake_.seen()[0].detail, "one");
  EXPECT_EQ(service_->refused_by_server(), 0u);
}

TEST_F(AgentServiceTest, LetsNoMoreWaitThanMay) {
  constexpr size_t kMost = 2;
  Start({.ask_timeout = absl::Minutes(10), .max_asks = kMost});
  fake_.Hold();
  std::atomic<int> answered{0};
  std::vector<std::thread> waiting;
  for (size_t i = 0; i < kMost; ++i) {
    waiting.emplace_back([&] { answered += Validate("waits").ok() ? 1 : 0; });
  }
  fake_.WaitForCalls(kMost);
  const absl::Status refused = Validate("one more");
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ErrorDetailsOf(refused).reason, "OVERLOADED");
  EXPECT_TRUE(ErrorDetailsOf(refused).retry_delay.has_value());
  EXPECT_EQ(fake_.seen().size(), kMost);
  fake_.Release();
  for (std::thread& thread : waiting) thread.join();
  EXPECT_EQ(answered, static_cast<int>(kMost));
  // Their places are free again.
  EXPECT_TRUE(Validate("one more").ok());
}

TEST_F(AgentServiceTest, SaysNothingOfItsOwnRights) {
  Start({});
  fake_.FailNext(ErrorOf(grpc::StatusCode::PERMISSION_DENIED, "NOT_PERMITTED"));
  const absl::Status refused = Validate("one");
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ErrorDetailsOf(refused).reason, "VALIDATOR_UNAVAILABLE");
  EXPECT_EQ(service_->refused_by_server(), 1u);
}

TEST_F(AgentServiceTest, PassesOnWhatIsWrongWithTheRequest) {
  Start({});
  fake_.FailNext(
      ErrorOf(grpc::StatusCode::FAILED_PRECONDITION, "REVISION_AHEAD"));
  const absl::Status refused = Validate("one");
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ErrorDetailsOf(refused).reason, "REVISION_AHEAD");
}

TEST_F(AgentServiceTest, WaitsNoLongerThanItMay) {
  Start({.ask_timeout = absl::Milliseconds(1)});
  fake_.Hold();
  const absl::Status late = Validate("one");
  EXPECT_EQ(late.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(ErrorDetailsOf(late).reason, "VALIDATOR_UNAVAILABLE");
}

}  // namespace
}  // namespace latchkey
