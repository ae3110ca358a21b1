#ifndef LATCHKEY_SERVER_SESSION_PAGES_H_
#define LATCHKEY_SERVER_SESSION_PAGES_H_

#include <cstddef>

namespace latchkey {

// Sizes of pages as Linux has them on x86-64, and on most of ARM.
constexpr size_t kPageBytes = 4096;
constexpr size_t kHugePageBytes = size_t{2} << 20;

// TakePages returns `bytes` of memory, aligned to huge pages, that the kernel
// is asked to have in huge pages as it is used: what was not used yet takes
// none. A kernel without them does without. FreePages frees it.
void* TakePages(size_t bytes);
void FreePages(void* memory);

// ReturnPages has the kernel take `bytes` of allocated memory until it is used
// again; what was in it is lost. Both must be multiples of kPageBytes. Where
// pages are larger it does nothing: the neighbours' memory would be in them.
void ReturnPages(void* memory, size_t bytes);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SESSION_PAGES_H_
