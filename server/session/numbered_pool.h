#ifndef LATCHKEY_SERVER_SESSION_NUMBERED_POOL_H_
#define LATCHKEY_SERVER_SESSION_NUMBERED_POOL_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <vector>

#include "client/base/mutex.h"
#include "server/session/pages.h"

namespace latchkey {

// NumberedPool is memory for values of T, each named by a number of four bytes:
// half of a pointer, for who keeps millions of them. What is given back is used
// again; all of it goes back to the system with the pool, which does not look
// whether anything still lies in it.
//
// Places are in slabs, each twice as large as the one before and none ever
// moved. What of a slab was not used yet takes no memory. The kernel is asked
// for huge pages: where a look-up touches memory that no cache of the processor
// has, to find the page costs as much as the rest.
//
// Safe from any thread; At takes no lock.
template <typename T>
class NumberedPool {
 public:
  using Number = uint32_t;

  NumberedPool() = default;
  NumberedPool(const NumberedPool&) = delete;
  NumberedPool& operator=(const NumberedPool&) = delete;
  ~NumberedPool() {
    for (size_t slab = 0; slab < kSlabs; ++slab) {
      Place* const places = slabs_[slab].load(std::memory_order_relaxed);
      if (IsInPages(slab)) {
        FreePages(places);
      } else {
        ::operator delete(places, kAlignment);
      }
    }
  }

  // Take returns a place that nobody has, with nothing constructed in it. Ends
  // the process when all numbers are taken.
  Number Take() {
    MutexLock lock(&mutex_);
    if (!free_.empty()) {
      const Number number = free_.back();
      free_.pop_back();
      return number;
    }
    const Position position = PositionOf(next_);
    if (position.slab == kSlabs) std::abort();
    if (position.place == 0) AddSlab(position.slab);
    return next_++;
  }

  // GiveBack frees a place of Take, in which nothing is constructed any more.
  void GiveBack(Number number) {
    MutexLock lock(&mutex_);
    free_.push_back(number);
  }

  // GiveBackPages is GiveBack, and has the kernel take the memory until it is
  // used again. T must be aligned to pages of 4 KiB; where pages are larger,
  // the neighbours' memory is in them too, and it is GiveBack only.
  void GiveBackPages(Number number) {
    static_assert(alignof(T) % kPageBytes == 0);
    ReturnPages(At(number), sizeof(Place));
    GiveBack(number);
  }

  // At returns the memory of a place of Take; it stays where it is.
  T* At(Number number) const {
    const Position position = PositionOf(number);
    return reinterpret_cast<T*>(
        slabs_[position.slab].load(std::memory_order_acquire) + position.place);
  }

  // Fetch asks for that memory ahead of its use.
  void Fetch(Number number) const {
    const auto* const first = reinterpret_cast<const char*>(At(number));
    for (size_t at = 0; at < sizeof(T); at += kLine) {
      __builtin_prefetch(first + at);
    }
  }

 private:
  static constexpr size_t kLine = 64;
  struct alignas(std::max(kLine, alignof(T))) Place {
    std::array<std::byte, sizeof(T)> bytes;
  };
  static constexpr std::align_val_t kAlignment{alignof(Place)};

  // Slab s has 64 << s places; all of them together some 2^32.
  static constexpr uint64_t kFirstSlab = 64;
  static constexpr size_t kSlabs = 26;
  struct Position {
    size_t slab;
    size_t place;
  };
  static Position PositionOf(uint64_t number) {
    const uint64_t from_all = number + kFirstSlab;
    const size_t slab = std::bit_width(from_all / kFirstSlab) - 1;
    return {slab, from_all - (kFirstSlab << slab)};
  }

  static size_t BytesOf(size_t slab) {
    return (kFirstSlab << slab) * sizeof(Place);
  }
  static bool IsInPages(size_t slab) { return BytesOf(slab) >= kHugePageBytes; }

  void AddSlab(size_t slab) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const size_t bytes = BytesOf(slab);
    void* const memory =
        IsInPages(slab) ? TakePages(bytes) : ::operator new(bytes, kAlignment);
    slabs_[slab].store(static_cast<Place*>(memory), std::memory_order_release);
  }

  std::array<std::atomic<Place*>, kSlabs> slabs_ = {};
  Mutex mutex_;
  std::vector<Number> free_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SESSION_NUMBERED_POOL_H_
