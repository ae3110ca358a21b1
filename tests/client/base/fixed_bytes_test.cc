#include "client/base/fixed_bytes.h"

#include "gtest/gtest.h"

#include "client/base/ids.h"

namespace latchkey {
namespace {

TEST(FixedBytes, HexRoundTrip) {
  const std::string hex = "000102030405060708090a0b0c0d0eff";
  const auto id = SessionId::FromHex(hex);
  ASSERT_TRUE(id.has_value());
  EXPECT_EQ(id->ToHex(), hex);
  EXPECT_EQ(SessionId::FromBytes(id->view()), id);
}

TEST(FixedBytes, ReadsOneSpellingOnly) {
  EXPECT_FALSE(SessionId::FromHex("000102030405060708090A0B0C0D0EFF"));
  EXPECT_FALSE(SessionId::FromHex("000102030405060708090a0b0c0d0ef"));
  EXPECT_FALSE(SessionId::FromHex("000102030405060708090a0b0c0d0eff0"));
  EXPECT_FALSE(SessionId::FromHex("000102030405060708090a0b0c0d0e g"));
  EXPECT_FALSE(SessionId::FromHex(""));
}

TEST(FixedBytes, TakesExactLengthOnly) {
  EXPECT_FALSE(SessionId::FromBytes(std::string(15, 'x')));
  EXPECT_FALSE(SessionId::FromBytes(std::string(17, 'x')));
}

}  // namespace
}  // namespace latchkey
