#include "server/account/hasher.h"

#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

#include "tests/support/vectors.h"

namespace latchkey {
namespace {

using std::string_literals::operator""s;
using ::testing::StartsWith;

// The least that libsodium computes: what is tested does not depend on cost.
constexpr HashCost kCheap = {.time = 1, .memory_kib = 8};

class SodiumHasherTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto hasher = SodiumHasher::Create();
    ASSERT_TRUE(hasher.ok()) << hasher.status();
    hasher_ = *std::move(hasher);
  }

  bool Matches(const std::string& password, const std::string& phc) {
    const auto hash = ParsePhc(phc);
    EXPECT_TRUE(hash.ok()) << hash.status();
    return hasher_->Matches(SecretBytes(password), *hash);
  }

  std::unique_ptr<SodiumHasher> hasher_;
};

TEST_F(SodiumHasherTest, ComputesEveryValidVectorAndNoOtherPassword) {
  const auto valid = ReadVectors("argon2id.json").at("phc_valid");
  EXPECT_EQ(valid.size(), 6u);
  for (const auto& row : valid) {
    SCOPED_TRACE(row.at("name").get<std::string>());
    const std::string password = row.at("password_utf8");
    EXPECT_TRUE(Matches(password, row.at("phc")));
    EXPECT_FALSE(Matches(password + "x", row.at("phc")));
  }
}

TEST_F(SodiumHasherTest, WritesWhatItReadsAtTheCostAsked) {
  const SecretBytes password(absl::string_view("correct horse"));
  const auto phc = hasher_->Hash(password, {.time = 3, .memory_kib = 64});
  ASSERT_TRUE(phc.ok());
  EXPECT_THAT(*phc, StartsWith("$argon2id$v=19$m=64,t=3,p=1$"));
  EXPECT_TRUE(Matches("correct horse", *phc));
  EXPECT_FALSE(Matches("correct horsf", *phc));
}

TEST_F(SodiumHasherTest, SaltsTheSamePasswordAnew) {
  const SecretBytes password(absl::string_view("p"));
  EXPECT_NE(*hasher_->Hash(password, kCheap), *hasher_->Hash(password, kCheap));
}

TEST_F(SodiumHasherTest, TakesNulAsAnOrdinaryByte) {
  const auto phc = hasher_->Hash(SecretBytes("a\0b"s), kCheap);
  ASSERT_TRUE(phc.ok());
  EXPECT_TRUE(Matches("a\0b"s, *phc));
  EXPECT_FALSE(Matches("a", *phc));
  EXPECT_FALSE(Matches("a\0c"s, *phc));
  EXPECT_FALSE(Matches("a\0"s, *phc));
}

TEST_F(SodiumHasherTest, TakesTheLongestPasswordWhole) {
  const std::string longest(1024, 'x');
  const auto phc = hasher_->Hash(SecretBytes(longest), kCheap);
  ASSERT_TRUE(phc.ok());
  EXPECT_TRUE(Matches(longest, *phc));
  EXPECT_FALSE(Matches(longest.substr(1), *phc));
}

TEST_F(SodiumHasherTest, RefusesAnotherSaltLanesOrTag) {
  const SecretBytes password(absl::string_view("p"));
  auto hash = ParsePhc(*hasher_->Hash(password, {.time = 1, .memory_kib = 64}));
  ASSERT_TRUE(hash.ok());
  ASSERT_TRUE(hasher_->Matches(password, *hash));
  PhcHash other = *hash;
  other.salt[0] ^= 1;
  EXPECT_FALSE(hasher_->Matches(password, other));
  other = *hash;
  other.tag.back() ^= 1;
  EXPECT_FALSE(hasher_->Matches(password, other));
  other = *hash;
  other.tag.resize(16);
  EXPECT_FALSE(hasher_->Matches(password, other));
  other = *hash;
  other.lanes = 2;
  EXPECT_FALSE(hasher_->Matches(password, other));
}

}  // namespace
}  // namespace latchkey
