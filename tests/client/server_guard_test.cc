#include "client/server_guard.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "guard_test.grpc.pb.h"

#include "client/error_details.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_validator.h"
#include "tests/support/notification.h"

namespace latchkey {
namespace {

using grpc::StatusCode;
using testing::Echo;
using testing::Text;
using Mode = FakeValidator::Mode;

constexpr char kSecret[] = "what only callers who may are to read";

// ChatReactor says back what it hears.
class ChatReactor final : public grpc::ServerBidiReactor<Text, Text> {
 public:
  ChatReactor() { StartRead(&text_); }
  void OnReadDone(bool ok) override {
    ok ? StartWrite(&text_) : Finish(grpc::Status::OK);
  }
  void OnWriteDone(bool ok) override {
    if (ok) StartRead(&text_);
  }
  void OnDone() override { delete this; }

 private:
  Text text_;
};

// LeakReactor sends what it was not asked whether it may.
class LeakReactor final : public grpc::ServerWriteReactor<Text> {
 public:
  LeakReactor() {
    text_.set_text(kSecret);
    StartWrite(&text_);
  }
  void OnWriteDone(bool) override { Finish(grpc::Status::OK); }
  void OnDone() override { delete this; }

 private:
  Text text_;
};

// ListenReactor reads until there is nothing more, and answers then.
class ListenReactor final : public grpc::ServerReadReactor<Text> {
 public:
  explicit ListenReactor(Text* response) {
    response->set_text(kSecret);
    StartRead(&text_);
  }
  void OnReadDone(bool ok) override {
    ok ? StartRead(&text_) : Finish(grpc::Status::OK);
  }
  void OnDone() override { delete this; }

 private:
  Text text_;
};

// CallbackEcho is served with the callback API.
class CallbackEcho final : public Echo::CallbackService {
 public:
  std::unique_ptr<ServerGuard>* guard = nullptr;
  std::atomic<int> said{0};

  grpc::ServerUnaryReactor* Say(grpc::CallbackServerContext* context,
                                const Text*, Text* response) override {
    return (*guard)->Unary(context, [&](const Principal& who) {
      ++said;
      response->set_text(who.account);
      return grpc::Status::OK;
    });
  }
  grpc::ServerUnaryReactor* Reach(grpc::CallbackServerContext* context,
                                  const Text*, Text* response) override {
    response->set_text(kSecret);
    context->AddInitialMetadata("secret", kSecret);
    context->AddTrailingMetadata("secret", kSecret);
    auto* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
  grpc::ServerBidiReactor<Text, Text>* Chat(
      grpc::CallbackServerContext* context) override {
    if ((*guard)->Admit(context) == nullptr) return nullptr;
    return new ChatReactor();
  }
  grpc::ServerWriteReactor<Text>* Leak(grpc::CallbackServerContext*,
                                       const Text*) override {
    return new LeakReactor();
  }
  grpc::ServerReadReactor<Text>* Listen(grpc::CallbackServerContext*,
                                        Text* response) override {
    return new ListenReactor(response);
  }
};

// SyncEcho is the same with the synchronous API.
class SyncEcho final : public Echo::Service {
 public:
  std::unique_ptr<ServerGuard>* guard = nullptr;

  grpc::Status Say(grpc::ServerContext* context, const Text*,
                   Text* response) override {
    const Verdict who = (*guard)->Admit(context);
    if (who == nullptr) return (*guard)->Refusal(context);
    response->set_text(who->account);
    return grpc::Status::OK;
  }
  grpc::Status Reach(grpc::ServerContext* context, const Text*,
                     Text* response) override {
    response->set_text(kSecret);
    context->AddInitialMetadata("secret", kSecret);
    context->AddTrailingMetadata("secret", kSecret);
    return grpc::Status::OK;
  }
  grpc::Status Chat(grpc::ServerContext* context,
                    grpc::ServerReaderWriter<Text, Text>* stream) override {
    if ((*guard)->Admit(context) == nullptr) return grpc::Status::CANCELLED;
    Text text;
    while (stream->Read(&text)) stream->Write(text);
    return grpc::Status::OK;
  }
  grpc::Status Leak(grpc::ServerContext*, const Text*,
                    grpc::ServerWriter<Text>* writer) override {
    Text text;
    text.set_text(kSecret);
    writer->Write(text);
    return grpc::Status::OK;
  }
  grpc::Status Listen(grpc::ServerContext*, grpc::ServerReader<Text>* reader,
                      Text* response) override {
    Text text;
    while (reader->Read(&text)) continue;
    response->set_text(kSecret);
    return grpc::Status::OK;
  }
};

constexpr char kSay[] = "/latchkey.testing.Echo/Say";
constexpr char kAll[] = "/latchkey.testing.Echo/*";

ServerGuardOptions AnyAccountMay() {
  return {.audience = "echo", .rules = {{kAll, MethodRule::AnyAccount()}}};
}

struct Answer {
  grpc::Status status;
  std::string text;
  std::string metadata;  // all that came with it

  std::string reason() const { return ErrorDetailsOf(ToAbsl(status)).reason; }
};

enum class Api { kCallback, kSync };

// Rig is a guarded server on a Unix socket, and a client of it.
class Rig {
 public:
  explicit Rig(ServerGuardOptions options = AnyAccountMay(),
               Api api = Api::kCallback, bool guarded = true)
      : validator(clock) {
    Know("alice");
    Know("bob");
    guard = *ServerGuard::Create(validator, std::move(options), clock);
    callback_.guard = sync_.guard = &guard;
    std::string path = std::filesystem::temp_directory_path() / "guard.XXXXXX";
    EXPECT_NE(mkdtemp(path.data()), nullptr);
    directory_ = path;
    const std::string address = "unix:" + path + "/socket";
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address, grpc::InsecureServerCredentials());
    if (guarded) guard->AddTo(&builder);
    api == Api::kCallback ? builder.RegisterService(&callback_)
                          : builder.RegisterService(&sync_);
    server_ = builder.BuildAndStart();
    stub = Echo::NewStub(
        grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  }
  ~Rig() {
    server_->Shutdown(std::chrono::system_clock::now());
    server_.reset();
    guard.reset();
    std::filesystem::remove_all(directory_);
  }

  // Has the validator find the credential `name` good, for an hour.
  void Know(const std::string& name, std::vector<std::string> roles = {},
            std::vector<std::string> audiences = {}) {
    validator.Add(name, {.account = name,
                         .audiences = std::move(audiences),
                         .roles = std::move(roles),
                         .expire_time = clock.Now() + absl::Hours(1)});
  }

  // Calls `method`, one of the stub's, for the holder of `credential`.
  template <typename Method>
  Answer Call(Method method, const std::string& credential) {
    grpc::ClientContext context;
    Prepare(context, credential);
    Text response;
    Answer answer;
    answer.status = (stub.get()->*method)(&context, Text(), &response);
    answer.text = response.text();
    for (const auto& [key, value] : context.GetServerInitialMetadata()) {
      absl::StrAppend(&answer.metadata, std::string(value.data(), value.size()),
                      "\n");
    }
    for (const auto& [key, value] : context.GetServerTrailingMetadata()) {
      absl::StrAppend(&answer.metadata, std::string(value.data(), value.size()),
                      "\n");
    }
    return answer;
  }
  Answer Say(const std::string& credential) {
    return Call(&Echo::Stub::Say, credential);
  }

  static void Prepare(grpc::ClientContext& context,
                      const std::string& credential) {
    if (!credential.empty()) {
      context.AddMetadata("authorization", "Bearer " + credential);
    }
  }

  FakeClock clock;
  FakeValidator validator;
  std::unique_ptr<ServerGuard> guard;
  std::unique_ptr<Echo::Stub> stub;

  CallbackEcho& callback() { return callback_; }

 private:
  CallbackEcho callback_;
  SyncEcho sync_;
  std::string directory_;
  std::unique_ptr<grpc::Server> server_;
};

// ChatClient is a stream that was opened with a credential.
class ChatClient {
 public:
  ChatClient(Rig& rig, const std::string& credential) {
    Rig::Prepare(context_, credential);
    stream_ = rig.stub->Chat(&context_);
  }
  bool Hears(const std::string& said) {
    Text text;
    text.set_text(said);
    return stream_->Write(text) && stream_->Read(&text) && text.text() == said;
  }
  // Waits for the end of the stream.
  grpc::Status End() {
    Text text;
    while (stream_->Read(&text)) continue;
    return stream_->Finish();
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<Text, Text>> stream_;
};

// Both ways of writing a server.
class ServerGuardTest : public ::testing::TestWithParam<Api> {};
INSTANTIATE_TEST_SUITE_P(Apis, ServerGuardTest,
                         ::testing::Values(Api::kCallback, Api::kSync),
                         [](const auto& tested) {
                           return tested.param == Api::kCallback ? "Callback"
                                                                 : "Sync";
                         });

TEST_P(ServerGuardTest, AGoodCredentialReachesTheHandlerWithItsPrincipal) {
  Rig rig(AnyAccountMay(), GetParam());
  const Answer answer = rig.Say("alice");
  EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.text, "alice");
  EXPECT_EQ(rig.guard->figures().admitted, 1u);
}

TEST_P(ServerGuardTest, CallsOfOneConnectionHaveTheirOwnPrincipals) {
  Rig rig(AnyAccountMay(), GetParam());
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(rig.Say("alice").text, "alice");
    EXPECT_EQ(rig.Say("bob").text, "bob");
    EXPECT_EQ(rig.Say("").status.error_code(), StatusCode::UNAUTHENTICATED);
  }
}

TEST_P(ServerGuardTest, WithoutACredentialACallerIsRefused) {
  Rig rig(AnyAccountMay(), GetParam());
  const Answer answer = rig.Say("");
  EXPECT_EQ(answer.status.error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(answer.reason(), "CALLER_REFUSED");
  EXPECT_EQ(rig.guard->figures().RefusedFor(GuardRefusal::kNoCredential), 1u);
}

TEST_P(ServerGuardTest, AMalformedCredentialIsRefused) {
  Rig rig(AnyAccountMay(), GetParam());
  const Answer answer = rig.Say("alice bob");
  EXPECT_EQ(answer.status.error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(answer.reason(), "CALLER_REFUSED");
  EXPECT_EQ(rig.guard->figures().RefusedFor(GuardRefusal::kMalformedCredential),
            1u);
}

TEST_P(ServerGuardTest, ACredentialThatIsNotGoodIsRefused) {
  Rig rig(AnyAccountMay(), GetParam());
  const Answer answer = rig.Say("mallory");
  EXPECT_EQ(answer.status.error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(answer.reason(), "CALLER_REFUSED");
  EXPECT_EQ(rig.guard->figures().RefusedFor(GuardRefusal::kCredentialRefused),
            1u);
}

TEST_P(ServerGuardTest, AMethodWithoutARuleIsRefusedToEverybody) {
  Rig rig(
      {.rules = {{"/latchkey.testing.Echo/Chat", MethodRule::AnyAccount()}}},
      GetParam());
  const Answer answer = rig.Say("alice");
  EXPECT_EQ(answer.status.error_code(), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(answer.reason(), "NOT_PERMITTED");
  EXPECT_EQ(rig.guard->figures().RefusedFor(GuardRefusal::kNoRule), 1u);
}

TEST_P(ServerGuardTest, AllRolesOfARuleAreNeeded) {
  Rig rig({.rules = {{kSay, MethodRule::AllOf({"reader", "writer"})}}},
          GetParam());
  rig.Know("carol", {"reader", "writer"});
  rig.Know("dave", {"reader"});
  EXPECT_EQ(rig.Say("carol").text, "carol");
  for (const char* name : {"dave", "alice"}) {
    const Answer answer = rig.Say(name);
    EXPECT_EQ(answer.status.error_code(), StatusCode::PERMISSION_DENIED);
    EXPECT_EQ(answer.reason(), "NOT_PERMITTED");
  }
  EXPECT_EQ(rig.guard->figures().RefusedFor(GuardRefusal::kMissingRole), 2u);
}

TEST_P(ServerGuardTest, ACredentialMustBeForThisServiceOrMethod) {
  MethodRule elsewhere = MethodRule::AnyAccount();
  elsewhere.audience = "billing";
  ServerGuardOptions options = AnyAccountMay();
  Rig here(options, GetParam());
  options.rules = {{kSay, elsewhere}};
  Rig there(options, GetParam());
  for (Rig* rig : {&here, &there}) {
    rig->Know("for-echo", {}, {"echo"});
    rig->Know("for-billing", {}, {"x", "billing"});
  }
  EXPECT_TRUE(here.Say("for-echo").status.ok());
  EXPECT_EQ(here.Say("for-billing").status.error_code(),
            StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(there.Say("for-echo").status.error_code(),
            StatusCode::UNAUTHENTICATED);
  EXPECT_TRUE(there.Say("for-billing").status.ok());
}

TEST_P(ServerGuardTest, WhatARuleAsksForIsAskedOfTheValidator) {
  MethodRule rule = MethodRule::AnyAccount();
  rule.max_auth_age = absl::Minutes(5);
  rule.passive = true;
  Rig rig({.audience = "echo", .rules = {{kSay, rule}}}, GetParam());
  grpc::ClientContext context;
  Rig::Prepare(context, "alice");
  const std::string revision(32, 'A');
  context.AddMetadata("latchkey-revision", revision);
  Text response;
  ASSERT_TRUE(rig.stub->Say(&context, Text(), &response).ok());
  const CheckOptions asked = rig.validator.last_options();
  EXPECT_EQ(asked.audience, "echo");
  EXPECT_EQ(asked.max_auth_age, absl::Minutes(5));
  EXPECT_EQ(asked.at_least_as_fresh, revision);
  EXPECT_TRUE(asked.passive);
}

TEST_P(ServerGuardTest, AMalformedRevisionIsRefused) {
  Rig rig(AnyAccountMay(), GetParam());
  grpc::ClientContext context;
  Rig::Prepare(context, "alice");
  context.AddMetadata("latchkey-revision", "7");
  Text response;
  const grpc::Status status = rig.stub->Say(&context, Text(), &response);
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ErrorDetailsOf(ToAbsl(status)).reason, "REVISION_REFUSED");
}

TEST_P(ServerGuardTest, NotKnowingIsARefusal) {
  Rig rig(AnyAccountMay(), GetParam());
  rig.validator.SetMode(Mode::kFails);
  struct {
    absl::Status failure;
    StatusCode code;
    const char* reason;
  } const cases[] = {{absl::UnavailableError(""), StatusCode::UNAVAILABLE,
                      "VALIDATOR_UNAVAILABLE"},
                     {absl::DeadlineExceededError(""), StatusCode::UNAVAILABLE,
                      "VALIDATOR_UNAVAILABLE"},
                     {absl::PermissionDeniedError(""), StatusCode::UNAVAILABLE,
                      "VALIDATOR_UNAVAILABLE"},
                     {absl::FailedPreconditionError(""),
                      StatusCode::FAILED_PRECONDITION, "REVISION_REFUSED"},
                     {absl::InvalidArgumentError(""),
                      StatusCode::INVALID_ARGUMENT, "REVISION_REFUSED"}};
  for (const auto& expected : cases) {
    rig.validator.SetFailure(expected.failure);
    const Answer answer = rig.Say("alice");
    EXPECT_EQ(answer.status.error_code(), expected.code) << expected.failure;
    EXPECT_EQ(answer.reason(), expected.reason) << expected.failure;
  }
  EXPECT_EQ(rig.guard->figures().RefusedFor(GuardRefusal::kUnavailable), 3u);
  EXPECT_EQ(rig.callback().said, 0);
}

TEST_P(ServerGuardTest, WhatIsNotAtHandIsAskedFor) {
  Rig rig(AnyAccountMay(), GetParam());
  rig.validator.SetMode(Mode::kAsks);
  EXPECT_EQ(rig.Say("alice").text, "alice");
  EXPECT_EQ(rig.Say("mallory").status.error_code(),
            StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(rig.validator.checks(), 2);
}

TEST_P(ServerGuardTest, AHandlerThatDoesNotAskLeaksNothing) {
  Rig rig(AnyAccountMay(), GetParam());
  for (const char* name : {"alice", "mallory", ""}) {
    const Answer answer = rig.Call(&Echo::Stub::Reach, name);
    EXPECT_EQ(answer.status.error_code(), std::string(name) == "alice"
                                              ? StatusCode::PERMISSION_DENIED
                                              : StatusCode::UNAUTHENTICATED);
    EXPECT_FALSE(answer.reason().empty());
    EXPECT_EQ(answer.text, "");
    EXPECT_THAT(answer.metadata, ::testing::Not(::testing::HasSubstr(kSecret)));
  }
  EXPECT_EQ(rig.guard->figures().RefusedFor(GuardRefusal::kNotAsked), 1u);
}

TEST_P(ServerGuardTest, AStreamWhoseHandlerDoesNotAskLeaksNothing) {
  Rig rig(AnyAccountMay(), GetParam());
  for (const char* name : {"alice", "mallory"}) {
    grpc::ClientContext context;
    Rig::Prepare(context, name);
    const auto reader = rig.stub->Leak(&context, Text());
    Text text;
    EXPECT_FALSE(reader->Read(&text)) << text.text();
    const grpc::Status status = reader->Finish();
    EXPECT_EQ(status.error_code(), std::string(name) == "alice"
                                       ? StatusCode::PERMISSION_DENIED
                                       : StatusCode::UNAUTHENTICATED);
  }
}

TEST_P(ServerGuardTest, AHandlerThatListensToARefusedCallerIsCutOff) {
  Rig rig(AnyAccountMay(), GetParam());
  grpc::ClientContext context;
  Text response;
  const auto writer = rig.stub->Listen(&context, &response);
  // It never says that it is done.
  while (writer->Write(Text())) continue;
  EXPECT_EQ(writer->Finish().error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(response.text(), "");
}

TEST_P(ServerGuardTest, APublicMethodNeedsNeitherCredentialNorQuestion) {
  Rig rig({.rules = {{kAll, MethodRule::Public()}}}, GetParam());
  for (const char* name : {"", "alice", "mallory"}) {
    EXPECT_EQ(rig.Call(&Echo::Stub::Reach, name).text, kSecret);
  }
  EXPECT_EQ(rig.guard->figures().public_calls, 3u);
}

TEST_P(ServerGuardTest, ARefusedStreamIsToldWhy) {
  Rig rig(AnyAccountMay(), GetParam());
  const grpc::Status status = ChatClient(rig, "mallory").End();
  EXPECT_EQ(status.error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(ErrorDetailsOf(ToAbsl(status)).reason, "CALLER_REFUSED");
}

TEST_P(ServerGuardTest, AStreamDiesAtLogout) {
  Rig rig(AnyAccountMay(), GetParam());
  ChatClient alice(rig, "alice");
  ChatClient bob(rig, "bob");
  ASSERT_TRUE(alice.Hears("hello"));
  ASSERT_TRUE(bob.Hears("hello"));
  EXPECT_EQ(rig.guard->figures().streams_open, 2u);

  rig.validator.TakeBack("alice");

  const grpc::Status status = alice.End();
  EXPECT_EQ(status.error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(status.error_message(), "the caller's session has ended");
  EXPECT_TRUE(bob.Hears("still there"));
  EXPECT_EQ(rig.guard->figures().streams_ended, 1u);
}

TEST_P(ServerGuardTest, AStreamDiesWhenItsSessionExpires) {
  Rig rig(AnyAccountMay(), GetParam());
  ChatClient alice(rig, "alice");
  ASSERT_TRUE(alice.Hears("hello"));
  rig.clock.Advance(absl::Hours(1) - absl::Microseconds(1));
  ASSERT_TRUE(alice.Hears("still there"));
  rig.clock.Advance(absl::Microseconds(1));
  EXPECT_EQ(alice.End().error_code(), StatusCode::UNAUTHENTICATED);
}

TEST_P(ServerGuardTest, AStreamOutOfSightIsAskedAbout) {
  ServerGuardOptions options = AnyAccountMay();
  options.recheck_interval = absl::Milliseconds(10);
  Rig rig(std::move(options), GetParam());
  ChatClient alice(rig, "alice");
  ASSERT_TRUE(alice.Hears("hello"));

  rig.validator.LoseSight(Mode::kHolds);
  rig.validator.WaitForHeld(1);
  EXPECT_EQ(rig.validator.checks(), 1);
  rig.validator.Release();
  ASSERT_TRUE(alice.Hears("still there"));

  // And again; this time it is not good any more.
  rig.clock.Advance(absl::Milliseconds(10));
  rig.validator.WaitForHeld(1);
  rig.validator.TakeBack("alice");
  rig.validator.Release();
  EXPECT_EQ(alice.End().error_code(), StatusCode::UNAUTHENTICATED);
}

TEST_P(ServerGuardTest, AStreamThatCannotBeAskedAboutIsEnded) {
  Rig rig(AnyAccountMay(), GetParam());
  ChatClient alice(rig, "alice");
  ASSERT_TRUE(alice.Hears("hello"));
  rig.validator.LoseSight(Mode::kFails);
  EXPECT_EQ(alice.End().error_code(), StatusCode::UNAVAILABLE);
  EXPECT_EQ(rig.guard->figures().streams_unsure, 1u);
}

TEST_P(ServerGuardTest, AGuardThatIsGoneRefuses) {
  Rig rig(AnyAccountMay(), GetParam());
  ChatClient alice(rig, "alice");
  ASSERT_TRUE(alice.Hears("hello"));
  rig.validator.SetMode(Mode::kHolds);
  // Handlers ask another guard, which knows nothing of their calls.
  auto gone = std::exchange(
      rig.guard, *ServerGuard::Create(rig.validator, AnyAccountMay()));
  gone.reset();
  // The watch of streams may have asked about one until then.
  const int checks = rig.validator.checks();
  EXPECT_EQ(alice.End().error_code(), StatusCode::UNAVAILABLE);
  EXPECT_EQ(rig.Call(&Echo::Stub::Reach, "alice").status.error_code(),
            StatusCode::UNAVAILABLE);
  EXPECT_EQ(rig.validator.checks(), checks);
}

TEST_P(ServerGuardTest, AContextThatTheGuardDoesNotKnowIsNobodys) {
  Rig rig(AnyAccountMay(), GetParam(), /*guarded=*/false);
  const Answer answer = rig.Say("alice");
  EXPECT_EQ(answer.status.error_code(), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(rig.guard->figures().admitted, 0u);
}

TEST_P(ServerGuardTest, ManyThreadsEachGetTheirOwn) {
  Rig rig(AnyAccountMay(), GetParam());
  constexpr int kThreads = 8;
  for (int i = 0; i < kThreads; ++i) rig.Know(absl::StrCat("user", i));
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&rig, i] {
      const std::string name = absl::StrCat("user", i);
      for (int n = 0; n < 50; ++n) {
        EXPECT_EQ(rig.Say(name).text, name);
        EXPECT_TRUE(ChatClient(rig, name).Hears(name));
        EXPECT_EQ(rig.Say("mallory").status.error_code(),
                  StatusCode::UNAUTHENTICATED);
        if (n % 10 == 0) rig.validator.TakeBack("nobody");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(rig.guard->figures().admitted, 2u * 50 * kThreads);
}

TEST(ServerGuardCallbackTest, ACheckThatTakesLongHoldsNobodyElseUp) {
  Rig rig;
  rig.validator.SetMode(Mode::kHolds);
  // More than gRPC has threads.
  constexpr int kHeld = 32;
  std::vector<std::thread> waiting;
  for (int i = 0; i < kHeld; ++i) {
    waiting.emplace_back([&rig] { EXPECT_EQ(rig.Say("bob").text, "bob"); });
  }
  rig.validator.WaitForHeld(kHeld);
  EXPECT_EQ(rig.callback().said, 0);
  rig.validator.SetMode(Mode::kKnows);
  EXPECT_EQ(rig.Say("alice").text, "alice");
  rig.validator.Release();
  for (std::thread& thread : waiting) thread.join();
}

TEST(ServerGuardCallbackTest, EachRefusalIsToldOnce) {
  std::vector<std::string> told;
  ServerGuardOptions options = AnyAccountMay();
  options.on_refusal = [&told](absl::string_view method, GuardRefusal why) {
    told.push_back(absl::StrCat(method, " ", GuardRefusalName(why)));
  };
  Rig rig(std::move(options));
  rig.Say("mallory");
  rig.Call(&Echo::Stub::Reach, "alice");
  EXPECT_THAT(told, ::testing::ElementsAre(
                        "/latchkey.testing.Echo/Say credential_refused",
                        "/latchkey.testing.Echo/Reach not_asked"));
}

TEST(ServerGuardOptionsTest, WhatIsOutOfLimitsIsRefused) {
  const FakeClock clock;
  FakeValidator validator(clock);
  const auto code = [&](const ServerGuardOptions& options) {
    return ServerGuard::Create(validator, options).status().code();
  };
  EXPECT_EQ(code({}), absl::StatusCode::kOk);
  EXPECT_EQ(code({.audience = std::string(256, 'x')}), absl::StatusCode::kOk);
  EXPECT_EQ(code({.audience = std::string(257, 'x')}),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.rules = {{"Say", MethodRule::Public()}}}),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.check_timeout = absl::ZeroDuration()}),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.recheck_interval = absl::Milliseconds(9)}),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.recheck_interval = absl::Milliseconds(10)}),
            absl::StatusCode::kOk);
}

}  // namespace
}  // namespace latchkey
