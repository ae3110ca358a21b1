#include "server/http/metrics_server.h"

#include <arpa/inet.h>
#include <atomic>
#include <memory>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace latchkey {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// A connection to the server, spoken to by hand.
class Client {
 public:
  explicit Client(int port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&address),
                         sizeof(address)) == 0;
  }
  ~Client() { close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool connected() const { return connected_; }

  void Send(const std::string& text) {
    // The server may have closed already; what it answered is what counts.
    (void)!send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
  }

  // Tells the server that nothing more will be sent.
  void EndSending() { shutdown(fd_, SHUT_WR); }

  // Reads until the server closes.
  std::string ReadAll() {
    std::string all;
    char buffer[4096];
    ssize_t got;
    while ((got = recv(fd_, buffer, sizeof(buffer), 0)) > 0) {
      all.append(buffer, static_cast<size_t>(got));
    }
    return all;
  }

 private:
  const int fd_;
  bool connected_ = false;
};

class MetricsServerTest : public testing::Test {
 protected:
  MetricsServerTest() { Start({.listen = "127.0.0.1:0"}); }

  void Start(MetricsServer::Options options) {
    auto server = MetricsServer::Start(
        std::move(options), {.metrics = [this] { return metrics_; },
                             .ready = [this] { return ready_.load(); }});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  std::string Ask(const std::string& request) {
    Client client(server_->port());
    client.Send(request);
    return client.ReadAll();
  }
  std::string Ask(const std::string& method, const std::string& path) {
    return Ask(absl::StrCat(method, " ", path, " HTTP/1.1\r\nHost: x\r\n\r\n"));
  }

  std::string metrics_ = "# HELP a A.\n# TYPE a gauge\na 1\n";
  std::atomic<bool> ready_ = true;
  std::unique_ptr<MetricsServer> server_;
};

TEST_F(MetricsServerTest, GetReturnsTheMetrics) {
  const std::string answer = Ask("GET", "/metrics");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4; "
                                "charset=utf-8\r\n"));
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n" + metrics_));
}

TEST_F(MetricsServerTest, ALargePageComesWhole) {
  metrics_.assign(size_t{4} << 20, '#');
  metrics_.back() = '\n';
  EXPECT_THAT(Ask("GET", "/metrics").size(), testing::Gt(metrics_.size()));
  EXPECT_TRUE(absl::EndsWith(Ask("GET", "/metrics"), "\r\n\r\n" + metrics_));
}

TEST_F(MetricsServerTest, HeadReturnsTheSameWithoutABody) {
  for (const char* path : {"/metrics", "/healthz"}) {
    const std::string whole = Ask("GET", path);
    const std::string head = Ask("HEAD", path);
    EXPECT_THAT(head, StartsWith("HTTP/1.1 200 "));
    EXPECT_THAT(head, EndsWith("\r\n\r\n"));
    const size_t body = whole.size() - whole.find("\r\n\r\n") - 4;
    EXPECT_THAT(head, HasSubstr(absl::StrCat("Content-Length: ", body)));
  }
}

TEST_F(MetricsServerTest, HealthFollowsReadiness) {
  EXPECT_THAT(Ask("GET", "/healthz"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(Ask("GET", "/healthz"), EndsWith("\r\n\r\nok\n"));
  ready_ = false;
  EXPECT_THAT(Ask("GET", "/healthz"), StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(Ask("GET", "/healthz"), EndsWith("\r\n\r\nnot ready\n"));
}

TEST_F(MetricsServerTest, OtherMethodsAreNotAllowed) {
  for (const char* method :
       {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "get", "X"}) {
    const std::string answer = Ask(method, "/metrics");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 405 ")) << method;
    EXPECT_THAT(answer, HasSubstr("Allow: GET, HEAD\r\n")) << method;
  }
}

TEST_F(MetricsServerTest, ABodyIsNotReadBeforeTheRefusal) {
  EXPECT_THAT(Ask("POST /metrics HTTP/1.1\r\nHost: x\r\n"
                  "Content-Length: 1000000000\r\n\r\n"),
              StartsWith("HTTP/1.1 405 "));
}

TEST_F(MetricsServerTest, OtherPathsAreNotFound) {
  for (const char* path :
       {"/", "/metrics/", "/Metrics", "//metrics", "/metrics%00", "/healthz/x",
        "/%2e%2e/metrics", "/%6detrics", "/metrics%2F"}) {
    EXPECT_THAT(Ask("GET", path), StartsWith("HTTP/1.1 404 ")) << path;
  }
}

TEST_F(MetricsServerTest, AHeaderThatIsTooLargeIsRefused) {
  const std::string large(MetricsServer::kMaxRequestBytes, 'x');
  for (const std::string& request :
       {absl::StrCat("GET /metrics HTTP/1.1\r\nHost: x\r\nLarge: ", large,
                     "\r\n\r\n"),
        absl::StrCat("GET /", large, " HTTP/1.1\r\nHost: x\r\n\r\n")}) {
    const std::string answer = Ask(request);
    EXPECT_THAT(answer, Not(HasSubstr("HTTP/1.1 200 ")));
    EXPECT_THAT(answer, Not(HasSubstr(metrics_)));
  }
  EXPECT_THAT(Ask("GET", "/metrics"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(MetricsServerTest, AHeaderOfCommonSizeIsTaken) {
  EXPECT_THAT(Ask(absl::StrCat("GET /metrics HTTP/1.1\r\nHost: x\r\nOwn: ",
                               std::string(2000, 'x'), "\r\n\r\n")),
              StartsWith("HTTP/1.1 200 "));
}

TEST_F(MetricsServerTest, NonsenseIsRefused) {
  for (const char* request :
       {"\r\n\r\n\r\n", "GET\r\n\r\n", "GET /metrics HTTP/1.1\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\r\n\r\n"}) {
    Client client(server_->port());
    client.Send(request);
    client.EndSending();  // or it would wait for more
    EXPECT_THAT(client.ReadAll(), Not(HasSubstr("HTTP/1.1 200 "))) << request;
  }
  EXPECT_THAT(Ask("GET", "/metrics"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(MetricsServerTest, ASlowClientKeepsNobodyWaiting) {
  Client slow(server_->port());
  slow.Send("GET /metrics HTTP/1.1\r\nHo");
  EXPECT_THAT(Ask("GET", "/metrics"), StartsWith("HTTP/1.1 200 "));
  slow.Send("st: x\r\n\r\n");
  EXPECT_THAT(slow.ReadAll(), StartsWith("HTTP/1.1 200 "));
}

TEST_F(MetricsServerTest, AnIdleConnectionIsClosed) {
  server_.reset();
  Start({.listen = "127.0.0.1:0", .idle_timeout = absl::Seconds(1)});
  Client idle(server_->port());
  idle.Send("GET /metrics HTTP/1.1\r\nHo");
  EXPECT_EQ(idle.ReadAll(), "");  // returns when the server closes
}

TEST_F(MetricsServerTest, TheOldestConnectionMakesRoomForANewOne) {
  std::vector<std::unique_ptr<Client>> idle;
  for (size_t i = 0; i < MetricsServer::kMaxConnections; ++i) {
    idle.push_back(std::make_unique<Client>(server_->port()));
    ASSERT_TRUE(idle.back()->connected());
    idle.back()->Send("GET /metrics HTTP/1.1\r\nHo");
  }
  EXPECT_THAT(Ask("GET", "/metrics"), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(idle.front()->ReadAll(), "");
  // The others still have their places.
  idle.back()->Send("st: x\r\n\r\n");
  EXPECT_THAT(idle.back()->ReadAll(), StartsWith("HTTP/1.1 200 "));
}

TEST_F(MetricsServerTest, AFloodOfIdleConnectionsKeepsNobodyOut) {
  std::vector<std::unique_ptr<Client>> idle;
  for (size_t i = 0; i < 10 * MetricsServer::kMaxConnections; ++i) {
    idle.push_back(std::make_unique<Client>(server_->port()));
  }
  EXPECT_THAT(Ask("GET", "/metrics"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(MetricsServerTest, AfterStopNobodyIsServed) {
  const int port = server_->port();
  Client open(port);
  server_->Stop();
  EXPECT_EQ(open.ReadAll(), "");
  EXPECT_FALSE(Client(port).connected());
  server_->Stop();
}

TEST_F(MetricsServerTest, ATakenOrImpossibleAddressIsNamed) {
  const std::string taken = absl::StrCat("127.0.0.1:", server_->port());
  // The second is an address that no machine has: for documentation.
  for (const std::string& listen : {taken, std::string("192.0.2.1:0")}) {
    const auto server = MetricsServer::Start({.listen = listen}, {});
    ASSERT_FALSE(server.ok()) << listen;
    EXPECT_EQ(server.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(server.status().message()), HasSubstr(listen));
  }
}

}  // namespace
}  // namespace latchkey
