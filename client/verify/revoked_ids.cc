#include "client/verify/revoked_ids.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

namespace latchkey {
namespace {

struct Words {
  uint64_t high;
  uint64_t low;
};

Words WordsOf(const RevokedIds::Id& id) {
  Words words;
  std::memcpy(&words.high, id.data(), 8);
  std::memcpy(&words.low, id.data() + 8, 8);
  return words;
}

uint64_t Mix(uint64_t high, uint64_t low) {
  const uint64_t mixed = (high ^ (low << 32 | low >> 32)) * 0x9E3779B97F4A7C15u;
  return mixed ^ mixed >> 32;
}

size_t ShardOf(uint64_t mixed) { return mixed % RevokedIds::kShards; }

// Scales 32 bits, of which the shard uses none, to 0..slots - 1.
size_t SlotOf(uint64_t mixed, size_t slots) {
  return static_cast<size_t>((mixed >> 32) * uint64_t{slots} >> 32);
}

// 0 is the tag of a free slot.
uint8_t TagOf(uint64_t mixed) {
  const auto bits = static_cast<uint8_t>(mixed >> 8);
  return bits == 0 ? 1 : bits;
}

int64_t CutUp(absl::Time time) {
  const int64_t micros = absl::ToUnixMicros(time);
  if (micros == std::numeric_limits<int64_t>::max()) return micros;
  return absl::FromUnixMicros(micros) < time ? micros + 1 : micros;
}

}  // namespace

struct RevokedIds::Shard {
  explicit Shard(size_t slot_count)
      : size(slot_count),
        tags(new std::atomic<uint8_t>[slot_count]()),
        slots(new Slot[slot_count]) {}

  size_t Bytes() const { return sizeof(*this) + size * (sizeof(Slot) + 1); }
  size_t After(size_t i) const { return i + 1 < size ? i + 1 : 0; }
  bool IsTaken(size_t i) const {
    return tags[i].load(std::memory_order_acquire) != 0;
  }

  const size_t size;
  size_t used = 0;  // the writer's
  const std::unique_ptr<std::atomic<uint8_t>[]> tags;
  const std::unique_ptr<Slot[]> slots;
};

RevokedIds::~RevokedIds() {
  for (const std::atomic<Shard*>& shard : shards_) {
    delete shard.load(std::memory_order_acquire);
  }
}

uint64_t RevokedIds::LowestGood(const Id& id) const {
  const auto [high, low] = WordsOf(id);
  const Shard* const shard =
      shards_[ShardOf(Mix(high, low))].load(std::memory_order_acquire);
  if (shard == nullptr) return 0;
  const Slot* const slot = Find(*shard, high, low);
  return slot == nullptr ? 0
                         : slot->lowest_good.load(std::memory_order_acquire);
}

RevokedIds::Slot* RevokedIds::Find(const Shard& shard, uint64_t high,
                                   uint64_t low) {
  const uint64_t mixed = Mix(high, low);
  const uint8_t sought = TagOf(mixed);
  // Ends, since some slots are always free.
  for (size_t i = SlotOf(mixed, shard.size);; i = shard.After(i)) {
    const uint8_t tag = shard.tags[i].load(std::memory_order_acquire);
    if (tag == 0) return nullptr;
    if (tag != sought) continue;
    Slot& slot = shard.slots[i];
    if (slot.high.load(std::memory_order_relaxed) == high &&
        slot.low.load(std::memory_order_relaxed) == low) {
      return &slot;
    }
  }
}

void RevokedIds::Fill(Shard& shard, uint64_t high, uint64_t low,
                      uint64_t lowest_good, int64_t drop_micros) {
  const uint64_t mixed = Mix(high, low);
  size_t i = SlotOf(mixed, shard.size);
  while (shard.IsTaken(i)) i = shard.After(i);
  Slot& slot = shard.slots[i];
  slot.drop_micros = drop_micros;
  slot.high.store(high, std::memory_order_relaxed);
  slot.low.store(low, std::memory_order_relaxed);
  slot.lowest_good.store(lowest_good, std::memory_order_relaxed);
  shard.tags[i].store(TagOf(mixed), std::memory_order_release);
  ++shard.used;
}

void RevokedIds::Raise(const Id& id, uint64_t lowest_good, absl::Time drop_time,
                       absl::Time now) {
  const auto [high, low] = WordsOf(id);
  const size_t index = ShardOf(Mix(high, low));
  const int64_t drop_micros = CutUp(drop_time);
  Shard* shard = shards_[index].load(std::memory_order_relaxed);
  if (shard != nullptr) {
    if (Slot* const known = Find(*shard, high, low); known != nullptr) {
      known->drop_micros = std::max(known->drop_micros, drop_micros);
      if (lowest_good > known->lowest_good.load(std::memory_order_relaxed)) {
        known->lowest_good.store(lowest_good, std::memory_order_release);
      }
      return;
    }
  }
  if (shard == nullptr || static_cast<double>(shard->used + 1) >
                              kMaxLoad * static_cast<double>(shard->size)) {
    Rebuild(index, absl::ToUnixMicros(now));
    shard = shards_[index].load(std::memory_order_relaxed);
  }
  Fill(*shard, high, low, lowest_good, drop_micros);
  ++size_;
}

void RevokedIds::Sweep(absl::Time now) {
  const int64_t now_micros = absl::ToUnixMicros(now);
  const size_t index = next_swept_;
  next_swept_ = (next_swept_ + 1) % kShards;
  const Shard* const shard = shards_[index].load(std::memory_order_relaxed);
  if (shard == nullptr) return;
  size_t droppable = 0;
  for (size_t i = 0; i < shard->size; ++i) {
    if (shard->IsTaken(i) && now_micros >= shard->slots[i].drop_micros) {
      ++droppable;
    }
  }
  // A few are not worth writing all others anew.
  if (droppable > 0 && droppable * 8 >= shard->used) Rebuild(index, now_micros);
}

void RevokedIds::Rebuild(size_t index, int64_t now_micros) {
  Shard* const old = shards_[index].load(std::memory_order_relaxed);
  const auto is_kept = [&](size_t i) {
    return old->IsTaken(i) && now_micros < old->slots[i].drop_micros;
  };
  size_t kept = 0;
  for (size_t i = 0; old != nullptr && i < old->size; ++i) {
    if (is_kept(i)) ++kept;
  }
  auto fresh = std::make_unique<Shard>(std::max(
      kMinSlots,
      static_cast<size_t>(static_cast<double>(kept + 1) / kMinLoad) + 1));
  for (size_t i = 0; old != nullptr && i < old->size; ++i) {
    const Slot& slot = old->slots[i];
    if (!is_kept(i)) continue;
    Fill(*fresh, slot.high.load(std::memory_order_relaxed),
         slot.low.load(std::memory_order_relaxed),
         slot.lowest_good.load(std::memory_order_relaxed), slot.drop_micros);
  }
  size_ += kept;
  bytes_ += fresh->Bytes();
  shards_[index].store(fresh.release(), std::memory_order_release);
  if (old == nullptr) return;
  size_ -= old->used;
  bytes_ -= old->Bytes();
  gate_.Retire(std::shared_ptr<const Shard>(old));
}

}  // namespace latchkey
