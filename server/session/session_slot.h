#ifndef LATCHKEY_SERVER_SESSION_SESSION_SLOT_H_
#define LATCHKEY_SERVER_SESSION_SESSION_SLOT_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "client/base/ids.h"
#include "server/session/block_pool.h"
#include "server/session/numbered_pool.h"
#include "server/session/session.h"

namespace latchkey {

// SessionSlot is what a SessionSegment keeps of one session, but for the
// profile that it shares with others.
struct SessionSlot {
  SessionKey key;
  SessionId id;
  // Microseconds since 1970, the precision that records keep.
  int64_t expire_micros = 0;
  int64_t last_seen_micros = 0;
  int64_t create_micros : 60 = 0;  // good for 18,000 years
  uint64_t taken : 1 = 0;          // there is an entry here
  uint64_t referenced : 1 = 0;     // asked for since the hand last passed
  uint64_t unsaved : 1 = 0;        // the base does not have last_seen_micros
  uint64_t waits : 1 = 0;          // in waiting_, not in due_
};
static_assert(sizeof(SessionSlot) == 72);

// SessionChunk is slots that a segment takes and gives back together: of three
// pages nearly all.
struct alignas(4096) SessionChunk {
  static constexpr size_t kSlots = 170;
  std::array<SessionSlot, kSlots> slots;
};
static_assert(sizeof(SessionChunk) == size_t{3} * 4096);

using SessionChunks = NumberedPool<SessionChunk>;

// SessionMemory is the memory that the segments of a cache share.
struct SessionMemory {
  BlockPool indexes;
  SessionChunks chunks;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SESSION_SESSION_SLOT_H_
