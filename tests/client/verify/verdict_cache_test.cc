#include "client/verify/verdict_cache.h"

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "client/verify/jwt_verifier.h"
#include "tests/support/token_maker.h"

namespace latchkey {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1893456000);
const absl::Time kFrom = kNow - absl::Seconds(10);
const absl::Time kUntil = kNow + absl::Seconds(10);

std::shared_ptr<const KeySet> MakeKeys() {
  return std::make_shared<const KeySet>(*KeySet::FromJwks(TokenMaker::kJwks));
}

// A cache of numbers, with a key set to ask with.
class VerdictCacheTest : public ::testing::Test {
 protected:
  using Cache = VerdictCache<uint64_t>;

  void Insert(Cache& cache, absl::string_view token, uint64_t verdict) {
    cache.Insert(token, keys_, {kFrom, kUntil}, verdict);
  }
  std::optional<uint64_t> Find(Cache& cache, absl::string_view token) {
    return cache.Find(token, keys_, kNow);
  }

  const std::shared_ptr<const KeySet> keys_ = MakeKeys();
  Cache cache_{{}};
};

TEST_F(VerdictCacheTest, AnswersWithTheVerdictOnThatToken) {
  EXPECT_EQ(Find(cache_, "a"), std::nullopt);
  Insert(cache_, "a", 1);
  Insert(cache_, "b", 2);
  EXPECT_EQ(Find(cache_, "a"), 1u);
  EXPECT_EQ(Find(cache_, "b"), 2u);
  EXPECT_EQ(Find(cache_, "c"), std::nullopt);
  EXPECT_EQ(cache_.Entries(), 2u);
}

TEST_F(VerdictCacheTest, CountsHitsAndMisses) {
  Insert(cache_, "a", 1);
  EXPECT_EQ(Find(cache_, "a"), 1u);
  EXPECT_EQ(Find(cache_, "a"), 1u);
  EXPECT_EQ(Find(cache_, "b"), std::nullopt);
  // One that has had its time is a miss, and no entry any more.
  EXPECT_EQ(cache_.Find("a", keys_, kUntil), std::nullopt);
  EXPECT_EQ(cache_.counts().hits, 2u);
  EXPECT_EQ(cache_.counts().misses, 2u);
  EXPECT_EQ(cache_.Entries(), 0u);
}

TEST_F(VerdictCacheTest, CountsNoMoreEntriesThanItHas) {
  Cache small({.max_entries = Cache::kBucketEntries, .shards = 1});
  for (int i = 0; i < 100; ++i) Insert(small, absl::StrCat(i), 1);
  EXPECT_EQ(small.Entries(), Cache::kBucketEntries);
  const auto other_keys = MakeKeys();
  EXPECT_EQ(small.Find("99", other_keys, kNow), std::nullopt);
  EXPECT_EQ(small.Entries(), 0u);
}

TEST_F(VerdictCacheTest, TakesTheNewerVerdictOnTheSameToken) {
  Insert(cache_, "a", 1);
  Insert(cache_, "a", 2);
  EXPECT_EQ(Find(cache_, "a"), 2u);
  EXPECT_EQ(cache_.Entries(), 1u);
}

TEST_F(VerdictCacheTest, MissesATokenThatDiffersInOneByteOrInLength) {
  const TokenMaker maker;
  const std::string token = maker.Make(R"({"sub":"alice"})");
  Insert(cache_, token, 1);
  for (size_t i = 0; i < token.size(); ++i) {
    for (const char flip : {'\x01', '\x20', '\x80'}) {
      std::string other = token;
      other[i] ^= flip;
      EXPECT_EQ(Find(cache_, other), std::nullopt) << i;
    }
    EXPECT_EQ(Find(cache_, token.substr(0, i)), std::nullopt) << i;
    EXPECT_EQ(Find(cache_, token.substr(i + 1)), std::nullopt) << i;
  }
  for (const absl::string_view tail : {"=", ".", " ", "\n", "A"}) {
    EXPECT_EQ(Find(cache_, absl::StrCat(token, tail)), std::nullopt);
    EXPECT_EQ(Find(cache_, absl::StrCat(tail, token)), std::nullopt);
  }
  EXPECT_EQ(Find(cache_, token + std::string(1, '\0')), std::nullopt);
  EXPECT_EQ(Find(cache_, token), 1u);
}

TEST_F(VerdictCacheTest, MissesTheSamePayloadUnderAnotherSignature) {
  const TokenMaker maker;
  const std::string token = maker.Make(R"({"sub":"alice","jti":"1"})");
  const std::string other = maker.Make(R"({"sub":"mallory","jti":"1"})");
  Insert(cache_, token, 1);
  ASSERT_EQ(Find(cache_, token), 1u);  // warm
  const std::string signed_part = token.substr(0, token.rfind('.'));
  const std::string foreign = other.substr(other.rfind('.'));
  EXPECT_EQ(Find(cache_, signed_part + foreign), std::nullopt);
  EXPECT_EQ(Find(cache_, signed_part + "."), std::nullopt);
  EXPECT_EQ(Find(cache_, signed_part), std::nullopt);
  // The same signature in another spelling: the last digit has unused bits.
  std::string respelled = token;
  ++respelled.back();
  EXPECT_EQ(Find(cache_, respelled), std::nullopt);
}

TEST_F(VerdictCacheTest, MissesTheSameJtiWithOtherClaims) {
  const TokenMaker maker;
  Insert(cache_, maker.Make(R"({"sub":"alice","jti":"1"})"), 1);
  EXPECT_EQ(Find(cache_, maker.Make(R"({"sub":"mallory","jti":"1"})")),
            std::nullopt);
  EXPECT_EQ(Find(cache_, maker.Make(R"({"jti":"1","sub":"alice"})")),
            std::nullopt);
}

TEST_F(VerdictCacheTest, ExpiryIsTheFirstInstantThatIsTooLate) {
  for (const absl::Duration until :
       {absl::Seconds(10), absl::Microseconds(10), absl::Nanoseconds(10000)}) {
    const absl::Time end = kNow + until;
    const auto find = [&](absl::Time now) {
      Cache cache({});
      cache.Insert("a", keys_, {kFrom, end}, 1);
      return cache.Find("a", keys_, now);
    };
    EXPECT_EQ(find(end - absl::Microseconds(1)), 1u);
    EXPECT_EQ(find(end - absl::Nanoseconds(1)), 1u);
    EXPECT_EQ(find(end), std::nullopt);
    EXPECT_EQ(find(end + absl::Nanoseconds(1)), std::nullopt);
    EXPECT_EQ(find(absl::InfiniteFuture()), std::nullopt);
  }
}

TEST_F(VerdictCacheTest, BeginsAtTheInstantGiven) {
  cache_.Insert("a", keys_, {kNow, kUntil}, 1);
  EXPECT_EQ(cache_.Find("a", keys_, kNow - absl::Nanoseconds(1)), std::nullopt);
  EXPECT_EQ(cache_.Find("a", keys_, kNow), 1u);
  EXPECT_EQ(cache_.Find("a", keys_, kNow + absl::Nanoseconds(1)), 1u);
  // Too early is no reason to forget.
  EXPECT_EQ(cache_.Find("a", keys_, absl::InfinitePast()), std::nullopt);
  EXPECT_EQ(cache_.Find("a", keys_, kNow), 1u);
}

TEST_F(VerdictCacheTest, IsNeverGoodLongerThanGivenAtFinerTimes) {
  const absl::Duration fine = absl::Nanoseconds(1500);
  cache_.Insert("a", keys_, {kNow + fine, kNow + absl::Seconds(1) + fine}, 1);
  EXPECT_EQ(cache_.Find("a", keys_, kNow + absl::Nanoseconds(1499)),
            std::nullopt);
  EXPECT_EQ(cache_.Find("a", keys_, kNow + absl::Microseconds(2)), 1u);
  EXPECT_EQ(cache_.Find("a", keys_, kNow + absl::Seconds(1) + fine),
            std::nullopt);
}

TEST_F(VerdictCacheTest, TimesWithoutEndStayWithoutEnd) {
  cache_.Insert("always", keys_, {absl::InfinitePast(), absl::InfiniteFuture()},
                1);
  cache_.Insert("never", keys_,
                {absl::InfiniteFuture(), absl::InfiniteFuture()}, 2);
  EXPECT_EQ(Find(cache_, "always"), 1u);
  EXPECT_EQ(Find(cache_, "never"), std::nullopt);
}

TEST_F(VerdictCacheTest, AnExpiredVerdictIsForgottenWhenAskedFor) {
  Insert(cache_, "a", 1);
  EXPECT_EQ(cache_.Find("a", keys_, kUntil), std::nullopt);
  EXPECT_EQ(cache_.Entries(), 0u);
  EXPECT_EQ(Find(cache_, "a"), std::nullopt);
}

TEST_F(VerdictCacheTest, AnotherKeySetForgetsAll) {
  Cache cache({.max_entries = 8, .shards = 1});
  Insert(cache, "a", 1);
  // The same keys in another set are another set.
  const auto other = MakeKeys();
  EXPECT_EQ(cache.Find("a", other, kNow), std::nullopt);
  EXPECT_EQ(cache.Entries(), 0u);
  EXPECT_EQ(cache.Find("a", keys_, kNow), std::nullopt);
}

TEST_F(VerdictCacheTest, InsertUnderAnotherKeySetForgetsAll) {
  Cache cache({.max_entries = 8, .shards = 1});
  Insert(cache, "a", 1);
  const auto other = MakeKeys();
  cache.Insert("b", other, {kFrom, kUntil}, 2);
  EXPECT_EQ(cache.Entries(), 1u);
  EXPECT_EQ(cache.Find("b", other, kNow), 2u);
  EXPECT_EQ(cache.Find("a", other, kNow), std::nullopt);
  EXPECT_EQ(Find(cache, "b"), std::nullopt);
}

TEST_F(VerdictCacheTest, AVerdictOutlivesNoKeySetAtTheSameAddress) {
  Cache cache({.max_entries = 8, .shards = 1});
  auto first = MakeKeys();
  const std::weak_ptr<const KeySet> watched = first;
  cache.Insert("a", first, {kFrom, kUntil}, 1);
  first.reset();
  EXPECT_FALSE(watched.expired());  // so its address is not free
  EXPECT_EQ(Find(cache, "a"), std::nullopt);
  EXPECT_TRUE(watched.expired());
}

TEST_F(VerdictCacheTest, WithoutKeysNothingIsKnownOrLearnt) {
  Insert(cache_, "a", 1);
  cache_.Insert("b", nullptr, {kFrom, kUntil}, 2);
  EXPECT_EQ(cache_.Find("a", nullptr, kNow), std::nullopt);
  EXPECT_EQ(cache_.Find("b", nullptr, kNow), std::nullopt);
  EXPECT_EQ(Find(cache_, "b"), std::nullopt);
  EXPECT_EQ(Find(cache_, "a"), 1u);
}

TEST_F(VerdictCacheTest, EvictionKeepsTheBound) {
  for (const auto& [entries, shards, capacity] :
       std::vector<std::array<size_t, 3>>{{1, 1, 8},
                                          {8, 16, 8},
                                          {100, 4, 96},
                                          {1024, 16, 1024},
                                          {1000, 1, 1000}}) {
    Cache cache({.max_entries = entries, .shards = shards});
    EXPECT_EQ(cache.Capacity(), capacity);
    for (uint64_t i = 0; i < 4 * capacity; ++i) {
      Insert(cache, absl::StrCat(i), i);
      ASSERT_EQ(Find(cache, absl::StrCat(i)), i);
    }
    EXPECT_LE(cache.Entries(), capacity);
    EXPECT_GE(cache.Entries(), capacity / 2);
  }
}

TEST_F(VerdictCacheTest, WhatWasAskedForGetsASecondChance) {
  Cache cache({.max_entries = Cache::kBucketEntries, .shards = 1});
  for (uint64_t i = 0; i < Cache::kBucketEntries; ++i) {
    Insert(cache, absl::StrCat(i), i);
  }
  ASSERT_EQ(Find(cache, "0"), 0u);
  Insert(cache, "new", 100);
  EXPECT_EQ(Find(cache, "1"), std::nullopt);  // the first not asked for
  EXPECT_EQ(Find(cache, "0"), 0u);
  EXPECT_EQ(Find(cache, "new"), 100u);
  // All asked for: the hand takes every mark and evicts one.
  for (const char* token : {"2", "3", "4", "5", "6", "7"}) {
    ASSERT_NE(Find(cache, token), std::nullopt);
  }
  Insert(cache, "newer", 101);
  EXPECT_EQ(cache.Entries(), Cache::kBucketEntries);
  EXPECT_EQ(Find(cache, "newer"), 101u);
}

TEST_F(VerdictCacheTest, AFreedPlaceIsTakenBeforeAnyIsEvicted) {
  Cache cache({.max_entries = Cache::kBucketEntries, .shards = 1});
  cache.Insert("brief", keys_, {kFrom, kNow}, 99);
  for (uint64_t i = 1; i < Cache::kBucketEntries; ++i) {
    Insert(cache, absl::StrCat(i), i);
  }
  EXPECT_EQ(Find(cache, "brief"), std::nullopt);
  Insert(cache, "new", 100);
  for (uint64_t i = 1; i < Cache::kBucketEntries; ++i) {
    EXPECT_EQ(Find(cache, absl::StrCat(i)), i);
  }
}

// What the server keeps: ids, a generation and a key.
struct Numbers {
  std::array<uint8_t, 72> bytes;
};

TEST(VerdictCache, MemoryIsKnownBeforeIt) {
  VerdictCache<Numbers> cache({.max_entries = 65536, .shards = 16});
  EXPECT_EQ(cache.Capacity(), 65536u);
  // Hash, length, times, and a little for the bucket.
  EXPECT_LE(cache.MaxBytes() / cache.Capacity(), 72 + 16 + 4 + 16 + 8);
  EXPECT_GE(cache.MaxBytes() / cache.Capacity(), 72 + 16 + 4 + 16);
}

TEST(VerdictCache, LetsGoOfWhatItForgets) {
  const auto keys = MakeKeys();
  VerdictCache<std::shared_ptr<const VerifiedClaims>> cache(
      {.max_entries = 8, .shards = 1});
  const auto claims = std::make_shared<const VerifiedClaims>();
  cache.Insert("a", keys, {kFrom, kUntil}, claims);
  EXPECT_EQ(*cache.Find("a", keys, kNow), claims);
  EXPECT_EQ(claims.use_count(), 2);
  EXPECT_EQ(cache.Find("a", keys, kUntil), std::nullopt);  // expired
  EXPECT_EQ(claims.use_count(), 1);
  cache.Insert("a", keys, {kFrom, kUntil}, claims);
  cache.Insert("a", keys, {kFrom, kUntil}, nullptr);  // replaced
  EXPECT_EQ(claims.use_count(), 1);
  cache.Insert("b", keys, {kFrom, kUntil}, claims);
  EXPECT_EQ(cache.Find("b", MakeKeys(), kNow), std::nullopt);  // other keys
  EXPECT_EQ(claims.use_count(), 1);
}

// What f(token) is for the model below, under a key set.
struct Judged {
  uint64_t token = 0;
  const KeySet* keys = nullptr;
  absl::Time until;
};

TEST(VerdictCache, ManyThreadsGetNoVerdictOfAnotherTokenSetOrTime) {
  constexpr uint64_t kTokens = 400;  // of which 128 fit
  constexpr int kRounds = 20000;
  constexpr int kThreads = 4;
  VerdictCache<Judged> cache({.max_entries = 128, .shards = 4});
  // Held to the end, so that an address is one set.
  const std::vector<std::shared_ptr<const KeySet>> sets = {MakeKeys(),
                                                           MakeKeys()};
  std::atomic<size_t> current = 0;
  std::atomic<uint64_t> hits = 0, wrong = 0;
  const auto work = [&](int seed) {
    std::mt19937_64 random(static_cast<uint64_t>(seed));
    for (int round = 0; round < kRounds; ++round) {
      if (random() % 1000 == 0) current = random() % sets.size();
      const auto& keys = sets[current];
      // The lower tokens are asked for more often.
      const uint64_t token = random() % (1 + random() % kTokens);
      const absl::Time now = kNow + absl::Microseconds(random() % 1000);
      const std::string text = absl::StrCat("token ", token);
      if (const auto verdict = cache.Find(text, keys, now)) {
        ++hits;
        if (verdict->token != token || verdict->keys != keys.get() ||
            now >= verdict->until) {
          ++wrong;
        }
      } else {
        const absl::Time until = now + absl::Microseconds(random() % 1000);
        cache.Insert(text, keys, {now, until}, {token, keys.get(), until});
      }
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back(work, i);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0u);
  EXPECT_GT(hits, 1000u);
  EXPECT_LE(cache.Entries(), cache.Capacity());
}

}  // namespace
}  // namespace latchkey
