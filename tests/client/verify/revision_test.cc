#include "client/verify/revision.h"

#include <cstdint>
#include <string>

#include "gtest/gtest.h"

namespace latchkey {
namespace {

TEST(RevisionToken, SpellsEpochAndNumber) {
  const auto epoch = Epoch::FromHex("000102030405060708090a0b0c0d0e0f");
  // printf '000102030405060708090a0b0c0d0e0f0000000000000101' | xxd -r -p |
  //   base64
  EXPECT_EQ(RevisionToken(*epoch, 257), "AAECAwQFBgcICQoLDA0ODwAAAAAAAAEB");
  EXPECT_EQ(RevisionToken(*epoch, 257).size(), 32u);
  EXPECT_NE(RevisionToken(*epoch, 257), RevisionToken(*epoch, 258));
  EXPECT_NE(RevisionToken(Epoch(), 257), RevisionToken(*epoch, 257));
}

TEST(RevisionToken, ReadsWhatItSpells) {
  const auto epoch = Epoch::FromHex("000102030405060708090a0b0c0d0e0f");
  for (const uint64_t number :
       {uint64_t{0}, uint64_t{257}, ~uint64_t{0}, uint64_t{1} << 63}) {
    EXPECT_EQ(ReadRevisionToken(RevisionToken(*epoch, number)),
              (RevisionPoint{.epoch = *epoch, .number = number}));
  }
}

TEST(RevisionToken, ReadsNothingElse) {
  const std::string good = RevisionToken(Epoch(), 7);
  EXPECT_TRUE(ReadRevisionToken(good).has_value());
  EXPECT_FALSE(ReadRevisionToken("").has_value());
  EXPECT_FALSE(ReadRevisionToken(good.substr(1)).has_value());
  EXPECT_FALSE(ReadRevisionToken(good + "A").has_value());
  for (const char wrong : {'+', '/', '=', ' ', '\0', '\xff'}) {
    std::string text = good;
    text[5] = wrong;
    EXPECT_FALSE(ReadRevisionToken(text).has_value()) << wrong;
  }
}

}  // namespace
}  // namespace latchkey
