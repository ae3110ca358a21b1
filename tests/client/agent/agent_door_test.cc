#include "client/agent/agent_door.h"

#include <atomic>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <mutex>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace latchkey {
namespace {

class AgentDoorTest : public ::testing::Test {
 protected:
  AgentDoorTest()
      : path_(absl::StrCat(::testing::TempDir(), "door.", getpid())) {}
  ~AgentDoorTest() override {
    door_.reset();
    for (const int one : made_) close(one);
    for (const int one : taken_) close(one);
    unlink(path_.c_str());
  }

  void Open(int end) {
    auto opened = AgentDoor::Open(path_, 0600);
    ASSERT_TRUE(opened.ok()) << opened.status();
    door_ = *std::move(opened);
    door_->Start(end, [this](int descriptor) {
      const std::lock_guard lock(mutex_);
      taken_.push_back(descriptor);
    });
  }

  // Connects; the descriptor of the client's end.
  int Connect() {
    made_.push_back(socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_EQ(ConnectTo(made_.back()), 0);
    return made_.back();
  }

  // Connects the socket `fd`; 0 if it is.
  int ConnectTo(int fd) const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.data(), path_.size());
    return connect(fd, reinterpret_cast<const sockaddr*>(&address),
                   sizeof(address));
  }

  // Waits for the other end to close.
  static bool IsClosed(int connection) {
    char byte;
    return read(connection, &byte, 1) <= 0;
  }

  std::vector<int> Taken(size_t count) {
    while (true) {
      {
        const std::lock_guard lock(mutex_);
        if (taken_.size() >= count) return taken_;
      }
      std::this_thread::yield();
    }
  }

  const std::string path_;
  std::unique_ptr<AgentDoor> door_;
  std::mutex mutex_;
  std::vector<int> taken_;
  std::vector<int> made_;
};

TEST_F(AgentDoorTest, HandsOverWhatIsNonblockingAndClosedInChildren) {
  Open(/*end=*/1 << 20);
  Connect();
  const int taken = Taken(1).at(0);
  EXPECT_TRUE((fcntl(taken, F_GETFL) & O_NONBLOCK) != 0);
  EXPECT_TRUE((fcntl(taken, F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_F(AgentDoorTest, TheSocketHasTheRightsAskedForAndTheUmaskIsAsBefore) {
  const mode_t before = umask(022);
  umask(022);
  Open(1 << 20);
  struct stat about;
  ASSERT_EQ(stat(path_.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
  EXPECT_EQ(umask(before), mode_t{022});
}

TEST_F(AgentDoorTest, ClosesWhatIsBeyondItsEndAndTakesWhatComesLater) {
  constexpr int kEnd = 256;
  Open(kEnd);
  // All descriptors but the last two below the end are in use.
  std::vector<int> others;
  do {
    others.push_back(dup(0));
  } while (others.back() < kEnd - 3);
  Connect();  // its own end is one, what the door takes the other
  EXPECT_EQ(Taken(1).at(0), kEnd - 1);
  EXPECT_TRUE(IsClosed(Connect()));
  EXPECT_TRUE(IsClosed(Connect()));
  for (const int one : others) close(one);
  Connect();
  EXPECT_LT(Taken(2).at(1), kEnd);
}

TEST_F(AgentDoorTest, WhatCannotBeMadeIsSaid) {
  for (const std::string& path :
       {std::string("/no/such/directory/s"), std::string(200, 'x')}) {
    const auto refused = AgentDoor::Open(path, 0600);
    EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(refused.status().message()),
                ::testing::HasSubstr(path));
  }
}

TEST_F(AgentDoorTest, ClosesInTheMiddleOfAFlood) {
  auto opened = AgentDoor::Open(path_, 0600);
  ASSERT_TRUE(opened.ok()) << opened.status();
  door_ = *std::move(opened);
  // Whoever is taken is followed by the next, so somebody always waits.
  std::atomic<int> taken = 0;
  const auto follow = [&] {
    const int next = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    EXPECT_EQ(ConnectTo(next), 0);
    close(next);
  };
  door_->Start(1 << 20, [&](int descriptor) {
    close(descriptor);
    follow();
    ++taken;
  });
  follow();
  while (taken < 1000) std::this_thread::yield();
  door_.reset();
}

TEST_F(AgentDoorTest, ClosesAtOnceThoughNobodyCame) {
  Open(1 << 20);
  door_.reset();
  EXPECT_EQ(access(path_.c_str(), F_OK), 0);
}

}  // namespace
}  // namespace latchkey
