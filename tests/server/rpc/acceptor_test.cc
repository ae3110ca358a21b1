#include "server/rpc/acceptor.h"

#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "client/base/mutex.h"
#include "tests/support/fake_clock.h"

namespace latchkey {
namespace {

// Keeps what was handed over, as gRPC would.
class Receiver {
 public:
  void Take(FileDescriptor fd) {
    {
      MutexLock lock(&mutex_);
      taken_.push_back(std::move(fd));
    }
    changed_.NotifyAll();
  }
  void WaitFor(size_t count) {
    MutexLock lock(&mutex_);
    while (taken_.size() < count) changed_.Wait(&mutex_);
  }
  size_t count() {
    MutexLock lock(&mutex_);
    return taken_.size();
  }
  void CloseAll() {
    MutexLock lock(&mutex_);
    taken_.clear();
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::vector<FileDescriptor> taken_ ABSL_GUARDED_BY(mutex_);
};

FileDescriptor MakeClient() {
  return FileDescriptor(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

// Tells whether the peer ends the connection: waits until it sends or ends.
bool IsEnded(const FileDescriptor& client) {
  char byte;
  return recv(client.get(), &byte, 1, 0) <= 0;
}

// Lets a thread that cannot be waited for otherwise get on.
template <typename Condition>
void SpinUntil(Condition condition) {
  while (!condition()) sched_yield();
}

class AcceptorTest : public ::testing::Test {
 protected:
  ~AcceptorTest() override { acceptor_.reset(); }

  void Start(ConnectionLimits limits,
             Acceptor::FindSource find_source = SourceOf) {
    absl::StatusOr<Listening> listening = ListenOnNetwork("127.0.0.1:0");
    ASSERT_TRUE(listening.ok()) << listening.status();
    port_ = listening->port;
    std::vector<Acceptor::Door> doors;
    doors.push_back(
        {.listening = *std::move(listening),
         .limits = limits,
         .find_source = std::move(find_source),
         .hand_over = [this](FileDescriptor fd) { got_.Take(std::move(fd)); }});
    auto started = Acceptor::Start(std::move(doors), clock_, *log_);
    ASSERT_TRUE(started.ok()) << started.status();
    acceptor_ = *std::move(started);
  }

  bool ConnectWith(const FileDescriptor& client) const {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port_));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return connect(client.get(), reinterpret_cast<sockaddr*>(&address),
                   sizeof(address)) == 0;
  }
  FileDescriptor Connect() const {
    FileDescriptor client = MakeClient();
    EXPECT_TRUE(ConnectWith(client));
    return client;
  }

  FakeClock clock_;
  std::unique_ptr<Log> log_ = Log::ToStderr(LogLevel::kError, clock_);
  Receiver got_;
  int port_ = 0;
  std::unique_ptr<Acceptor> acceptor_;
};

TEST_F(AcceptorTest, HandsOverAndCounts) {
  Start({.total = 10});
  const FileDescriptor a = Connect(), b = Connect();
  got_.WaitFor(2);
  EXPECT_EQ(acceptor_->counts().taken, 2u);
  EXPECT_EQ(acceptor_->counts().open, 2u);
}

TEST_F(AcceptorTest, WhatIsBeyondTheLimitIsClosedAtOnce) {
  Start({.total = 2});
  const FileDescriptor a = Connect(), b = Connect();
  got_.WaitFor(2);
  EXPECT_TRUE(IsEnded(Connect()));
  EXPECT_EQ(acceptor_->counts().refused_full, 1u);
  // And goes on when there is room again.
  got_.CloseAll();
  clock_.Advance(ConnectionCount::kSweepInterval);
  const FileDescriptor c = Connect();
  got_.WaitFor(1);
  EXPECT_EQ(acceptor_->counts().taken, 3u);
}

TEST_F(AcceptorTest, OneSourceHasALimitOfItsOwn) {
  // Loopback as if it were any other source.
  Start({.total = 10, .per_source = 1}, AnySourceOf);
  const FileDescriptor a = Connect();
  got_.WaitFor(1);
  EXPECT_TRUE(IsEnded(Connect()));
  EXPECT_EQ(acceptor_->counts().refused_source, 1u);
  EXPECT_EQ(acceptor_->counts().refused_full, 0u);
  got_.CloseAll();
  clock_.Advance(ConnectionCount::kSweepInterval);
  const FileDescriptor b = Connect();
  got_.WaitFor(1);
}

TEST_F(AcceptorTest, LoopbackHasNoLimitOfItsOwn) {
  Start({.total = 10, .per_source = 1});
  const FileDescriptor a = Connect(), b = Connect();
  got_.WaitFor(2);
}

// Sets the limit of descriptors for as long as it lives.
class DescriptorLimit {
 public:
  explicit DescriptorLimit(rlim_t limit) {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit low = before_;
    low.rlim_cur = limit;
    setrlimit(RLIMIT_NOFILE, &low);
  }
  ~DescriptorLimit() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(AcceptorTest, WithoutDescriptorsItRefusesWithTheSpareOne) {
  Start({.total = 10});
  const FileDescriptor a = MakeClient(), b = MakeClient(), c = MakeClient();
  {
    const DescriptorLimit limit(
        static_cast<rlim_t>(FileDescriptor(dup(0)).get()));
    ASSERT_TRUE(ConnectWith(a));
    EXPECT_TRUE(IsEnded(a));
    ASSERT_TRUE(ConnectWith(b));
    EXPECT_TRUE(IsEnded(b));
  }
  ASSERT_TRUE(ConnectWith(c));
  got_.WaitFor(1);
  EXPECT_EQ(acceptor_->counts().refused_descriptors, 2u);
}

TEST_F(AcceptorTest, WhereNothingHelpsItWaitsAndGoesOnByItself) {
  Start({.total = 10});
  const FileDescriptor a = MakeClient();
  {
    const DescriptorLimit limit(3);  // not even the spare one
    const uint64_t before = acceptor_->counts().rounds;
    ASSERT_TRUE(ConnectWith(a));
    SpinUntil([&] { return acceptor_->counts().rounds > before + 2; });
    EXPECT_EQ(got_.count(), 0u);
  }
  got_.WaitFor(1);  // the one that has waited
}

TEST_F(AcceptorTest, DoesNotStartWhereItCouldNotBeStopped) {
  // Members before the limit: UBSan looks at types through a pipe.
  const FakeClock& clock = clock_;
  Log& log = *log_;
  absl::StatusOr<std::unique_ptr<Acceptor>> started;
  {
    const DescriptorLimit limit(3);
    started = Acceptor::Start({}, clock, log);
  }
  EXPECT_EQ(started.status().code(), absl::StatusCode::kFailedPrecondition);
}

// Otherwise a connection has it for as long as it lives, and meanwhile those
// that wait behind it are neither taken nor refused.
TEST_F(AcceptorTest, TheFirstDescriptorThatIsFreeAgainIsTheSpareOne) {
  Start({.total = 10});
  const FileDescriptor a = MakeClient();
  const FileDescriptor next(dup(0));  // but for the spare one's all are used
  const DescriptorLimit one(static_cast<rlim_t>(next.get()));
  {
    const DescriptorLimit none(3);
    const uint64_t before = acceptor_->counts().rounds;
    ASSERT_TRUE(ConnectWith(a));
    SpinUntil([&] { return acceptor_->counts().rounds > before + 2; });
  }
  SpinUntil([&] {
    return acceptor_->counts().refused_descriptors > 0 || got_.count() > 0;
  });
  EXPECT_EQ(got_.count(), 0u);
  EXPECT_TRUE(IsEnded(a));
}

TEST_F(AcceptorTest, StopClosesThePortAndKeepsWhatWasHandedOver) {
  Start({.total = 10});
  const FileDescriptor a = Connect();
  got_.WaitFor(1);
  acceptor_->Stop();
  EXPECT_FALSE(ConnectWith(MakeClient()));
  EXPECT_EQ(got_.count(), 1u);
  char byte;
  EXPECT_EQ(recv(a.get(), &byte, 1, MSG_DONTWAIT), -1);  // open, and quiet
  acceptor_->Stop();
}

TEST(Listening, ATakenPortIsNamedInOneLine) {
  const auto first = ListenOnNetwork("127.0.0.1:0");
  ASSERT_TRUE(first.ok());
  EXPECT_NE(first->port, 0);
  const std::string taken = "127.0.0.1:" + std::to_string(first->port);
  const auto second = ListenOnNetwork(taken);
  ASSERT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(second.status().message(),
            "cannot listen on " + taken + ": Address already in use");
}

TEST(Listening, AHostThatIsNotHereIsNamedInOneLine) {
  for (const char* bad : {"192.0.2.1:0", "no such host:0"}) {
    const auto status = ListenOnNetwork(bad).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << bad;
    EXPECT_NE(status.message().find(bad), absl::string_view::npos);
  }
}

TEST(Listening, ALocalSocketIsItsOwnersAlone) {
  const std::string path =
      ::testing::TempDir() + "listening_" + std::to_string(getpid());
  const auto listening = ListenOnPath(path);
  ASSERT_TRUE(listening.ok()) << listening.status();
  struct stat status;
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  // A dead server's is replaced.
  EXPECT_TRUE(ListenOnPath(path).ok());
  unlink(path.c_str());
  // sun_path holds 107 bytes and an end.
  EXPECT_FALSE(ListenOnPath(std::string(108, 'x')).ok());
}

}  // namespace
}  // namespace latchkey
