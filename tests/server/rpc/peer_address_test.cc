#include "server/rpc/peer_address.h"

#include "gtest/gtest.h"

namespace latchkey {
namespace {

TEST(PeerAddress, IsWhatTheTransportSaysWithoutThePort) {
  EXPECT_EQ(PeerAddress("ipv4:192.0.2.1:4242"), "192.0.2.1");
  EXPECT_EQ(PeerAddress("ipv6:[2001:db8::1]:4242"), "2001:db8::1");
  EXPECT_EQ(PeerAddress("ipv6:%5B2001:db8::1%5D:4242"), "2001:db8::1");
  EXPECT_EQ(PeerAddress("ipv6:%5bfe80::1%25eth0%5d:1"), "fe80::1%25eth0");
}

TEST(PeerAddress, IsEmptyForWhatHasNone) {
  EXPECT_EQ(PeerAddress("unix:/run/admin.sock"), "");
  EXPECT_EQ(PeerAddress("unix:"), "");
  EXPECT_EQ(PeerAddress("ipv4:"), "");
  EXPECT_EQ(PeerAddress(""), "");
}

}  // namespace
}  // namespace latchkey
