#include "server/rpc/connection_source.h"

#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>
#include <string>

#include "gtest/gtest.h"

namespace latchkey {
namespace {

sockaddr_storage Address(const std::string& text) {
  sockaddr_storage result{};
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    std::memcpy(&result, &v4, sizeof(v4));
  } else {
    EXPECT_EQ(inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr), 1) << text;
    v6.sin6_family = AF_INET6;
    std::memcpy(&result, &v6, sizeof(v6));
  }
  return result;
}

bool SameSource(const std::string& a, const std::string& b) {
  const auto one = SourceOf(Address(a));
  EXPECT_TRUE(one.has_value()) << a;
  return one == SourceOf(Address(b));
}

TEST(ConnectionSource, OfIpv4IsTheAddress) {
  EXPECT_TRUE(SameSource("192.0.2.1", "192.0.2.1"));
  EXPECT_FALSE(SameSource("192.0.2.1", "192.0.2.2"));
  EXPECT_FALSE(SameSource("192.0.2.1", "193.0.2.1"));
}

TEST(ConnectionSource, OfIpv6IsTheFirst64Bits) {
  EXPECT_TRUE(SameSource("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff::9"));
  EXPECT_FALSE(SameSource("2001:db8:1:2::1", "2001:db8:1:3::1"));
  // Bytes that are alike are not the same source in another family.
  EXPECT_FALSE(SameSource("0.0.0.1", "0:0:0:1::1"));
}

TEST(ConnectionSource, OfAMappedAddressIsTheIpv4Address) {
  EXPECT_TRUE(SameSource("192.0.2.1", "::ffff:192.0.2.1"));
  EXPECT_FALSE(SameSource("::ffff:192.0.2.2", "::ffff:192.0.2.1"));
}

TEST(ConnectionSource, LoopbackAndUnixHaveNone) {
  for (const char* loopback :
       {"127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_FALSE(SourceOf(Address(loopback)).has_value()) << loopback;
    EXPECT_TRUE(AnySourceOf(Address(loopback)).has_value()) << loopback;
  }
  for (const char* other : {"126.0.0.1", "128.0.0.1", "::2", "1::1", "::"}) {
    EXPECT_TRUE(SourceOf(Address(other)).has_value()) << other;
  }
  sockaddr_storage local{};
  local.ss_family = AF_UNIX;
  EXPECT_FALSE(SourceOf(local).has_value());
  EXPECT_FALSE(AnySourceOf(local).has_value());
}

}  // namespace
}  // namespace latchkey
