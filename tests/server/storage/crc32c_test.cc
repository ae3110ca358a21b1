#include "server/storage/crc32c.h"

#include <string>

#include "gtest/gtest.h"

namespace latchkey {
namespace {

// RFC 3720, B.4.
TEST(Crc32c, MatchesTheExamplesOfItsRfc) {
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  std::string up, down;
  for (char i = 0; i < 32; ++i) up.push_back(i);
  down.assign(up.rbegin(), up.rend());
  EXPECT_EQ(Crc32c(up), 0x46dd794eu);
  EXPECT_EQ(Crc32c(down), 0x113fdb5cu);
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);
}

TEST(Crc32c, EmptyIsZero) { EXPECT_EQ(Crc32c(""), 0u); }

TEST(Crc32c, MayBeTakenInPiecesOfAnySize) {
  const std::string text = "the quick brown fox jumps over the lazy dog";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    const uint32_t first = Crc32c(text.substr(0, cut));
    EXPECT_EQ(ExtendCrc32c(first, text.substr(cut)), Crc32c(text));
  }
}

}  // namespace
}  // namespace latchkey
