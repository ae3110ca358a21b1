#ifndef LATCHKEY_SERVER_SESSION_BLOCK_POOL_H_
#define LATCHKEY_SERVER_SESSION_BLOCK_POOL_H_

#include <array>
#include <cstddef>
#include <type_traits>
#include <vector>

#include "client/base/mutex.h"
#include "server/session/pages.h"

namespace latchkey {

// BlockPool is memory for arrays that grow by doubling, in huge pages, as
// NumberedPool's: in blocks of powers of two, those below a page from the heap.
// What is given back is kept for blocks of its size, and its pages are the
// kernel's until then. All but what is from the heap goes back to the system
// with the pool.
//
// Safe from any thread.
class BlockPool {
 public:
  // The largest block.
  static constexpr size_t kMost = size_t{1} << 20;

  BlockPool() = default;
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  // Take returns `bytes` of memory that nobody has, aligned for any type.
  // REQUIRES: bytes <= kMost.
  void* Take(size_t bytes);

  // GiveBack frees a block that Take returned for so many bytes.
  void GiveBack(void* block, size_t bytes);

 private:
  struct Slab {
    std::byte* memory;
    size_t size;
  };
  static constexpr size_t kLargestSlab = size_t{64} << 20;
  static constexpr size_t kClasses = 9;  // 4 KiB, 8 KiB, ... 1 MiB
  static_assert(kPageBytes << (kClasses - 1) == kMost);

  static size_t ClassOf(size_t bytes);
  void AddSlab() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Mutex mutex_;
  std::array<std::vector<void*>, kClasses> free_ ABSL_GUARDED_BY(mutex_);
  std::vector<Slab> slabs_ ABSL_GUARDED_BY(mutex_);
  size_t used_ ABSL_GUARDED_BY(mutex_) = 0;  // of the last slab
};

// BlockAllocator has the memory of a standard container in a BlockPool.
template <typename T>
class BlockAllocator {
 public:
  using value_type = T;
  using propagate_on_container_move_assignment = std::true_type;
  using propagate_on_container_swap = std::true_type;

  // Allocates nothing until it is assigned one that has a pool.
  BlockAllocator() = default;
  explicit BlockAllocator(BlockPool& pool) : pool_(&pool) {}
  template <typename U>
  BlockAllocator(const BlockAllocator<U>& other) : pool_(other.pool()) {}

  T* allocate(size_t count) {
    return static_cast<T*>(pool_->Take(count * sizeof(T)));
  }
  void deallocate(T* values, size_t count) {
    pool_->GiveBack(values, count * sizeof(T));
  }
  BlockPool* pool() const { return pool_; }
  friend bool operator==(const BlockAllocator&,
                         const BlockAllocator&) = default;

 private:
  BlockPool* pool_ = nullptr;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SESSION_BLOCK_POOL_H_
