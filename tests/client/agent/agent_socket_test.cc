#include "client/agent/agent_socket.h"

#include <cstring>
#include <fstream>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace latchkey {
namespace {

using ::testing::HasSubstr;

class AgentSocketTest : public ::testing::Test {
 protected:
  AgentSocketTest()
      : path_(absl::StrCat(::testing::TempDir(), "agent.", getpid())) {}
  ~AgentSocketTest() override {
    unlink(path_.c_str());
    unlink((path_ + ".lock").c_str());
  }

  // Binds the path, and listens on it if told to.
  int Bind(bool listening) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.data(), path_.size());
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    EXPECT_EQ(
        bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
        0);
    if (listening) {
      EXPECT_EQ(listen(fd, 1), 0);
    }
    return fd;
  }

  bool IsThere() const {
    struct stat about;
    return lstat(path_.c_str(), &about) == 0;
  }

  void ExpectRefused(const char* why) {
    const auto refused = AgentSocket::Claim(path_);
    EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(refused.status().message()), HasSubstr(why));
  }

  const std::string path_;
};

TEST_F(AgentSocketTest, IsClaimedByOneAtATime) {
  auto first = AgentSocket::Claim(path_);
  ASSERT_TRUE(first.ok()) << first.status();
  ExpectRefused("another agent");
  first->reset();
  EXPECT_TRUE(AgentSocket::Claim(path_).ok());
}

TEST_F(AgentSocketTest, OfOneThatIsGoneIsRemoved) {
  close(Bind(true));
  ASSERT_TRUE(IsThere());
  const auto claimed = AgentSocket::Claim(path_);
  ASSERT_TRUE(claimed.ok()) << claimed.status();
  EXPECT_FALSE(IsThere());
}

TEST_F(AgentSocketTest, OfSomebodyElseStays) {
  const int fd = Bind(true);
  ExpectRefused("somebody listens there");
  EXPECT_TRUE(IsThere());
  close(fd);
}

TEST_F(AgentSocketTest, AFileStays) {
  std::ofstream(path_) << "precious";
  ExpectRefused("it is no socket");
  EXPECT_TRUE(IsThere());
}

TEST_F(AgentSocketTest, IsRemovedWithItsOwner) {
  auto claimed = AgentSocket::Claim(path_);
  ASSERT_TRUE(claimed.ok());
  const int fd = Bind(true);
  claimed->reset();
  EXPECT_FALSE(IsThere());
  close(fd);
}

TEST_F(AgentSocketTest, MustFitIntoAnAddress) {
  EXPECT_FALSE(AgentSocket::Claim("").ok());
  const std::string longest = "/" + std::string(107, 'x');
  EXPECT_FALSE(AgentSocket::Claim(longest).ok());
}

}  // namespace
}  // namespace latchkey
