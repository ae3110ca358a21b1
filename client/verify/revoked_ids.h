#ifndef LATCHKEY_CLIENT_VERIFY_REVOKED_IDS_H_
#define LATCHKEY_CLIENT_VERIFY_REVOKED_IDS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/time/time.h"

#include "client/base/reader_gate.h"

namespace latchkey {

// RevokedIds maps ids of 16 bytes to the lowest generation that is still good
// of each. One thread writes; any number read, without a lock.
//
//   id -> hash -> shard -> tags:  | 8 bits of the hash | ...      1 byte each
//                          slots: | id 16 | lowest_good 8 | drop_time 8 |  32
//
// Tags are probed one after the other, and a slot is looked at only if its tag
// fits: what is not there, the common case, is found absent in a line or two of
// an array that is small enough to stay in a cache near the processor.
//
// A slot is filled in once, its tag last, and is then only ever raised, so a
// reader sees a whole one or none. A shard that is full is written anew
// without what may be dropped, and its old slots are retired at the gate: only
// one shard of 64 exists twice at a time.
//
// Ids come from a server's random generator: they are not chosen so as to fall
// into one place.
class RevokedIds {
 public:
  using Id = std::array<uint8_t, 16>;
  // Stands for "no generation is good".
  static constexpr uint64_t kNone = UINT64_MAX;

  // `gate` must outlive it.
  explicit RevokedIds(ReaderGate& gate) : gate_(gate) {}
  ~RevokedIds();
  RevokedIds(const RevokedIds&) = delete;
  RevokedIds& operator=(const RevokedIds&) = delete;

  // LowestGood returns the lowest generation that is still good of `id`: 0 if
  // all are. It may still know what could be dropped.
  // REQUIRES: within a visit of the gate.
  uint64_t LowestGood(const Id& id) const;

  // The rest belongs to the writer.

  // Raise makes `lowest_good`, at least 1, the lowest generation still good,
  // and keeps it until `drop_time`, unless more is known already. `now` is as
  // of Sweep.
  void Raise(const Id& id, uint64_t lowest_good, absl::Time drop_time,
             absl::Time now);

  // Sweep frees, in one shard after another, what may be dropped at `now`:
  // an entry is kept while now < drop_time. A call takes one shard.
  void Sweep(absl::Time now);

  // Calls of Sweep that go once over everything.
  static constexpr size_t kShards = 64;

  // size returns how many ids are known; Bytes what they take.
  size_t size() const { return size_; }
  size_t Bytes() const { return sizeof(*this) + bytes_; }

 private:
  struct Slot {
    std::atomic<uint64_t> high{0};
    std::atomic<uint64_t> low{0};
    std::atomic<uint64_t> lowest_good{0};
    // Microseconds since 1970, cut up. The writer's alone.
    int64_t drop_micros = 0;
  };
  struct Shard;

  // Between kMinLoad and kMaxLoad of the slots are taken: 51 to 62 bytes an
  // entry, and five tags on the average to find that one is absent.
  static constexpr double kMaxLoad = 0.65;
  static constexpr double kMinLoad = 0.535;
  static constexpr size_t kMinSlots = 4;

  // Puts an entry into slots that have room and not this id.
  static void Fill(Shard& shard, uint64_t high, uint64_t low,
                   uint64_t lowest_good, int64_t drop_micros);
  static Slot* Find(const Shard& shard, uint64_t high, uint64_t low);
  // Writes shard `index` anew, without what may be dropped, with room.
  void Rebuild(size_t index, int64_t now_micros);

  ReaderGate& gate_;
  // Null where nothing came yet.
  std::array<std::atomic<Shard*>, kShards> shards_ = {};
  size_t next_swept_ = 0;
  size_t size_ = 0;
  size_t bytes_ = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_VERIFY_REVOKED_IDS_H_
