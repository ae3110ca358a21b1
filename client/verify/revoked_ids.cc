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

int64_t CutUp(absl::Time time) {
  const int64_t micros = absl::ToUnixMicros(time);
  if (micros == std::numeric_limits<int64_t>::max()) return micros;
  return absl::FromUnixMicros(micros) < time ? micros + 1 : micros;
}

}  // namespace

struct RevokedIds::Shard {
  explicit Shard(size_t slot_count)
      : size(slot_count), slots(new Slot[slot_count]) {}

  size_t Bytes() const { return sizeof(*this) + size * sizeof(Slot); }

  const size_t size;
  size_t used = 0;  // the writer's
  const std::unique_ptr<Slot[]> slots;
};

RevokedIds::~RevokedIds() {
  for (const std::atomic<Shard*>& shard : shards_) {
    delete shard.load(std::memory_order_acquire);
  }
}

uint64_t RevokedIds::LowestGood(const Id& id) const {
  const auto [high, low] = WordsOf(id);
  const uint64_t mixed = Mix(high, low);
  const Shard* const shard =
      shards_[ShardOf(mixed)].load(std::memory_order_acquire);
  if (shard == nullptr) return 0;
  // Ends, since some slots are always free.
  for (size_t i = SlotOf(mixed, shard->size);;
       i = i + 1 < shard->size ? i + 1 : 0) {
    const Slot& slot = shard->slots[i];
    const uint64_t lowest_good =
        slot.lowest_good.load(std::memory_order_acquire);
    if (lowest_good == 0) return 0;
    if (slot.high.load(std::memory_order_relaxed) == high &&
        slot.low.load(std::memory_order_relaxed) == low) {
      return lowest_good;
    }
  }
}

RevokedIds::Slot* RevokedIds::Find(Shard& shard, uint64_t high, uint64_t low) {
  for (size_t i = SlotOf(Mix(high, low), shard.size);;
       i = i + 1 < shard.size ? i + 1 : 0) {
    Slot& slot = shard.slots[i];
    if (slot.lowest_good.load(std::memory_order_relaxed) == 0) return nullptr;
    if (slot.high.load(std::memory_order_relaxed) == high &&
        slot.low.load(std::memory_order_relaxed) == low) {
      return &slot;
    }
  }
}

void RevokedIds::Fill(Shard& shard, uint64_t high, uint64_t low,
                      uint64_t lowest_good, int64_t drop_micros) {
  size_t i = SlotOf(Mix(high, low), shard.size);
  while (shard.slots[i].lowest_good.load(std::memory_order_relaxed) != 0) {
    i = i + 1 < shard.size ? i + 1 : 0;
  }
  Slot& slot = shard.slots[i];
  slot.drop_micros = drop_micros;
  slot.high.store(high, std::memory_order_relaxed);
  slot.low.store(low, std::memory_order_relaxed);
  slot.lowest_good.store(lowest_good, std::memory_order_release);
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
    const Slot& slot = shard->slots[i];
    if (slot.lowest_good.load(std::memory_order_relaxed) != 0 &&
        now_micros >= slot.drop_micros) {
      ++droppable;
    }
  }
  // A few are not worth writing all others anew.
  if (droppable > 0 && droppable * 8 >= shard->used) Rebuild(index, now_micros);
}

void RevokedIds::Rebuild(size_t index, int64_t now_micros) {
  Shard* const old = shards_[index].load(std::memory_order_relaxed);
  const auto is_kept = [&](const Slot& slot) {
    return slot.lowest_good.load(std::memory_order_relaxed) != 0 &&
           now_micros < slot.drop_micros;
  };
  size_t kept = 0;
  for (size_t i = 0; old != nullptr && i < old->size; ++i) {
    if (is_kept(old->slots[i])) ++kept;
  }
  auto fresh = std::make_unique<Shard>(std::max(
      kMinSlots,
      static_cast<size_t>(static_cast<double>(kept + 1) / kMinLoad) + 1));
  for (size_t i = 0; old != nullptr && i < old->size; ++i) {
    const Slot& slot = old->slots[i];
    if (!is_kept(slot)) continue;
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
