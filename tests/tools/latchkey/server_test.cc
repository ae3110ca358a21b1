#include "tools/latchkey/server.h"

#include <string>

#include "gtest/gtest.h"

namespace latchkey {
namespace {

TEST(CheckAddress, PlaintextStaysOnThisMachine) {
  for (const char* address :
       {"127.0.0.1:1", "127.255.255.255:65535", "localhost:7870", "[::1]:7870",
        "unix:/run/latchkey/admin.sock"}) {
    EXPECT_TRUE(CheckAddress(address, false).ok()) << address;
  }
}

TEST(CheckAddress, PlaintextGoesElsewhereOnlyIfSaid) {
  // The last ones begin like a loopback address and are names.
  for (const char* address :
       {"10.0.0.1:7870", "auth.example:7870", "[::2]:7870", "0.0.0.0:7870",
        "127.0.0.1.example:7870", "127.0.0.1e:7870", "127.0.0.256:7870",
        "127.1:7870", "127.0.0.+1:7870"}) {
    EXPECT_EQ(CheckAddress(address, false).code(),
              absl::StatusCode::kInvalidArgument)
        << address;
    EXPECT_TRUE(CheckAddress(address, true).ok()) << address;
  }
}

TEST(CheckAddress, TlsGoesAnywhere) {
  EXPECT_TRUE(CheckAddress("auth.example:7870", false, Transport::kTls).ok());
  EXPECT_FALSE(CheckAddress("auth.example", false, Transport::kTls).ok());
}

TEST(CheckAddress, MalformedAddressesAreRefusedAlways) {
  for (const char* address :
       {"", "unix:", "localhost", ":7870", "localhost:", "localhost:0",
        "localhost:65536", "localhost:http"}) {
    EXPECT_EQ(CheckAddress(address, true).code(),
              absl::StatusCode::kInvalidArgument)
        << address;
  }
}

}  // namespace
}  // namespace latchkey
