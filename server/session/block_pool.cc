#include "server/session/block_pool.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <new>

namespace latchkey {

BlockPool::~BlockPool() {
  for (const Slab& slab : slabs_) FreePages(slab.memory);
}

void* BlockPool::Take(size_t bytes) {
  if (bytes < kPageBytes) return ::operator new(bytes);
  const size_t which = ClassOf(bytes);
  const size_t size = kPageBytes << which;
  MutexLock lock(&mutex_);
  std::vector<void*>& free = free_[which];
  if (!free.empty()) {
    void* const block = free.back();
    free.pop_back();
    return block;
  }
  if (slabs_.empty() || used_ + size > slabs_.back().size) AddSlab();
  void* const block = slabs_.back().memory + used_;
  used_ += size;
  return block;
}

void BlockPool::GiveBack(void* block, size_t bytes) {
  if (bytes < kPageBytes) {
    ::operator delete(block);
    return;
  }
  const size_t which = ClassOf(bytes);
  ReturnPages(block, kPageBytes << which);
  MutexLock lock(&mutex_);
  free_[which].push_back(block);
}

size_t BlockPool::ClassOf(size_t bytes) {
  if (bytes > kMost) std::abort();
  return std::bit_width((bytes - 1) / kPageBytes);
}

// What is left of the slab before takes no memory, as nobody used it.
void BlockPool::AddSlab() {
  const size_t size = slabs_.empty()
                          ? kHugePageBytes
                          : std::min(slabs_.back().size * 2, kLargestSlab);
  slabs_.push_back({static_cast<std::byte*>(TakePages(size)), size});
  used_ = 0;
}

}  // namespace latchkey
