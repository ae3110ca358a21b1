#include "server/session/pages.h"

#include <new>
#include <sys/mman.h>
#include <unistd.h>

namespace latchkey {
namespace {

constexpr std::align_val_t kAlignment{kHugePageBytes};

}  // namespace

void* TakePages(size_t bytes) {
  void* const memory = ::operator new(bytes, kAlignment);
  madvise(memory, bytes, MADV_HUGEPAGE);
  return memory;
}

void FreePages(void* memory) { ::operator delete(memory, kAlignment); }

void ReturnPages(void* memory, size_t bytes) {
  if (sysconf(_SC_PAGESIZE) == kPageBytes) {
    madvise(memory, bytes, MADV_DONTNEED);
  }
}

}  // namespace latchkey
