#include "client/service_credentials.h"

#include <fstream>
#include <memory>
#include <string>
#include <unistd.h>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"

#include "client/auth_client.h"
#include "client/call_metadata.h"
#include "client/channel.h"
#include "client/verify/revision.h"
#include "tests/client/fake_auth_server.h"
#include "tests/server/credential/certificate_maker.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_timer.h"

namespace latchkey {
namespace {

using grpc::StatusCode;

// A service that is called over TLS, and the file of the CA it is known by.
class TlsService {
 public:
  TlsService()
      : path_(absl::StrCat(testing::TempDir(), "/latchkey_ca_", getpid())) {
    std::ofstream(path_) << made_.certificate;
  }
  ~TlsService() { unlink(path_.c_str()); }

  std::shared_ptr<grpc::Channel> Open() const {
    return OpenChannels({.target = server_.target(),
                         .ca_file = path_,
                         .server_name = "server",
                         .connections = 1})
        ->front();
  }
  FakeAuthServer& server() { return server_; }

 private:
  // Real time: it is TLS that looks at these.
  const MadeCertificate made_ =
      MakeCertificate({.begin = absl::Now() - absl::Hours(1),
                       .end = absl::Now() + absl::Hours(1),
                       .ca = true},
                      nullptr);
  const std::string path_;
  FakeAuthServer server_{made_.certificate, made_.key};
};

grpc::Status Call(const std::shared_ptr<grpc::Channel>& channel,
                  grpc::ClientContext* context) {
  v1::ValidateResponse response;
  return v1::AuthService::NewStub(channel)->Validate(context, {}, &response);
}

class ServiceCredentialsTest : public testing::Test {
 protected:
  ServiceCredentialsTest() {
    AuthClientOptions options;
    options.channel.target = auth_.target();
    options.retry.max_attempts = 1;
    client_ = *AuthClient::Create(options, clock_, timer_);
  }

  static ServiceCredentialsOptions Options() {
    ServiceCredentialsOptions options;
    options.login.account = "billing";
    options.login.proof = ClientSecret{SecretBytes("secret-1")};
    return options;
  }
  std::unique_ptr<ServiceCredentials> Open(
      ServiceCredentialsOptions options = Options()) {
    auto opened = ServiceCredentials::Create(std::move(options), *client_,
                                             clock_, timer_);
    EXPECT_TRUE(opened.ok()) << opened.status();
    return *std::move(opened);
  }
  grpc::Status CallWith(const ServiceCredentials& credentials,
                        const std::shared_ptr<grpc::Channel>& channel) {
    grpc::ClientContext context;
    context.set_credentials(credentials.call_credentials());
    return Call(channel, &context);
  }

  FakeClock clock_;
  FakeTimer timer_{clock_};
  FakeAuthServer auth_;
  std::unique_ptr<AuthClient> client_;
  TlsService service_;
};

TEST_F(ServiceCredentialsTest, ACallOverTlsCarriesTheCredential) {
  const auto credentials = Open();
  const auto channel = service_.Open();
  for (int i = 0; i < 2; ++i) {
    const grpc::Status status = CallWith(*credentials, channel);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  for (const auto& seen : service_.server().seen()) {
    EXPECT_EQ(seen.authorization, "Bearer credential-1");
    EXPECT_EQ(seen.revision, "");
  }
  EXPECT_EQ(auth_.CountOf("Login"), 1u);
}

TEST_F(ServiceCredentialsTest, PlaintextIsRefusedByGrpc) {
  const auto credentials = Open();
  FakeAuthServer plain;
  const auto channel =
      OpenChannels({.target = plain.target(), .connections = 1})->front();
  EXPECT_FALSE(CallWith(*credentials, channel).ok());
  EXPECT_TRUE(plain.seen().empty());
}

TEST_F(ServiceCredentialsTest, WithoutACredentialNoCallGoesOut) {
  auth_.FailNext(ErrorOf(StatusCode::UNAUTHENTICATED, "LOGIN_REFUSED"));
  const auto credentials = Open();
  const grpc::Status status = CallWith(*credentials, service_.Open());
  EXPECT_EQ(status.error_code(), StatusCode::UNAVAILABLE);
  EXPECT_EQ(status.error_message().find("secret-1"), std::string::npos);
  EXPECT_TRUE(service_.server().seen().empty());
}

TEST_F(ServiceCredentialsTest, CallsAfterItsEndAreRefused) {
  auto credentials = Open();
  const auto call_credentials = credentials->call_credentials();
  credentials.reset();
  grpc::ClientContext context;
  context.set_credentials(call_credentials);
  EXPECT_EQ(Call(service_.Open(), &context).error_code(),
            StatusCode::UNAVAILABLE);
  EXPECT_TRUE(service_.server().seen().empty());
  EXPECT_TRUE(auth_.seen().empty());
}

TEST_F(ServiceCredentialsTest, TheRevisionGoesAlongWhereAsked) {
  ServiceCredentialsOptions options = Options();
  options.send_revision = true;
  const auto credentials = Open(std::move(options));
  ASSERT_TRUE(CallWith(*credentials, service_.Open()).ok());
  EXPECT_EQ(service_.server().seen()[0].revision, RevisionToken(Epoch(), 1));
}

TEST_F(ServiceCredentialsTest, OnThisMachineItMayBeAddedToPlaintext) {
  FakeAuthServer plain;
  ServiceCredentialsOptions options = Options();
  options.local_target = plain.target();
  options.send_revision = true;
  const auto credentials = Open(std::move(options));
  const auto channel =
      OpenChannels({.target = plain.target(), .connections = 1})->front();
  grpc::ClientContext context;
  ASSERT_TRUE(credentials->AddTo(&context).ok());
  ASSERT_TRUE(Call(channel, &context).ok());
  EXPECT_EQ(plain.seen()[0].authorization, "Bearer credential-1");
  EXPECT_EQ(plain.seen()[0].revision, RevisionToken(Epoch(), 1));
}

TEST_F(ServiceCredentialsTest, AddToIsRefusedUnlessItWasDeclared) {
  const auto credentials = Open();
  grpc::ClientContext context;
  EXPECT_EQ(credentials->AddTo(&context).code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(auth_.seen().empty());
}

TEST_F(ServiceCredentialsTest, WhenReadyTellsHowTheLoginEnded) {
  auth_.FailNext(ErrorOf(StatusCode::UNAVAILABLE, ""));
  const auto credentials = Open();
  const auto ready = [&] {
    Mutex mutex;
    CondVar changed;
    std::optional<absl::Status> answer;
    credentials->WhenReady([&](absl::Status status) {
      MutexLock lock(&mutex);
      answer = status;
      changed.NotifyAll();
    });
    MutexLock lock(&mutex);
    while (!answer.has_value()) changed.Wait(&mutex);
    return *answer;
  };
  EXPECT_EQ(ready().code(), absl::StatusCode::kUnavailable);
  timer_.FireNext();
  timer_.NextDelay();
  EXPECT_TRUE(ready().ok());
}

TEST_F(ServiceCredentialsTest, TheSessionEndsWithItWhereAsked) {
  ServiceCredentialsOptions options = Options();
  options.logout_at_end = true;
  auto credentials = Open(std::move(options));
  ASSERT_TRUE(CallWith(*credentials, service_.Open()).ok());
  credentials.reset();
  ASSERT_EQ(auth_.CountOf("Logout"), 1u);
  EXPECT_EQ(auth_.seen().back().detail, "credential-1");
  // Without a login there is nothing to end.
  options = Options();
  options.logout_at_end = true;
  Open(std::move(options)).reset();
  EXPECT_EQ(auth_.CountOf("Logout"), 1u);
}

TEST_F(ServiceCredentialsTest, OptionsOutOfTheirLimitsAreRefused) {
  const auto code_of = [this](auto change) {
    ServiceCredentialsOptions options = Options();
    change(options);
    return ServiceCredentials::Create(std::move(options), *client_)
        .status()
        .code();
  };
  using Options = ServiceCredentialsOptions;
  EXPECT_EQ(code_of([](Options&) {}), absl::StatusCode::kOk);
  for (const auto code :
       {code_of([](Options& o) { o.login.account = ""; }),
        code_of([](Options& o) { o.login.timeout = absl::ZeroDuration(); }),
        code_of([](Options& o) { o.login.timeout = absl::Minutes(2); }),
        code_of([](Options& o) { o.login.proof = ClientSecret{}; }),
        code_of([](Options& o) { o.login.proof = ClientAssertion{}; }),
        code_of([](Options& o) { o.local_target = "10.0.0.1:1"; })}) {
    EXPECT_EQ(code, absl::StatusCode::kInvalidArgument);
  }
}

TEST_F(ServiceCredentialsTest, ACallersCredentialIsForwardedOverTls) {
  grpc::ClientContext context;
  ASSERT_TRUE(AddCredential("lks_alice", "auth.example:1", &context).ok());
  ASSERT_TRUE(AddRevision(RevisionToken(Epoch(), 5), &context).ok());
  ASSERT_TRUE(Call(service_.Open(), &context).ok());
  EXPECT_EQ(service_.server().seen()[0].authorization, "Bearer lks_alice");
  EXPECT_EQ(service_.server().seen()[0].revision, RevisionToken(Epoch(), 5));
}

TEST_F(ServiceCredentialsTest, ForwardedInClearOnlyOnThisMachine) {
  FakeAuthServer plain;
  const auto channel =
      OpenChannels({.target = plain.target(), .connections = 1})->front();
  grpc::ClientContext local;
  ASSERT_TRUE(AddCredential("lks_alice", plain.target(), &local).ok());
  EXPECT_TRUE(Call(channel, &local).ok());
  EXPECT_EQ(plain.seen()[0].authorization, "Bearer lks_alice");
  grpc::ClientContext elsewhere;
  ASSERT_TRUE(AddCredential("lks_alice", "auth.example:1", &elsewhere).ok());
  EXPECT_FALSE(Call(channel, &elsewhere).ok());
  EXPECT_EQ(plain.seen().size(), 1u);
}

TEST_F(ServiceCredentialsTest, WhatCannotBeForwardedIsRefused) {
  grpc::ClientContext context;
  for (const char* bad : {"", "a\nb", "a b"}) {
    EXPECT_EQ(AddCredential(bad, "localhost:1", &context).code(),
              absl::StatusCode::kInvalidArgument);
  }
  EXPECT_TRUE(AddRevision("", &context).ok());
  EXPECT_EQ(AddRevision("no token", &context).code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace latchkey
