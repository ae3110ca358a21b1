#include "server/credential/opaque_id.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

#include "client/base/fixed_bytes.h"
#include "tests/support/vectors.h"

namespace latchkey {
namespace {

using ::testing::StartsWith;

OpaqueKind KindOf(const nlohmann::json& row) {
  return row.at("kind") == "session" ? OpaqueKind::kSession
                                     : OpaqueKind::kRefresh;
}

OpaqueKind Other(OpaqueKind kind) {
  return kind == OpaqueKind::kSession ? OpaqueKind::kRefresh
                                      : OpaqueKind::kSession;
}

// A good credential to spoil.
std::string Good() {
  std::array<uint8_t, 32> bytes;
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i);
  return std::string(SpellOpaque(OpaqueKind::kSession, bytes).text.Reveal());
}

TEST(OpaqueId, IsSpelledAndReadAsComputedElsewhere) {
  const nlohmann::json valid = ReadVectors("opaque_ids.json").at("valid");
  EXPECT_EQ(valid.size(), 14u);
  for (const auto& row : valid) {
    SCOPED_TRACE(row.at("name").get<std::string>());
    const auto bytes = FixedBytes<32, struct RawTag>::FromHex(
        row.at("bytes_hex").get<std::string>());
    const std::string text = row.at("text");
    const MintedCredential minted = SpellOpaque(KindOf(row), bytes->array());
    EXPECT_EQ(minted.text.Reveal(), text);
    EXPECT_EQ(minted.digest.ToHex(), row.at("sha256_hex"));
    EXPECT_EQ(ReadOpaque(KindOf(row), text), minted.digest);
    EXPECT_EQ(ReadOpaque(Other(KindOf(row)), text), std::nullopt);
  }
}

TEST(OpaqueId, ANumberFromTwoToThe256UpIsRefusedDespiteItsChecksum) {
  const nlohmann::json rows =
      ReadVectors("opaque_ids.json").at("too_large_with_right_checksum");
  EXPECT_EQ(rows.size(), 2u);
  for (const auto& row : rows) {
    EXPECT_EQ(
        ReadOpaque(OpaqueKind::kSession, row.at("text").get<std::string>()),
        std::nullopt)
        << row.at("name");
  }
}

TEST(OpaqueId, EveryOtherCharacterAtEveryPlaceIsRefused) {
  const std::string good = Good();
  ASSERT_TRUE(ReadOpaque(OpaqueKind::kSession, good).has_value());
  for (size_t place = 0; place < good.size(); ++place) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string bad = good;
      bad[place] = static_cast<char>(byte);
      if (bad == good) continue;
      EXPECT_EQ(ReadOpaque(OpaqueKind::kSession, bad), std::nullopt)
          << place << " " << byte;
    }
  }
}

TEST(OpaqueId, AnyOtherLengthIsRefused) {
  const std::string good = Good();
  EXPECT_EQ(ReadOpaque(OpaqueKind::kSession, ""), std::nullopt);
  EXPECT_EQ(ReadOpaque(OpaqueKind::kSession, "lks_"), std::nullopt);
  EXPECT_EQ(ReadOpaque(OpaqueKind::kSession, good.substr(0, 52)), std::nullopt);
  EXPECT_EQ(ReadOpaque(OpaqueKind::kSession, good + "0"), std::nullopt);
  EXPECT_EQ(ReadOpaque(OpaqueKind::kSession, good + "\n"), std::nullopt);
  EXPECT_EQ(ReadOpaque(OpaqueKind::kSession, " " + good), std::nullopt);
  EXPECT_EQ(ReadOpaque(OpaqueKind::kSession, std::string(8192, 'l')),
            std::nullopt);
}

TEST(OpaqueId, ASessionsPublicIdIsNoCredential) {
  EXPECT_EQ(
      ReadOpaque(OpaqueKind::kSession, "000102030405060708090a0b0c0d0e0f"),
      std::nullopt);
}

TEST(OpaqueId, MintedOnesReadBackAndDiffer) {
  std::set<std::string> seen;
  for (const OpaqueKind kind : {OpaqueKind::kSession, OpaqueKind::kRefresh}) {
    for (int i = 0; i < 100; ++i) {
      const MintedCredential minted = MintOpaque(kind);
      EXPECT_THAT(std::string(minted.text.Reveal()),
                  StartsWith(kind == OpaqueKind::kSession ? "lks_" : "lkr_"));
      EXPECT_EQ(ReadOpaque(kind, minted.text.Reveal()), minted.digest);
      seen.emplace(minted.text.Reveal());
    }
  }
  EXPECT_EQ(seen.size(), 200u);
}

TEST(Digest, IsSha256) {
  // FIPS 180-2, appendix B.1, and of nothing.
  EXPECT_EQ(DigestOf("abc").ToHex(),
            "ba7816bf8f01cfea414140de5dae2223"
            "b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(DigestOf("").ToHex(),
            "e3b0c44298fc1c149afbf4c8996fb924"
            "27ae41e4649b934ca495991b7852b855");
}

}  // namespace
}  // namespace latchkey
