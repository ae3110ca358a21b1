#include "client/verify/token_hash.h"

#include <string>

#include "gtest/gtest.h"

namespace latchkey {
namespace {

TEST(TokenHasher, TellsEveryByteAndTheLength) {
  const TokenHasher hasher;
  const std::string text(600, 'x');
  const TokenHash hash = hasher.Hash(text);
  EXPECT_EQ(hasher.Hash(std::string(600, 'x')), hash);
  for (size_t i = 0; i < text.size(); ++i) {
    std::string other = text;
    other[i] ^= 1;
    EXPECT_NE(hasher.Hash(other).bits, hash.bits) << i;
  }
  EXPECT_NE(hasher.Hash(std::string(601, 'x')).bits, hash.bits);
  EXPECT_NE(hasher.Hash(std::string(599, 'x')).bits, hash.bits);
  EXPECT_NE(hasher.Hash("").bits, hasher.Hash(absl::string_view("\0", 1)).bits);
  TokenHash longer = hash;
  ++longer.length;
  EXPECT_NE(longer, hash);
}

TEST(TokenHasher, DrawsAKeyOfItsOwn) {
  EXPECT_NE(TokenHasher().Hash("x").bits, TokenHasher().Hash("x").bits);
}

}  // namespace
}  // namespace latchkey
