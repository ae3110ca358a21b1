#include "tools/bench/load.h"

#include <atomic>
#include <cmath>
#include <functional>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <memory>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "client/base/mutex.h"
#include "latchkey/v1/auth.grpc.pb.h"

namespace latchkey::bench {
namespace {

constexpr char kValidate[] = "/latchkey.v1.AuthService/Validate";

// EchoService answers with the credential as the session's name. A credential
// that begins with "lie" is answered wrongly, with "fail" by a status, and
// with "hold" only once Release was called.
class EchoService final : public v1::AuthService::CallbackService {
 public:
  grpc::ServerUnaryReactor* Validate(grpc::CallbackServerContext* context,
                                     const v1::ValidateRequest* request,
                                     v1::ValidateResponse* response) override {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    const std::string& credential = request->credential();
    response->mutable_session()->set_name(
        absl::StartsWith(credential, "lie") ? "a lie" : credential);
    if (absl::StartsWith(credential, "fail")) {
      reactor->Finish(
          {grpc::StatusCode::RESOURCE_EXHAUSTED, "too many, sorry"});
    } else if (!absl::StartsWith(credential, "hold") || !Hold(reactor)) {
      reactor->Finish(grpc::Status::OK);
    }
    return reactor;
  }

  // Release answers the calls that are held, and holds no more.
  void Release() {
    std::vector<grpc::ServerUnaryReactor*> held;
    {
      MutexLock lock(&mutex_);
      released_ = true;
      held.swap(held_);
    }
    for (auto* reactor : held) reactor->Finish(grpc::Status::OK);
  }

 private:
  bool Hold(grpc::ServerUnaryReactor* reactor) {
    MutexLock lock(&mutex_);
    if (!released_) held_.push_back(reactor);
    return !released_;
  }

  Mutex mutex_;
  bool released_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<grpc::ServerUnaryReactor*> held_ ABSL_GUARDED_BY(mutex_);
};

class EchoServer {
 public:
  EchoServer() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                             &port_);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
  }
  ~EchoServer() { Stop(); }

  // Stop ends all calls and connections at once.
  void Stop() {
    service_.Release();
    server_->Shutdown(std::chrono::system_clock::now());
  }

  int port() const { return port_; }
  EchoService& service() { return service_; }

 private:
  int port_ = 0;
  EchoService service_;
  std::unique_ptr<grpc::Server> server_;
};

// EchoWorkload asks for one text over and over and checks each answer. It
// counts on being asked to judge each call once.
class EchoWorkload final : public Workload {
 public:
  explicit EchoWorkload(const std::string& credential)
      : credential_(credential) {
    v1::ValidateRequest request;
    request.set_credential(credential);
    body_ = Framed(request.SerializeAsString());
  }

  Request Next() override {
    if (on_next) on_next(judged_.size());
    judged_.push_back(false);
    return {.path = kValidate, .body = body_, .token = judged_.size() - 1};
  }

  Verdict Judge(uint64_t token, int grpc_status,
                absl::string_view message) override {
    EXPECT_FALSE(judged_.at(token));
    judged_[token] = true;
    if (on_judge) on_judge();
    if (grpc_status != 0) return Verdict::kError;
    v1::ValidateResponse response;
    const bool parsed = response.ParseFromArray(
        message.data(), static_cast<int>(message.size()));
    EXPECT_TRUE(parsed);
    return response.session().name() == credential_ ? Verdict::kRight
                                                    : Verdict::kWrong;
  }

  std::string Explain(uint64_t token, int grpc_status,
                      absl::string_view message) override {
    if (grpc_status == 0) return absl::StrCat("call ", token, " is wrong");
    return Workload::Explain(token, grpc_status, message);
  }

  // All were judged that were made?
  bool AllJudged() const {
    for (const bool judged : judged_) {
      if (!judged) return false;
    }
    return true;
  }
  uint64_t made() const { return judged_.size(); }

  std::function<void(uint64_t made_before)> on_next;
  std::function<void()> on_judge;

 private:
  const std::string credential_;
  std::string body_;
  std::vector<bool> judged_;
};

std::unique_ptr<LoadClient> Connected(const LoadOptions& options) {
  auto client = LoadClient::Connect(options);
  EXPECT_TRUE(client.ok()) << client.status();
  return client.ok() ? *std::move(client) : nullptr;
}

TEST(Load, ClosedLoopMakesExactlyMaxCalls) {
  EchoServer server;
  auto client = Connected({.port = server.port()});
  for (const uint64_t calls : {0, 1, 255, 256, 257, 5000}) {
    EchoWorkload workload("alice");
    const auto result =
        client->RunClosed(workload, absl::InfiniteDuration(), calls);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->calls, calls);
    EXPECT_EQ(result->by_status[0], calls);
    EXPECT_EQ(result->wrong, 0) << result->first_wrong;
    EXPECT_EQ(result->errors, 0) << result->first_error;
    EXPECT_EQ(result->latency.Count(), calls);
    EXPECT_EQ(workload.made(), calls);
    EXPECT_TRUE(workload.AllJudged());
  }
}

TEST(Load, ClosedLoopEndsWithItsDuration) {
  EchoServer server;
  auto client = Connected({.port = server.port()});
  EchoWorkload workload("alice");
  const auto result =
      client->RunClosed(workload, absl::Milliseconds(20), UINT64_MAX);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_GE(result->elapsed, absl::Milliseconds(20));
  EXPECT_EQ(result->calls, workload.made());
  EXPECT_GE(result->calls, 256);
  EXPECT_TRUE(workload.AllJudged());
  EXPECT_GT(result->CallsPerSecond(), 0);
  EXPECT_GT(result->bytes_sent, result->calls * 30);
  EXPECT_GT(result->bytes_received, result->calls * 30);
  EXPECT_GT(result->client_cpu, absl::ZeroDuration());
}

TEST(Load, FindsAPlantedWrongAnswerAndExplainsTheFirst) {
  EchoServer server;
  auto client = Connected({.port = server.port(), .connections = 1});
  EchoWorkload workload("lie");
  const auto result =
      client->RunClosed(workload, absl::InfiniteDuration(), 100);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->calls, 100);
  EXPECT_EQ(result->wrong, 100);
  EXPECT_EQ(result->errors, 0);
  EXPECT_TRUE(absl::EndsWith(result->first_wrong, " is wrong"))
      << result->first_wrong;
}

TEST(Load, CountsAStatusAsAnErrorWithItsWords) {
  EchoServer server;
  auto client = Connected({.port = server.port()});
  EchoWorkload workload("fail");
  const auto result =
      client->RunClosed(workload, absl::InfiniteDuration(), 100);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->errors, 100);
  EXPECT_EQ(result->by_status[8], 100);
  EXPECT_EQ(result->wrong, 0);
  EXPECT_EQ(result->first_error, "a call: gRPC status 8: too many, sorry");
  // It was an answer, and took its time.
  EXPECT_EQ(result->latency.Count(), 100);
}

TEST(Load, CarriesBodiesLargerThanTheServersWindows) {
  EchoServer server;
  auto client =
      Connected({.port = server.port(), .connections = 2, .streams = 4});
  EchoWorkload workload(std::string(300'000, 'x'));
  const auto result = client->RunClosed(workload, absl::InfiniteDuration(), 50);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->calls, 50);
  EXPECT_EQ(result->wrong + result->errors, 0) << result->first_error;
  EXPECT_GT(result->bytes_received, 50 * 300'000);
}

TEST(Load, OpenLoopMakesTheCallsOfItsSeed) {
  EchoServer server;
  auto client = Connected({.port = server.port()});
  std::vector<uint64_t> calls;
  for (const uint64_t seed : {1, 1, 2}) {
    EchoWorkload workload("alice");
    const auto result =
        client->RunOpen(workload, 20'000, absl::Milliseconds(50), seed);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->wrong + result->errors, 0);
    EXPECT_EQ(result->latency.Count(), result->calls);
    EXPECT_EQ(result->wait.Count(), result->calls);
    EXPECT_TRUE(workload.AllJudged());
    calls.push_back(result->calls);
  }
  // A thousand, give or take five standard deviations.
  EXPECT_NEAR(static_cast<double>(calls[0]), 1000, 160);
  EXPECT_EQ(calls[0], calls[1]);
  EXPECT_NE(calls[0], calls[2]);
}

TEST(Load, OpenLoopCountsTheWaitInLine) {
  EchoServer server;
  auto client =
      Connected({.port = server.port(), .connections = 1, .streams = 1});
  EchoWorkload workload("alice");
  // All at once, so to speak, and one at a time.
  const auto result = client->RunOpen(workload, 1e9, absl::Microseconds(1), 1);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_GT(result->calls, 800);
  EXPECT_EQ(result->longest_backlog, result->calls - 1);
  EXPECT_EQ(result->latency.Count(), result->calls);
  // The last waited for all before it, so for the first.
  EXPECT_GE(result->wait.Max(), result->latency.Min());
}

TEST(Load, ARateThatCannotBeCarriedIsRefused) {
  EchoServer server;
  auto client = Connected({.port = server.port()});
  EchoWorkload workload("alice");
  EXPECT_EQ(
      client->RunOpen(workload, 1e10, absl::Seconds(1), 1).status().code(),
      absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(workload.AllJudged());
}

TEST(Load, ARateMustBeAboveZero) {
  EchoServer server;
  auto client = Connected({.port = server.port()});
  EchoWorkload workload("alice");
  for (const double rate : {0.0, -1.0, double{NAN}, double{INFINITY}}) {
    EXPECT_EQ(
        client->RunOpen(workload, rate, absl::Seconds(1), 1).status().code(),
        absl::StatusCode::kInvalidArgument);
  }
}

TEST(Load, InAMixedLoopOneFloodDoesNotHoldTheOthersBack) {
  EchoServer server;
  auto client =
      Connected({.port = server.port(), .connections = 2, .streams = 2});
  EchoWorkload flood("hold");
  EchoWorkload steady("alice");
  uint64_t answered = 0;
  // The flood is let go only when the others have had their answers: if it
  // could take all streams, neither would ever end.
  steady.on_judge = [&] {
    if (++answered == 100) server.service().Release();
  };
  const auto results =
      client->RunOpenMixed({{.workload = &flood, .rate = 20'000},
                            {.workload = &steady, .rate = 20'000}},
                           absl::Milliseconds(20), 1);
  ASSERT_TRUE(results.ok()) << results.status();
  ASSERT_EQ(results->size(), 2);
  for (const LoadResult& result : *results) {
    EXPECT_NEAR(static_cast<double>(result.calls), 400, 100);
    EXPECT_EQ(result.wrong + result.errors, 0) << result.first_error;
  }
  EXPECT_TRUE(flood.AllJudged());
  EXPECT_TRUE(steady.AllJudged());
}

TEST(Load, AServerThatStopsEndsTheRunWithErrors) {
  EchoServer server;
  auto client = Connected({.port = server.port()});
  EchoWorkload workload("alice");
  workload.on_next = [&](uint64_t made) {
    if (made == 1000) server.Stop();
  };
  const auto result =
      client->RunClosed(workload, absl::InfiniteDuration(), UINT64_MAX);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_GT(result->errors, 0);
  EXPECT_NE(result->first_error, "");
  EXPECT_TRUE(workload.AllJudged());
  EXPECT_EQ(
      client->RunClosed(workload, absl::InfiniteDuration(), 1).status().code(),
      absl::StatusCode::kUnavailable);
}

TEST(Load, AServerThatStopsEndsAnOpenRunWithErrors) {
  EchoServer server;
  auto client = Connected({.port = server.port()});
  EchoWorkload workload("alice");
  workload.on_next = [&](uint64_t made) {
    if (made == 100) server.Stop();
  };
  const auto result = client->RunOpen(workload, 10'000, absl::Hours(1), 1);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_GT(result->errors, 0);
  EXPECT_TRUE(workload.AllJudged());
}

TEST(Load, StopCancelsTheRunAndTheNextRunsAnew) {
  EchoServer server;
  bool stop = false;
  auto client =
      Connected({.port = server.port(), .stop = [&] { return stop; }});
  EchoWorkload workload("hold");
  workload.on_next = [&](uint64_t made) { stop = made == 255; };
  EXPECT_EQ(client->RunClosed(workload, absl::InfiniteDuration(), UINT64_MAX)
                .status()
                .code(),
            absl::StatusCode::kCancelled);
  EXPECT_TRUE(workload.AllJudged());
  stop = false;
  EchoWorkload next("alice");
  const auto result = client->RunClosed(next, absl::InfiniteDuration(), 10);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->by_status[0], 10);
}

TEST(Load, SilenceEndsTheRun) {
  EchoServer server;
  auto client = Connected(
      {.port = server.port(), .silence_limit = absl::Milliseconds(1)});
  EchoWorkload workload("hold");
  const auto result = client->RunClosed(workload, absl::InfiniteDuration(), 3);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(workload.AllJudged());
}

TEST(Load, AnUnknownMethodIsAnError) {
  EchoServer server;
  auto client = Connected({.port = server.port()});
  class Unknown final : public Workload {
   public:
    Request Next() override {
      return {.path = "/no.Such/Method", .body = body};
    }
    Verdict Judge(uint64_t, int status, absl::string_view) override {
      return status == 0 ? Verdict::kRight : Verdict::kError;
    }
    const std::string body = Framed("");
  };
  Unknown workload;
  const auto result = client->RunClosed(workload, absl::InfiniteDuration(), 5);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->by_status[12], 5);
  EXPECT_EQ(result->errors, 5);
}

// RawPeer is a server of one's own, frame by frame, on a thread.
class RawPeer {
 public:
  // `serve` is called with each of `connections` sockets in turn.
  RawPeer(int connections, std::function<void(RawPeer&)> serve) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(listener_, generic, size), 0);
    EXPECT_EQ(listen(listener_, 8), 0);
    EXPECT_EQ(getsockname(listener_, generic, &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, connections, serve = std::move(serve)] {
      for (int i = 0; i < connections; ++i) {
        fd_ = accept(listener_, nullptr, nullptr);
        if (over_) {
          close(fd_);
          return;
        }
        // So that one connection more is refused instead of waiting.
        if (i + 1 == connections) Close();
        serve(*this);
        close(fd_);
      }
    });
  }
  // Does not wait for connections that never came.
  ~RawPeer() {
    over_ = true;
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(port_));
    const int knock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    // Refused if nobody waits any more, which is as good.
    (void)connect(knock, reinterpret_cast<sockaddr*>(&address),
                  sizeof(address));
    Join();
    close(knock);
  }

  // Join waits until all connections were served and closed.
  void Join() {
    if (!thread_.joinable()) return;
    thread_.join();
    Close();
  }

  int port() const { return port_; }

  void Send(const std::string& bytes) {
    EXPECT_EQ(send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }

  // Greets as a server does, with `settings`.
  void Greet(const std::string& settings = "") {
    std::string preface(24, '\0');
    Read(&preface);
    Send(Frame(4, 0, 0, settings));
  }

  // Reads up to the end of a request and returns its stream.
  int AwaitRequest() {
    while (true) {
      std::string header(9, '\0');
      if (!Read(&header)) return 0;
      std::string payload(static_cast<size_t>(Number(header.substr(0, 3))),
                          '\0');
      if (!Read(&payload)) return 0;
      if (header[3] == 0 && (header[4] & 1) != 0) {
        return Number(header.substr(5));
      }
    }
  }

  // Reads until the client hangs up.
  void AwaitEnd() {
    std::string byte(1, '\0');
    while (Read(&byte)) {
    }
  }

  static std::string Frame(int type, int flags, int stream,
                           const std::string& payload) {
    std::string frame = Bytes(static_cast<int>(payload.size()), 3);
    frame.push_back(static_cast<char>(type));
    frame.push_back(static_cast<char>(flags));
    return frame + Bytes(stream, 4) + payload;
  }

  static std::string Bytes(int number, int count) {
    std::string bytes;
    for (int i = count - 1; i >= 0; --i) {
      bytes.push_back(static_cast<char>(number >> (8 * i)));
    }
    return bytes;
  }

 private:
  static int Number(const std::string& bytes) {
    int number = 0;
    for (const char byte : bytes) {
      number = number << 8 | static_cast<uint8_t>(byte);
    }
    return number;
  }

  void Close() {
    if (listener_ >= 0) close(listener_);
    listener_ = -1;
  }

  bool Read(std::string* bytes) {
    return bytes->empty() ||
           recv(fd_, bytes->data(), bytes->size(), MSG_WAITALL) ==
               static_cast<ssize_t>(bytes->size());
  }

  int listener_;
  int port_ = 0;
  int fd_ = -1;
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

// The blocks of ":status: 200" and of "grpc-status: 0", spelled out.
constexpr char kStatus200[] = "\x88";
const std::string kTrailers =
    std::string(1, '\0') + "\x0bgrpc-status" + "\x01" + "0";

// The frames of an answer to EchoWorkload("").
std::string Answer(int stream) {
  v1::ValidateResponse response;
  response.mutable_session();
  return RawPeer::Frame(1, 4, stream, kStatus200) +
         RawPeer::Frame(0, 0, stream, Framed(response.SerializeAsString())) +
         RawPeer::Frame(1, 5, stream, kTrailers);
}

LoadOptions OneByOne(const RawPeer& peer) {
  return {.port = peer.port(), .connections = 1, .streams = 1};
}

TEST(LoadPeer, WhereNothingListensNothingIsAvailable) {
  RawPeer peer(0, [](RawPeer&) {});
  peer.Join();
  EXPECT_EQ(LoadClient::Connect(OneByOne(peer)).status().code(),
            absl::StatusCode::kUnavailable);
}

TEST(LoadPeer, ConnectRefusesWhatItCannotUse) {
  EXPECT_EQ(
      LoadClient::Connect({.host = "localhost", .port = 1}).status().code(),
      absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(LoadClient::Connect({.port = 1, .connections = 0}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(LoadClient::Connect({.port = 1, .streams = 0}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(LoadPeer, WhatSpeaksNoHttp2IsToldApart) {
  for (const char* greeting :
       {"", "220 mail.example ESMTP\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n"}) {
    RawPeer peer(1, [&](RawPeer& self) { self.Send(greeting); });
    EXPECT_EQ(LoadClient::Connect(OneByOne(peer)).status().code(),
              absl::StatusCode::kFailedPrecondition)
        << greeting;
  }
}

TEST(LoadPeer, FewerStreamsThanWantedAreRefusedAtOnce) {
  for (const int streams : {31, 32}) {
    RawPeer peer(1, [&](RawPeer& self) {
      self.Greet(RawPeer::Bytes(3, 2) + RawPeer::Bytes(streams, 4));
      self.AwaitEnd();
    });
    const auto client =
        LoadClient::Connect({.port = peer.port(), .connections = 1});
    EXPECT_EQ(client.status().code(),
              streams < 32 ? absl::StatusCode::kFailedPrecondition
                           : absl::StatusCode::kOk);
  }
}

// Serves one call with `answer` and expects what the load made of it.
LoadResult RunAgainst(const std::function<std::string(int stream)>& answer,
                      bool byte_by_byte = false) {
  RawPeer peer(1, [&](RawPeer& self) {
    self.Greet();
    const std::string bytes = answer(self.AwaitRequest());
    if (byte_by_byte) {
      for (const char byte : bytes) self.Send(std::string(1, byte));
    } else {
      self.Send(bytes);
    }
  });
  auto client = Connected(OneByOne(peer));
  EchoWorkload workload("");
  auto result = client->RunClosed(workload, absl::InfiniteDuration(), 1);
  EXPECT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->calls, 1);
  EXPECT_TRUE(workload.AllJudged());
  return *std::move(result);
}

TEST(LoadPeer, ReadsAnAnswerThatComesByteByByte) {
  EXPECT_EQ(RunAgainst(Answer, /*byte_by_byte=*/true).by_status[0], 1);
}

TEST(LoadPeer, ReadsPaddingPriorityContinuationAndWhatItDoesNotKnow) {
  const LoadResult result = RunAgainst([](int stream) {
    const std::string message = Framed(std::string("\x12\0", 2));
    return RawPeer::Frame(99, 255, stream, "whatever") +
           RawPeer::Frame(6, 0, 0, "8 bytes.") +
           RawPeer::Frame(1, 0x2c, stream,
                          std::string("\x02pri..", 6) + kStatus200 + "..") +
           RawPeer::Frame(
               0, 8, stream,
               std::string("\x03", 1) + message.substr(0, 4) + "...") +
           RawPeer::Frame(0, 0, stream, message.substr(4)) +
           RawPeer::Frame(1, 1, stream, kTrailers.substr(0, 5)) +
           RawPeer::Frame(9, 0, stream, kTrailers.substr(5, 3)) +
           RawPeer::Frame(9, 4, stream, kTrailers.substr(8));
  });
  EXPECT_EQ(result.by_status[0], 1) << result.first_error;
  EXPECT_EQ(result.errors, 0);
}

struct BrokenAnswer {
  const char* name;
  std::function<std::string(int stream)> answer;
  const char* words;
};

class BrokenAnswerTest : public testing::TestWithParam<BrokenAnswer> {};

TEST_P(BrokenAnswerTest, IsAnErrorInWords) {
  const LoadResult result = RunAgainst(GetParam().answer);
  EXPECT_EQ(result.errors, 1);
  EXPECT_EQ(result.by_status.back(), 1);
  EXPECT_EQ(result.latency.Count(), 0);
  EXPECT_TRUE(absl::StrContains(result.first_error, GetParam().words))
      << result.first_error;
}

std::string OkWith(int stream, const std::string& data) {
  return RawPeer::Frame(1, 4, stream, kStatus200) +
         RawPeer::Frame(0, 0, stream, data) +
         RawPeer::Frame(1, 5, stream, kTrailers);
}

INSTANTIATE_TEST_SUITE_P(
    All, BrokenAnswerTest,
    testing::Values(
        BrokenAnswer{"Closed", [](int) { return ""; }, "closed"},
        BrokenAnswer{"CutShort",
                     [](int stream) { return Answer(stream).substr(0, 12); },
                     "closed"},
        BrokenAnswer{"Reset",
                     [](int stream) {
                       return RawPeer::Frame(3, 0, stream,
                                             RawPeer::Bytes(7, 4));
                     },
                     "reset the call, code 7"},
        BrokenAnswer{
            "WentAway",
            [](int) { return RawPeer::Frame(7, 0, 0, std::string(8, '\0')); },
            "went away"},
        BrokenAnswer{
            "NoTrailers",
            [](int stream) { return RawPeer::Frame(1, 5, stream, kStatus200); },
            "no grpc-status"},
        BrokenAnswer{
            "NotFound",
            [](int stream) { return RawPeer::Frame(1, 5, stream, "\x8d"); },
            "HTTP status 404"},
        BrokenAnswer{"NoMessage", [](int stream) { return OkWith(stream, ""); },
                     "exactly one plain message"},
        BrokenAnswer{
            "TwoMessages",
            [](int stream) { return OkWith(stream, Framed("") + Framed("")); },
            "exactly one plain message"},
        BrokenAnswer{"Compressed",
                     [](int stream) {
                       return OkWith(stream, "\x01" + Framed("").substr(1));
                     },
                     "exactly one plain message"},
        BrokenAnswer{"HugeFrame",
                     [](int stream) {
                       return RawPeer::Frame(0, 0, stream,
                                             std::string(16385, 'x'));
                     },
                     "a frame larger"},
        BrokenAnswer{
            "TooMuchPadding",
            [](int stream) { return RawPeer::Frame(0, 8, stream, "\x05...."); },
            "malformed data"},
        BrokenAnswer{
            "NoHpack",
            [](int stream) { return RawPeer::Frame(1, 4, stream, "\xff\x20"); },
            "no HPACK"},
        BrokenAnswer{
            "ContinuedByNothing",
            [](int stream) { return RawPeer::Frame(9, 4, stream, ""); },
            "go on wrongly"},
        BrokenAnswer{"AmidHeaders",
                     [](int stream) {
                       return RawPeer::Frame(1, 0, stream, "") +
                              RawPeer::Frame(6, 0, 0, "8 bytes.");
                     },
                     "amid headers"},
        BrokenAnswer{
            "Push",
            [](int stream) { return RawPeer::Frame(5, 4, stream, "1234"); },
            "push"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(LoadPeer, AConnectionThatWindsDownIsReplaced) {
  std::atomic<int> connection = 0;
  RawPeer peer(2, [&](RawPeer& self) {
    self.Greet();
    if (connection++ > 0) {
      self.Send(Answer(self.AwaitRequest()));
      self.AwaitEnd();
      return;
    }
    const int stream = self.AwaitRequest();
    self.Send(RawPeer::Frame(7, 0, 0,
                             RawPeer::Bytes(stream, 4) + RawPeer::Bytes(0, 4)) +
              Answer(stream));
    self.AwaitEnd();
  });
  auto client = Connected(OneByOne(peer));
  EchoWorkload workload("");
  const auto result = client->RunClosed(workload, absl::InfiniteDuration(), 2);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->by_status[0], 2) << result->first_error;
  EXPECT_EQ(result->errors, 0);
  EXPECT_EQ(connection, 2);
}

TEST(LoadPeer, AConnectionClosedBetweenRunsIsOpenedAnew) {
  RawPeer peer(2, [&](RawPeer& self) {
    self.Greet();
    self.Send(Answer(self.AwaitRequest()));
  });
  auto client = Connected(OneByOne(peer));
  EchoWorkload first("");
  ASSERT_TRUE(client->RunClosed(first, absl::InfiniteDuration(), 1).ok());
  EchoWorkload second("");
  const auto result = client->RunClosed(second, absl::InfiniteDuration(), 1);
  ASSERT_TRUE(result.ok()) << result.status();
  // Whether the end came before the run or amid it, the client has noticed.
  EXPECT_EQ(result->calls, 1);
}

TEST(LoadPeer, KeepsToSmallWindows) {
  // Windows of 4 bytes a stream: the body of 7 comes in two frames.
  RawPeer peer(1, [&](RawPeer& self) {
    self.Greet(RawPeer::Bytes(4, 2) + RawPeer::Bytes(4, 4));
    // For the first stream; the client ignores it until it has begun.
    self.Send(RawPeer::Frame(8, 0, 1, RawPeer::Bytes(1, 4)));
    self.Send(
        RawPeer::Frame(4, 0, 0, RawPeer::Bytes(4, 2) + RawPeer::Bytes(100, 4)));
    const int stream = self.AwaitRequest();
    self.Send(Answer(stream));
    self.AwaitEnd();
  });
  auto client = Connected(OneByOne(peer));
  EchoWorkload workload("");
  const auto result = client->RunClosed(workload, absl::InfiniteDuration(), 1);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->by_status[0], 1) << result->first_error;
  client.reset();
}

}  // namespace
}  // namespace latchkey::bench
