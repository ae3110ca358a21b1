#ifndef LATCHKEY_CLIENT_VERIFY_VERDICT_CACHE_H_
#define LATCHKEY_CLIENT_VERIFY_VERDICT_CACHE_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "client/base/mutex.h"
#include "client/verify/key_set.h"
#include "client/verify/token_hash.h"

namespace latchkey {

// VerdictCache remembers which tokens were found good, so that a token seen
// before costs a hash instead of a signature check. What it lets in is the
// whole text: a token that differs in one byte, the signature's too, is another
// token. It keeps no text.
//
// A hit means: this very text was judged good under this very key set, and is
// so at `now`. It does not mean that the session or account still stands, nor
// that the caller's expectations are the ones it was judged by: whoever asks
// checks the first anew and uses one cache per set of expectations.
//
// Only good tokens may be put in. A refusal must never be remembered by text,
// since one token has several spellings.
//
//   text -> hash -> shard -> bucket: | 8 hashes | 8 verdicts and their times |
//
// Each shard holds entries of one key set at a time and forgets them when it is
// asked with another. A bucket evicts by second chance: what was asked for
// since the hand last passed stays. A hit allocates nothing; a lock is held
// for one bucket's work, and for no destructor of more than one verdict.
//
// Verdict: default-constructible, nothrow movable, cheap to copy; copied under
// a lock. Safe from any thread.
template <typename Verdict>
class VerdictCache {
 public:
  struct Options {
    // Entries over all shards; at least kBucketEntries.
    size_t max_entries = 65536;
    // A power of two; more shards, less waiting. Fewer are made if there would
    // not be a bucket for each.
    size_t shards = 16;
  };

  // When a verdict stands: from `from` on, and no longer at `until`. Skew that
  // is allowed is already in it.
  struct Good {
    absl::Time from;
    absl::Time until;
  };

  // Entries of which one is evicted for another.
  static constexpr size_t kBucketEntries = 8;

  // EntriesWithin returns how many entries fit into so much memory.
  static constexpr size_t EntriesWithin(size_t bytes) {
    return bytes / (sizeof(Bucket) + kBucketOverhead) * kBucketEntries;
  }

  explicit VerdictCache(const Options& options)
      : shard_mask_(ShardsFor(options) - 1),
        buckets_(std::max<size_t>(
            1, options.max_entries / kBucketEntries / (shard_mask_ + 1))),
        shards_(new Shard[shard_mask_ + 1]) {}

  // Find returns the verdict on `token`, if it was found good under `keys` and
  // is so at `now`. A null `keys` has no verdicts.
  std::optional<Verdict> Find(absl::string_view token,
                              const std::shared_ptr<const KeySet>& keys,
                              absl::Time now) {
    if (keys == nullptr) return std::nullopt;
    const TokenHash hash = hasher_.Hash(token);
    return ShardOf(hash).Find(hash, BucketOf(hash), keys, now);
  }

  // Insert remembers that `token` was found good under `keys`, while `good`
  // lasts, over what was known of it. A null `keys` is ignored.
  void Insert(absl::string_view token,
              const std::shared_ptr<const KeySet>& keys, const Good& good,
              Verdict verdict) {
    if (keys == nullptr) return;
    const TokenHash hash = hasher_.Hash(token);
    ShardOf(hash).Insert(hash, BucketOf(hash), buckets_, keys, good,
                         std::move(verdict));
  }

  // Capacity returns how many entries it holds at most.
  size_t Capacity() const {
    return (shard_mask_ + 1) * buckets_ * kBucketEntries;
  }

  // MaxBytes returns the memory it takes when full, without what verdicts
  // point to; memory is taken bucket by bucket as entries come.
  size_t MaxBytes() const {
    return (shard_mask_ + 1) *
           (sizeof(Shard) + buckets_ * (sizeof(Bucket) + kBucketOverhead));
  }

  // Entries returns how many it holds now.
  size_t Entries() const {
    size_t entries = 0;
    for (size_t i = 0; i <= shard_mask_; ++i) entries += shards_[i].Entries();
    return entries;
  }

  // Counters since it was made, of Find.
  struct Counts {
    uint64_t hits = 0;
    uint64_t misses = 0;
  };
  Counts counts() const {
    Counts counts;
    for (size_t i = 0; i <= shard_mask_; ++i) {
      const Counts shard = shards_[i].counts();
      counts.hits += shard.hits;
      counts.misses += shard.misses;
    }
    return counts;
  }

 private:
  static_assert(std::is_default_constructible_v<Verdict>);
  static_assert(std::is_nothrow_move_assignable_v<Verdict>);

  // The pointer to a bucket, and what malloc keeps beside it.
  static constexpr size_t kBucketOverhead = 2 * sizeof(void*);

  struct Entry {
    // Microseconds since 1970: `from` cut up and `until` cut down, so that no
    // verdict stands longer than it was given.
    int64_t from_micros = 0;
    int64_t until_micros = 0;
    Verdict verdict{};
  };

  // Hashes lie together, so that looking through them touches two or three
  // cache lines.
  struct Bucket {
    std::array<std::array<uint64_t, 2>, kBucketEntries> bits = {};
    std::array<uint32_t, kBucketEntries> lengths = {};
    uint8_t used = 0;        // a bit per entry
    uint8_t referenced = 0;  // a bit per entry: asked for since the hand passed
    uint8_t hand = 0;
    std::array<Entry, kBucketEntries> entries = {};

    // The place of `hash`, or kBucketEntries.
    size_t PlaceOf(const TokenHash& hash) const {
      for (size_t i = 0; i < kBucketEntries; ++i) {
        if (bits[i] == hash.bits && lengths[i] == hash.length &&
            (used >> i & 1) != 0) {
          return i;
        }
      }
      return kBucketEntries;
    }

    // A place to put an entry; the hand makes one when all are taken.
    size_t FreePlace() {
      for (size_t i = 0; i < kBucketEntries; ++i) {
        if ((used >> i & 1) == 0) return i;
      }
      while ((referenced >> hand & 1) != 0) {
        referenced &= static_cast<uint8_t>(~(1u << hand));
        hand = (hand + 1) % kBucketEntries;
      }
      const size_t place = hand;
      hand = (hand + 1) % kBucketEntries;
      return place;
    }
  };
  static_assert(kBucketEntries == 8, "`used` and `referenced` have 8 bits");

  using Buckets = std::vector<std::unique_ptr<Bucket>>;

  class Shard {
   public:
    std::optional<Verdict> Find(const TokenHash& hash, size_t index,
                                const std::shared_ptr<const KeySet>& keys,
                                absl::Time now) {
      // Declared before the lock: destroyed after it was let go.
      Contents forgotten;
      Verdict expired{};
      MutexLock lock(&mutex_);
      ++counts_.misses;  // until it is found
      if (contents_.keys != keys) {
        forgotten = ForgetFor(keys);
        return std::nullopt;
      }
      if (contents_.buckets.empty()) return std::nullopt;
      Bucket* const bucket = contents_.buckets[index].get();
      if (bucket == nullptr) return std::nullopt;
      const size_t place = bucket->PlaceOf(hash);
      if (place == kBucketEntries) return std::nullopt;
      Entry& entry = bucket->entries[place];
      const int64_t now_micros = absl::ToUnixMicros(now);
      if (now_micros >= entry.until_micros) {
        std::swap(expired, entry.verdict);
        bucket->used &= static_cast<uint8_t>(~(1u << place));
        --contents_.entries;
        return std::nullopt;
      }
      if (now_micros < entry.from_micros) return std::nullopt;
      bucket->referenced |= static_cast<uint8_t>(1u << place);
      --counts_.misses;
      ++counts_.hits;
      return entry.verdict;
    }

    void Insert(const TokenHash& hash, size_t index, size_t buckets,
                const std::shared_ptr<const KeySet>& keys, const Good& good,
                Verdict verdict) {
      Contents forgotten;  // destroyed after the lock, as is what is replaced
      MutexLock lock(&mutex_);
      if (contents_.keys != keys) forgotten = ForgetFor(keys);
      if (contents_.buckets.empty()) contents_.buckets.resize(buckets);
      std::unique_ptr<Bucket>& bucket = contents_.buckets[index];
      if (bucket == nullptr) bucket = std::make_unique<Bucket>();
      size_t place = bucket->PlaceOf(hash);
      if (place == kBucketEntries) place = bucket->FreePlace();
      const auto bit = static_cast<uint8_t>(1u << place);
      bucket->bits[place] = hash.bits;
      bucket->lengths[place] = hash.length;
      if ((bucket->used & bit) == 0) ++contents_.entries;
      bucket->used |= bit;
      bucket->referenced &= static_cast<uint8_t>(~bit);
      Entry& entry = bucket->entries[place];
      entry.from_micros = CutUp(good.from);
      entry.until_micros = absl::ToUnixMicros(good.until);
      std::swap(entry.verdict, verdict);
    }

    size_t Entries() const {
      MutexLock lock(&mutex_);
      return contents_.entries;
    }

    Counts counts() const {
      MutexLock lock(&mutex_);
      return counts_;
    }

   private:
    // What the shard knows, and the set it was judged under, held so that no
    // other set can come to lie at its address.
    struct Contents {
      std::shared_ptr<const KeySet> keys;
      Buckets buckets;     // empty, or all of them; null where nothing came yet
      size_t entries = 0;  // in all of them
    };

    // Leaves the shard empty for `keys`. What was in it goes to the caller, to
    // be destroyed without the lock.
    Contents ForgetFor(const std::shared_ptr<const KeySet>& keys)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return std::exchange(contents_,
                           Contents{.keys = keys, .buckets = {}, .entries = 0});
    }

    mutable Mutex mutex_;
    Contents contents_ ABSL_GUARDED_BY(mutex_);
    Counts counts_ ABSL_GUARDED_BY(mutex_);
  };

  static size_t ShardsFor(const Options& options) {
    size_t shards = options.shards;
    while (shards > 1 && shards * kBucketEntries > options.max_entries) {
      shards /= 2;
    }
    return shards;
  }

  static int64_t CutUp(absl::Time time) {
    const int64_t micros = absl::ToUnixMicros(time);
    // The last one stands for all that is later, too.
    if (micros == std::numeric_limits<int64_t>::max()) return micros;
    return absl::FromUnixMicros(micros) < time ? micros + 1 : micros;
  }

  Shard& ShardOf(const TokenHash& hash) const {
    return shards_[hash.bits[0] & shard_mask_];
  }
  size_t BucketOf(const TokenHash& hash) const {
    // Scales 32 bits, of which the shard uses none, to 0..buckets_ - 1.
    return static_cast<size_t>((hash.bits[1] >> 32) * uint64_t{buckets_} >> 32);
  }

  const TokenHasher hasher_;
  const size_t shard_mask_;
  const size_t buckets_;  // in each shard
  const std::unique_ptr<Shard[]> shards_;
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_VERIFY_VERDICT_CACHE_H_
