#include "server/session/revision.h"

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

}  // namespace
}  // namespace latchkey
