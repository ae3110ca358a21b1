#include "server/account/password.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

#include "server/account/account.h"
#include "tests/support/vectors.h"

namespace latchkey {
namespace {

// CountingHasher "hashes" by writing the password into the tag, and counts the
// work that the real one would have done.
class CountingHasher final : public Hasher {
 public:
  struct Books {
    uint64_t work = 0;
    uint64_t largest_kib = 0;
    int calls = 0;
    bool out_of_memory = false;
  };

  explicit CountingHasher(Books& books) : books_(books) {}

  absl::StatusOr<std::string> Hash(const SecretBytes& password,
                                   const HashCost& cost) const override {
    EXPECT_TRUE(CheckHashCost(cost).ok());
    Charge(cost);
    if (books_.out_of_memory) return absl::ResourceExhaustedError("none");
    return FormatPhc({.cost = cost,
                      .lanes = 1,
                      .salt = std::string(16, 's'),
                      .tag = Tag(password)});
  }

  bool Matches(const SecretBytes& password,
               const PhcHash& hash) const override {
    Charge(hash.cost);
    return hash.tag == Tag(password);
  }

 private:
  static std::string Tag(const SecretBytes& password) {
    std::string tag(password.Reveal());
    tag.resize(32, '.');
    return tag;
  }
  void Charge(const HashCost& cost) const {
    books_.work += cost.Work();
    books_.largest_kib =
        std::max<uint64_t>(books_.largest_kib, cost.memory_kib);
    ++books_.calls;
  }

  Books& books_;
};

constexpr HashCost kConfigured = {.time = 2, .memory_kib = 19456};

class PasswordCheckerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto checker = PasswordChecker::Create(
        kConfigured, std::make_unique<CountingHasher>(books_));
    ASSERT_TRUE(checker.ok()) << checker.status();
    checker_.emplace(*std::move(checker));
    books_ = {};
  }

  // What "right" is stored as at `cost`.
  std::string Stored(const HashCost& cost) {
    CountingHasher::Books unused;
    return *CountingHasher(unused).Hash(right_, cost);
  }

  CountingHasher::Books books_;
  std::optional<PasswordChecker> checker_;
  const SecretBytes right_{absl::string_view("right")};
  const SecretBytes wrong_{absl::string_view("wrong")};
};

TEST_F(PasswordCheckerTest, TellsRightFromWrong) {
  const std::string phc = Stored(kConfigured);
  const PasswordVerdict right = checker_->Check(right_, phc);
  EXPECT_TRUE(right.matches);
  EXPECT_FALSE(right.upgraded_phc.has_value());
  EXPECT_EQ(books_.work, kConfigured.Work());
  const PasswordVerdict wrong = checker_->Check(wrong_, phc);
  EXPECT_FALSE(wrong.matches);
  EXPECT_FALSE(wrong.upgraded_phc.has_value());
  EXPECT_EQ(books_.work, 2 * kConfigured.Work());
}

TEST_F(PasswordCheckerTest, AnUnknownAccountCostsWhatAWrongPasswordDoes) {
  checker_->CheckUnknown(wrong_);
  const CountingHasher::Books unknown = books_;
  books_ = {};
  (void)checker_->Check(wrong_, Stored(kConfigured));
  EXPECT_EQ(unknown.work, books_.work);
  EXPECT_EQ(unknown.largest_kib, books_.largest_kib);
  EXPECT_EQ(unknown.calls, books_.calls);
}

TEST_F(PasswordCheckerTest, AWrongPasswordPaysWhatALowerStoredCostLacks) {
  for (const HashCost stored : {HashCost{.time = 1, .memory_kib = 8},
                                HashCost{.time = 1, .memory_kib = 8192},
                                HashCost{.time = 2, .memory_kib = 19455},
                                HashCost{.time = 1, .memory_kib = 19456},
                                HashCost{.time = 3, .memory_kib = 12288}}) {
    books_ = {};
    EXPECT_FALSE(checker_->Check(wrong_, Stored(stored)).matches);
    EXPECT_EQ(books_.calls, 2);
    // To the least hash there is: 8 KiB in as many passes.
    EXPECT_NEAR(static_cast<double>(books_.work),
                static_cast<double>(kConfigured.Work()), 16)
        << stored.memory_kib;
  }
}

TEST_F(PasswordCheckerTest, AWrongPasswordAtAHigherStoredCostPaysNoMore) {
  const HashCost stored = {.time = 3, .memory_kib = 65536};
  EXPECT_FALSE(checker_->Check(wrong_, Stored(stored)).matches);
  EXPECT_EQ(books_.work, stored.Work());
}

TEST_F(PasswordCheckerTest, ARightPasswordAtALowerStoredCostIsHashedAnew) {
  for (const HashCost stored : {HashCost{.time = 1, .memory_kib = 19456},
                                HashCost{.time = 2, .memory_kib = 19455},
                                HashCost{.time = 100, .memory_kib = 1024}}) {
    const PasswordVerdict verdict = checker_->Check(right_, Stored(stored));
    EXPECT_TRUE(verdict.matches);
    ASSERT_TRUE(verdict.upgraded_phc.has_value());
    EXPECT_EQ(ParsePhc(*verdict.upgraded_phc)->cost, kConfigured);
    EXPECT_TRUE(checker_->Check(right_, *verdict.upgraded_phc).matches);
  }
}

TEST_F(PasswordCheckerTest, ARightPasswordAtAHigherStoredCostIsLeftAlone) {
  for (const HashCost stored :
       {kConfigured, HashCost{.time = 1, .memory_kib = 47104},
        HashCost{.time = 3, .memory_kib = 19456}}) {
    EXPECT_FALSE(
        checker_->Check(right_, Stored(stored)).upgraded_phc.has_value());
  }
}

TEST_F(PasswordCheckerTest, AnUpgradeWithoutMemoryIsLeftForTheNextLogin) {
  const std::string stored = Stored({.time = 1, .memory_kib = 64});
  books_.out_of_memory = true;
  const PasswordVerdict verdict = checker_->Check(right_, stored);
  EXPECT_TRUE(verdict.matches);
  EXPECT_FALSE(verdict.upgraded_phc.has_value());
}

TEST_F(PasswordCheckerTest, AnUnreadableStoredHashNeverMatchesAndCostsTheSame) {
  const auto hostile = ReadVectors("argon2id.json").at("phc_must_be_refused");
  EXPECT_EQ(hostile.size(), 28u);
  for (const auto& row : hostile) {
    SCOPED_TRACE(row.at("name").get<std::string>());
    books_ = {};
    const std::string phc = row.at("phc");
    EXPECT_FALSE(checker_->Check(right_, phc).matches);
    // The dummy, once; never the bomb.
    EXPECT_EQ(books_.work, kConfigured.Work());
    EXPECT_EQ(books_.largest_kib, kConfigured.memory_kib);
    EXPECT_EQ(books_.calls, 1);
  }
}

TEST_F(PasswordCheckerTest, HashesPasswordsOfOneToTheMostBytes) {
  EXPECT_EQ(checker_->Hash(SecretBytes()).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(checker_->Hash(SecretBytes(size_t{1})).ok());
  EXPECT_TRUE(checker_->Hash(SecretBytes(kMaxPasswordBytes)).ok());
  EXPECT_EQ(checker_->Hash(SecretBytes(kMaxPasswordBytes + 1)).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(PasswordCheckerTest, IsNotMadeAtACostOutOfBounds) {
  books_ = {};
  const auto checker = PasswordChecker::Create(
      {.time = 0, .memory_kib = 8}, std::make_unique<CountingHasher>(books_));
  EXPECT_EQ(checker.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(books_.calls, 0);
}

TEST_F(PasswordCheckerTest, IsNotMadeWithoutMemoryForOneHash) {
  books_.out_of_memory = true;
  const auto checker = PasswordChecker::Create(
      kConfigured, std::make_unique<CountingHasher>(books_));
  EXPECT_EQ(checker.status().code(), absl::StatusCode::kResourceExhausted);
}

// A hasher whose hashes nothing matches.
class BrokenHasher final : public Hasher {
 public:
  absl::StatusOr<std::string> Hash(const SecretBytes&,
                                   const HashCost& cost) const override {
    return FormatPhc({.cost = cost,
                      .lanes = 1,
                      .salt = std::string(16, 's'),
                      .tag = std::string(32, 't')});
  }
  bool Matches(const SecretBytes&, const PhcHash&) const override {
    return false;
  }
};

TEST(PasswordChecker, IsNotMadeOverAHasherThatComputesWrongly) {
  const auto checker =
      PasswordChecker::Create(kConfigured, std::make_unique<BrokenHasher>());
  EXPECT_EQ(checker.status().code(), absl::StatusCode::kInternal);
}

TEST(PasswordChecker, WorksOverLibsodium) {
  auto checker = PasswordChecker::Create({.time = 1, .memory_kib = 64});
  ASSERT_TRUE(checker.ok()) << checker.status();
  const SecretBytes password(absl::string_view("correct horse"));
  const auto phc = checker->Hash(password);
  ASSERT_TRUE(phc.ok());
  EXPECT_TRUE(checker->Check(password, *phc).matches);
  EXPECT_FALSE(checker->Check(SecretBytes(size_t{3}), *phc).matches);
  checker->CheckUnknown(password);
  const auto weak = SodiumHasher::Create().value()->Hash(
      password, {.time = 1, .memory_kib = 8});
  const PasswordVerdict verdict = checker->Check(password, *weak);
  EXPECT_TRUE(verdict.matches);
  ASSERT_TRUE(verdict.upgraded_phc.has_value());
  EXPECT_TRUE(checker->Check(password, *verdict.upgraded_phc).matches);
}

}  // namespace
}  // namespace latchkey
