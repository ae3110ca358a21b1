#include "server/session/block_pool.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <new>
#include <sys/mman.h>
#include <unistd.h>

namespace latchkey {

BlockPool::~BlockPool() {
  for (const Slab& slab : slabs_) {
    ::operator delete(slab.memory, std::align_val_t(kHugePage));
  }
}

void* BlockPool::Take(size_t bytes) {
  if (bytes < kPage) return ::operator new(bytes);
  const size_t which = ClassOf(bytes);
  const size_t size = kPage << which;
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
  if (bytes < kPage) {
    ::operator delete(block);
    return;
  }
  const size_t which = ClassOf(bytes);
  // Where pages are larger, the neighbours' memory would be in them too.
  if (sysconf(_SC_PAGESIZE) == kPage) {
    madvise(block, kPage << which, MADV_DONTNEED);
  }
  MutexLock lock(&mutex_);
  free_[which].push_back(block);
}

size_t BlockPool::ClassOf(size_t bytes) {
  if (bytes > kMost) std::abort();
  return std::bit_width((bytes - 1) / kPage);
}

// What is left of the slab before takes no memory, as nobody used it.
void BlockPool::AddSlab() {
  const size_t size = slabs_.empty()
                          ? kHugePage
                          : std::min(slabs_.back().size * 2, kLargestSlab);
  auto* const memory = static_cast<std::byte*>(
      ::operator new(size, std::align_val_t(kHugePage)));
  // A kernel without them does without.
  madvise(memory, size, MADV_HUGEPAGE);
  slabs_.push_back({memory, size});
  used_ = 0;
}

}  // namespace latchkey
