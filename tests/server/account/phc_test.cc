#include "server/account/phc.h"

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

#include "tests/support/vectors.h"

namespace latchkey {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr absl::string_view kSalt16 = "AAECAwQFBgcICQoLDA0ODw";
constexpr absl::string_view kTag32 =
    "Zwjx+vcxTfwAk4b1JYsYH3D2GQkmNjR1+t7GMKG95no";

std::string Phc(absl::string_view parameters, absl::string_view salt = kSalt16,
                absl::string_view tag = kTag32) {
  return absl::StrCat("$argon2id$v=19$", parameters, "$", salt, "$", tag);
}

// Unpadded base64 of `size` zero bytes.
std::string Zeros(size_t size) {
  std::string text = absl::Base64Escape(std::string(size, '\0'));
  while (!text.empty() && text.back() == '=') text.pop_back();
  return text;
}

absl::StatusCode CodeOf(const std::string& phc) {
  return ParsePhc(phc).status().code();
}

TEST(Phc, EveryValidVectorReadsAndWritesBackTheSame) {
  const nlohmann::json valid = ReadVectors("argon2id.json").at("phc_valid");
  EXPECT_EQ(valid.size(), 6u);
  for (const auto& row : valid) {
    SCOPED_TRACE(row.at("name").get<std::string>());
    const std::string text = row.at("phc");
    const auto hash = ParsePhc(text);
    ASSERT_TRUE(hash.ok()) << hash.status();
    EXPECT_EQ(FormatPhc(*hash), text);
  }
}

TEST(Phc, EveryHostileVectorIsRefusedWithoutAWordOfIt) {
  const nlohmann::json hostile =
      ReadVectors("argon2id.json").at("phc_must_be_refused");
  EXPECT_EQ(hostile.size(), 28u);
  for (const auto& row : hostile) {
    SCOPED_TRACE(row.at("name").get<std::string>());
    const auto hash = ParsePhc(row.at("phc").get<std::string>());
    ASSERT_FALSE(hash.ok());
    EXPECT_THAT(std::string(hash.status().message()),
                Not(HasSubstr("Zwjx+vcx")));
  }
}

TEST(Phc, PartsAreReadAsWritten) {
  const auto hash = ParsePhc(Phc("m=19456,t=2,p=1"));
  ASSERT_TRUE(hash.ok());
  EXPECT_EQ(hash->cost, HashCost());
  EXPECT_EQ(hash->lanes, 1u);
  EXPECT_EQ(absl::BytesToHexString(hash->salt),
            "000102030405060708090a0b0c0d0e0f");
  EXPECT_EQ(hash->tag.size(), 32u);
}

// libsodium takes some of them for characters of base64.
TEST(Phc, BytesAboveAsciiSpellNothing) {
  for (int byte = 0x80; byte <= 0xff; ++byte) {
    for (const size_t at : {0u, 5u, 9u}) {
      std::string salt(kSalt16);
      std::string tag(kTag32);
      salt[at] = tag[at] = static_cast<char>(byte);
      EXPECT_EQ(CodeOf(Phc("m=19456,t=2,p=1", salt)),
                absl::StatusCode::kInvalidArgument)
          << byte;
      EXPECT_EQ(CodeOf(Phc("m=19456,t=2,p=1", kSalt16, tag)),
                absl::StatusCode::kInvalidArgument)
          << byte;
    }
  }
}

struct Row {
  const char* name;
  std::string phc;
  absl::StatusCode code;
};

class PhcBorder : public ::testing::TestWithParam<Row> {};

TEST_P(PhcBorder, IsWhereTheHeaderSaysItIs) {
  EXPECT_EQ(CodeOf(GetParam().phc), GetParam().code);
}

constexpr auto kOk = absl::StatusCode::kOk;
constexpr auto kMalformed = absl::StatusCode::kInvalidArgument;
constexpr auto kOutside = absl::StatusCode::kOutOfRange;

INSTANTIATE_TEST_SUITE_P(
    Bounds, PhcBorder,
    ::testing::Values(
        Row{"LeastMemory", Phc("m=8,t=1,p=1"), kOk},
        Row{"BelowLeastMemory", Phc("m=7,t=1,p=1"), kOutside},
        Row{"LeastMemoryOfFourLanes", Phc("m=32,t=1,p=4"), kOk},
        Row{"BelowLeastMemoryOfFourLanes", Phc("m=31,t=1,p=4"), kOutside},
        Row{"MostMemory", Phc("m=1048576,t=1,p=1"), kOk},
        Row{"AboveMostMemory", Phc("m=1048577,t=1,p=1"), kOutside},
        Row{"MostWork", Phc("m=1048576,t=4,p=1"), kOk},
        Row{"AboveMostWork", Phc("m=1048576,t=5,p=1"), kOutside},
        Row{"MostWorkInLittleMemory", Phc("m=8,t=524288,p=1"), kOk},
        Row{"AboveMostWorkInLittleMemory", Phc("m=8,t=524289,p=1"), kOutside},
        Row{"MostPassesThatFitTheType", Phc("m=8,t=4294967295,p=1"), kOutside},
        Row{"PassesThatDoNotFitTheType", Phc("m=8,t=4294967296,p=1"), kOutside},
        Row{"NoPasses", Phc("m=8,t=0,p=1"), kOutside},
        Row{"NoLanes", Phc("m=8,t=1,p=0"), kOutside},
        Row{"MostLanes", Phc("m=512,t=1,p=64"), kOk},
        Row{"AboveMostLanes", Phc("m=1024,t=1,p=65"), kOutside},
        Row{"LeastSalt", Phc("m=8,t=1,p=1", Zeros(8)), kOk},
        Row{"BelowLeastSalt", Phc("m=8,t=1,p=1", Zeros(7)), kOutside},
        Row{"MostSalt", Phc("m=8,t=1,p=1", Zeros(64)), kOk},
        Row{"AboveMostSalt", Phc("m=8,t=1,p=1", Zeros(65)), kOutside},
        Row{"LeastTag", Phc("m=8,t=1,p=1", kSalt16, Zeros(16)), kOk},
        Row{"BelowLeastTag", Phc("m=8,t=1,p=1", kSalt16, Zeros(15)), kOutside},
        Row{"MostTag", Phc("m=8,t=1,p=1", kSalt16, Zeros(64)), kOk},
        Row{"AboveMostTag", Phc("m=8,t=1,p=1", kSalt16, Zeros(65)), kOutside},
        Row{"LongestOfAll", Phc("m=1048576,t=4,p=64", Zeros(64), Zeros(64)),
            kOk},
        Row{"LongerThanAnyString", std::string(kMaxPhcBytes + 1, '$'),
            kOutside}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Spelling, PhcBorder,
    ::testing::Values(
        Row{"OfArgon2i", "$argon2i$v=19$m=8,t=1,p=1$" + std::string(kSalt16),
            kMalformed},
        Row{"UpperCase", "$ARGON2ID$v=19$m=8,t=1,p=1$", kMalformed},
        Row{"NoMemory", Phc("t=1,p=1"), kMalformed},
        Row{"EmptyNumber", Phc("m=,t=1,p=1"), kMalformed},
        Row{"SpaceInNumber", Phc("m= 8,t=1,p=1"), kMalformed},
        Row{"HexNumber", Phc("m=0x8,t=1,p=1"), kMalformed},
        Row{"LeadingZeroInLanes", Phc("m=8,t=1,p=01"), kMalformed},
        Row{"FurtherParameter", Phc("m=8,t=1,p=1,keyid=AA"), kMalformed},
        Row{"SaltAsUrlBase64", Phc("m=8,t=1,p=1", "-_8AAAAAAAAAAAAAAAAAAA"),
            kMalformed},
        Row{"SaltWithSpace", Phc("m=8,t=1,p=1", "AAECAwQFBgcICQoLDA0OD w"),
            kMalformed},
        Row{"TagPadded",
            Phc("m=8,t=1,p=1", kSalt16, "AAAAAAAAAAAAAAAAAAAAAA=="),
            kMalformed},
        Row{"TagWithLooseBits",
            Phc("m=8,t=1,p=1", kSalt16, "AAAAAAAAAAAAAAAAAAAAAB"), kMalformed},
        Row{"NulAtEnd", Phc("m=8,t=1,p=1") + std::string(1, '\0'), kMalformed}),
    [](const auto& test) { return test.param.name; });

TEST(HashCost, OnlyWhatOneLaneMayCostIsConfigurable) {
  EXPECT_TRUE(CheckHashCost({}).ok());
  EXPECT_TRUE(CheckHashCost({.time = 1, .memory_kib = 8}).ok());
  EXPECT_TRUE(CheckHashCost({.time = 4, .memory_kib = 1 << 20}).ok());
  for (const HashCost cost : {HashCost{.time = 0, .memory_kib = 8},
                              HashCost{.time = 1, .memory_kib = 7},
                              HashCost{.time = 1, .memory_kib = 0},
                              HashCost{.time = 1, .memory_kib = (1 << 20) + 1},
                              HashCost{.time = 5, .memory_kib = 1 << 20},
                              HashCost{.time = UINT32_MAX, .memory_kib = 8}}) {
    EXPECT_EQ(CheckHashCost(cost).code(), absl::StatusCode::kInvalidArgument)
        << cost.time << " " << cost.memory_kib;
  }
}

}  // namespace
}  // namespace latchkey
