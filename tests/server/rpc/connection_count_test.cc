#include "server/rpc/connection_count.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

#include "gtest/gtest.h"

#include "server/base/file_descriptor.h"

namespace latchkey {
namespace {

using Verdict = ConnectionCount::Verdict;

FileDescriptor MakeSocket() {
  return FileDescriptor(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

constexpr ConnectionSource kAlice{.is_ipv4 = true, .network = 1};
constexpr ConnectionSource kBob{.is_ipv4 = true, .network = 2};

class ConnectionCountTest : public ::testing::Test {
 protected:
  // Moves on by what allows one sweep.
  absl::Duration Later() { return now_ += ConnectionCount::kSweepInterval; }

  absl::Duration now_ = absl::Hours(1);
};

TEST_F(ConnectionCountTest, TakesAsManyAsTheLimitInAll) {
  ConnectionCount count({.total = 2, .per_source = 9});
  const FileDescriptor a = MakeSocket(), b = MakeSocket(), c = MakeSocket();
  EXPECT_EQ(count.Add(a.get(), kAlice, now_), Verdict::kTaken);
  EXPECT_EQ(count.Add(b.get(), {}, now_), Verdict::kTaken);
  EXPECT_EQ(count.Add(c.get(), kBob, Later()), Verdict::kFull);
  EXPECT_EQ(count.Add(c.get(), {}, Later()), Verdict::kFull);
  EXPECT_EQ(count.open(), 2u);
}

TEST_F(ConnectionCountTest, TakesAsManyAsTheLimitOfEachSource) {
  ConnectionCount count({.total = 9, .per_source = 2});
  std::vector<FileDescriptor> sockets;
  for (int i = 0; i < 6; ++i) sockets.push_back(MakeSocket());
  EXPECT_EQ(count.Add(sockets[0].get(), kAlice, now_), Verdict::kTaken);
  EXPECT_EQ(count.Add(sockets[1].get(), kAlice, now_), Verdict::kTaken);
  EXPECT_EQ(count.Add(sockets[2].get(), kAlice, Later()), Verdict::kSourceFull);
  EXPECT_EQ(count.Add(sockets[2].get(), kBob, now_), Verdict::kTaken);
  // Without a source there is no limit of one.
  for (int i = 3; i < 6; ++i) {
    EXPECT_EQ(count.Add(sockets[i].get(), {}, now_), Verdict::kTaken);
  }
  EXPECT_EQ(count.sources(), 2u);
}

TEST_F(ConnectionCountTest, AClosedConnectionMakesRoomOnceLookedFor) {
  ConnectionCount count({.total = 9, .per_source = 1});
  FileDescriptor a = MakeSocket();
  const FileDescriptor b = MakeSocket();
  ASSERT_EQ(count.Add(a.get(), kAlice, now_), Verdict::kTaken);
  a.Close();
  EXPECT_EQ(count.Add(b.get(), kAlice, Later()), Verdict::kTaken);
  EXPECT_EQ(count.open(), 1u);
}

TEST_F(ConnectionCountTest, ADescriptorThatNamesSomethingElseIsGone) {
  for (const bool is_file : {false, true}) {
    ConnectionCount count({.total = 9, .per_source = 9});
    FileDescriptor a = MakeSocket();
    ASSERT_EQ(count.Add(a.get(), kAlice, now_), Verdict::kTaken);
    // As when gRPC closes a connection and somebody else opens something.
    const FileDescriptor other =
        is_file ? FileDescriptor(open("/", O_RDONLY)) : MakeSocket();
    ASSERT_EQ(dup2(other.get(), a.get()), a.get());
    count.Sweep(Later());
    EXPECT_EQ(count.open(), 0u);
    EXPECT_EQ(count.sources(), 0u);
  }
}

TEST_F(ConnectionCountTest, ADescriptorAcceptedAnewIsCountedOnce) {
  ConnectionCount count({.total = 2, .per_source = 1});
  FileDescriptor a = MakeSocket();
  const int number = a.get();
  ASSERT_EQ(count.Add(number, kAlice, now_), Verdict::kTaken);
  a.Close();
  const FileDescriptor again = MakeSocket();
  ASSERT_EQ(again.get(), number);
  // No sweep is needed, and another source's place is not taken for it.
  EXPECT_EQ(count.Add(number, kBob, now_), Verdict::kTaken);
  EXPECT_EQ(count.open(), 1u);
  EXPECT_EQ(count.sources(), 1u);
  const FileDescriptor b = MakeSocket();
  EXPECT_EQ(count.Add(b.get(), kAlice, now_), Verdict::kTaken);
}

TEST_F(ConnectionCountTest, OpenOnesStayCounted) {
  ConnectionCount count({.total = 9, .per_source = 9});
  FileDescriptor ends[2];
  int raw[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, raw), 0);
  ends[0] = FileDescriptor(raw[0]);
  ends[1] = FileDescriptor(raw[1]);
  ASSERT_EQ(count.Add(ends[0].get(), kAlice, now_), Verdict::kTaken);
  // What the peer does changes nothing: it is ours until it is closed here.
  ends[1].Close();
  count.Sweep(Later());
  EXPECT_EQ(count.open(), 1u);
}

TEST_F(ConnectionCountTest, AFloodOfRefusalsIsNotAFloodOfSweeps) {
  ConnectionCount count({.total = 1, .per_source = 1});
  FileDescriptor a = MakeSocket();
  const FileDescriptor b = MakeSocket();
  ASSERT_EQ(count.Add(a.get(), {}, now_), Verdict::kTaken);
  ASSERT_EQ(count.Add(b.get(), {}, now_), Verdict::kFull);  // this one looked
  a.Close();
  now_ += ConnectionCount::kSweepInterval - absl::Nanoseconds(1);
  EXPECT_EQ(count.Add(b.get(), {}, now_), Verdict::kFull);
  now_ += absl::Nanoseconds(1);
  EXPECT_EQ(count.Add(b.get(), {}, now_), Verdict::kTaken);
}

}  // namespace
}  // namespace latchkey
