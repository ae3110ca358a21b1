#include "server/account/source_network.h"

#include <string>

#include "gtest/gtest.h"

namespace latchkey {
namespace {

struct SameRow {
  const char* name;
  std::string one;
  std::string other;
  bool same;
};

class SourceNetworks : public testing::TestWithParam<SameRow> {};

TEST_P(SourceNetworks, AreAsCoarseAsAnAttackerChangesForNothing) {
  EXPECT_EQ(SourceNetwork::OfPeer(GetParam().one) ==
                SourceNetwork::OfPeer(GetParam().other),
            GetParam().same);
}

INSTANTIATE_TEST_SUITE_P(
    SourceNetwork, SourceNetworks,
    testing::Values(
        SameRow{"Same24", "192.0.2.1", "192.0.2.254", true},
        SameRow{"Next24", "192.0.2.1", "192.0.3.1", false},
        SameRow{"Same64", "2001:db8::1", "2001:db8::ffff:0:0:2", true},
        SameRow{"Next64", "2001:db8:0:1::1", "2001:db8:0:2::1", false},
        SameRow{"Spelling", "2001:DB8:0:0:0:0:0:1", "2001:db8::9", true},
        SameRow{"Mapped", "::ffff:192.0.2.7", "192.0.2.8", true},
        SameRow{"MappedIsNotALow64", "::ffff:192.0.2.7", "::1", false},
        SameRow{"Scope", "fe80::1%eth0", "fe80::2%eth1", true},
        SameRow{"Loopback", "127.0.0.1", "127.0.0.1", true},
        SameRow{"OtherLoopback", "127.0.0.1", "127.0.0.2", false},
        SameRow{"NoLoopback", "126.0.0.1", "126.0.0.2", true},
        SameRow{"Families", "32.1.13.184", "2001:db8::", false},
        SameRow{"Garbage", "nonsense", "other", true},
        SameRow{"GarbageIsNoSocket", "nonsense", "", false},
        SameRow{"SocketIsNoAddress", "", "0.0.0.0", false}),
    [](const auto& row) { return row.param.name; });

TEST(SourceNetwork, ReadsAddressesAndNothingElse) {
  for (const char* good : {"0.0.0.0", "255.255.255.255", "::", "::1"}) {
    EXPECT_TRUE(SourceNetwork::Parse(good).has_value()) << good;
  }
  for (const std::string& bad :
       {std::string(), std::string("1.2.3"), std::string("1.2.3.4.5"),
        std::string("256.1.1.1"), std::string("1.2.3.4:80"),
        std::string("[::1]"), std::string(" 1.2.3.4"), std::string("01.2.3.4 "),
        std::string("1.2.3.4\0x", 9), std::string("localhost"),
        std::string(256, '1')}) {
    EXPECT_FALSE(SourceNetwork::Parse(bad).has_value()) << bad;
  }
}

TEST(SourceNetwork, OnlyTheSocketIsLocal) {
  EXPECT_TRUE(SourceNetwork::OfPeer("").is_local());
  EXPECT_FALSE(SourceNetwork::OfPeer("127.0.0.1").is_local());
  EXPECT_FALSE(SourceNetwork::OfPeer("nonsense").is_local());
}

}  // namespace
}  // namespace latchkey
