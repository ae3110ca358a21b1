// How a call is let in, over a real gRPC server: the empty RPC of the
// benchmark's service, under whatever rule a test puts it.
#include "server/rpc/call.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"

#include "latchkey/internal/v1/benchmark.grpc.pb.h"
#include "tests/support/fake_clock.h"
#include "tests/support/recording_audit.h"

namespace latchkey {
namespace {

using internal::v1::BenchmarkService;
using internal::v1::PingRequest;
using internal::v1::PingResponse;

// Serves Ping as if it were the method that the test says, and remembers who
// called.
class PingAs final : public BenchmarkService::WithRawCallbackMethod_Ping<
                         BenchmarkService::Service> {
 public:
  explicit PingAs(const CallDoor& door) : door_(door) {}

  grpc::ServerUnaryReactor* Ping(grpc::CallbackServerContext* context,
                                 const grpc::ByteBuffer* in,
                                 grpc::ByteBuffer* out) override {
    return Serve<PingRequest, PingResponse>(
        door_, method, context, in, out, [this](auto call) {
          ++started;
          last_caller = call->MakeOrigin().caller.name;
          last_thread = std::this_thread::get_id();
          call->Finish(absl::OkStatus());
        });
  }

  Method method = Method::kListKeys;
  std::atomic<int> started = 0;
  std::string last_caller;
  std::thread::id last_thread;

 private:
  const CallDoor& door_;
};

class CallTest : public ::testing::Test {
 protected:
  void Start(Listener listener) {
    CallerFinder::Options options{
        .listener = listener,
        .open_validate = false,
        .grants = {},
        .account_behind = [this](absl::string_view credential, Reach reach)
            -> absl::StatusOr<std::optional<std::string>> {
          if (reach == Reach::kMemory && credential != "cached") {
            return absl::UnavailableError("needs the disk");
          }
          asked_on_ = std::this_thread::get_id();
          if (credential == "dead") return std::nullopt;
          return "bot";
        }};
    ASSERT_TRUE(options.grants.Add("account:bot=admin").ok());
    finder_ = std::make_unique<CallerFinder>(std::move(options));
    door_ = std::make_unique<CallDoor>(CallDoor{*finder_, workers_, readers_,
                                                admission_, metrics_, clock_,
                                                *log_, audit_});
    service_ = std::make_unique<PingAs>(*door_);
    grpc::ServerBuilder builder;
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
    stub_ = BenchmarkService::NewStub(server_->InProcessChannel({}));
  }
  void TearDown() override {
    server_->Shutdown();
    readers_.Stop();
    workers_.Stop();
  }

  grpc::StatusCode Ping(const std::string& authorization = "") {
    grpc::ClientContext context;
    if (!authorization.empty()) {
      context.AddMetadata("authorization", authorization);
    }
    PingResponse response;
    return stub_->Ping(&context, PingRequest(), &response).error_code();
  }

  FakeClock clock_;
  std::unique_ptr<Log> log_ = Log::ToStderr(LogLevel::kError, clock_);
  TaskPool workers_{{.name = "worker", .threads = 1, .queue_limit = 4}};
  TaskPool readers_{{.name = "reader", .threads = 1, .queue_limit = 4}};
  CallAdmission admission_{100};
  CallMetrics metrics_;
  RecordingAudit audit_;
  std::unique_ptr<CallerFinder> finder_;
  std::unique_ptr<CallDoor> door_;
  std::unique_ptr<PingAs> service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<BenchmarkService::Stub> stub_;
  std::thread::id asked_on_;
};

TEST_F(CallTest, AMethodWithoutARowIsRefusedEvenToTheOperator) {
  Start(Listener::kAdminSocket);
  EXPECT_EQ(Ping(), grpc::StatusCode::OK);
  service_->method = static_cast<Method>(1000);
  EXPECT_EQ(Ping(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(service_->started, 1);
}

TEST_F(CallTest, NobodyIsRefusedWhatNeedsAPermission) {
  Start(Listener::kNetwork);
  EXPECT_EQ(Ping(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Ping("Bearer dead"), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(Ping("rubbish"), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(service_->started, 0);
  service_->method = Method::kGetJwks;
  EXPECT_EQ(Ping("rubbish"), grpc::StatusCode::OK);
}

TEST_F(CallTest, ARefusedCallerHasALine) {
  Start(Listener::kNetwork);
  Ping();
  Ping("Bearer dead");
  service_->method = Method::kGetJwks;
  Ping("Bearer dead");  // nothing is asked of its caller
  const auto noted = audit_.TakeNoted();
  ASSERT_EQ(noted.size(), 2u);
  EXPECT_EQ(noted[0].reason, "NOT_PERMITTED");
  EXPECT_EQ(noted[1].reason, "CALLER_REFUSED");
  for (const AuditEvent& event : noted) {
    EXPECT_EQ(event.kind, AuditKind::kCall);
    EXPECT_EQ(event.outcome, AuditOutcome::kRefused);
    EXPECT_FALSE(event.origin.correlation_id.empty());
  }
}

TEST_F(CallTest, ACallerInMemoryIsLetInAtOnce) {
  Start(Listener::kNetwork);
  EXPECT_EQ(Ping("Bearer cached"), grpc::StatusCode::OK);
  EXPECT_EQ(service_->last_caller, "accounts/bot");
  EXPECT_EQ(service_->last_thread, asked_on_);
}

TEST_F(CallTest, ACallerOnDiskIsLookedUpByAReader) {
  Start(Listener::kNetwork);
  std::thread::id reader;
  EXPECT_EQ(Ping("Bearer on-disk"), grpc::StatusCode::OK);
  EXPECT_EQ(service_->last_caller, "accounts/bot");
  ASSERT_TRUE(readers_.TrySubmit([&] { reader = std::this_thread::get_id(); }));
  readers_.Stop();
  EXPECT_EQ(asked_on_, reader);
}

TEST_F(CallTest, ACallIsNotKnownByWhatItsConnectionHasCalledBefore) {
  Start(Listener::kNetwork);
  EXPECT_EQ(Ping("Bearer cached"), grpc::StatusCode::OK);
  EXPECT_EQ(Ping(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Ping("Bearer cached"), grpc::StatusCode::OK);
  EXPECT_EQ(Ping("Bearer dead"), grpc::StatusCode::UNAUTHENTICATED);
}

}  // namespace
}  // namespace latchkey
