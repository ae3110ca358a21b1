#ifndef LATCHKEY_SERVER_MEMORY_PLAN_H_
#define LATCHKEY_SERVER_MEMORY_PLAN_H_

#include <cstdint>

namespace latchkey {

// MemoryPlan is how --memory_budget is shared out among what grows with the
// number of sessions. Outside it is what grows with load or with settings of
// its own: gRPC's connections and buffers, password hashes (hash_threads times
// hash_memory_kib), threads' stacks, and the program itself.
struct MemoryPlan {
  // A session answered from here costs no decoding and no look at RocksDB.
  uint64_t session_cache_bytes = 0;
  // Whether accounts still stand behind their sessions.
  uint64_t account_cache_bytes = 0;
  // JWTs whose signature was found good.
  uint64_t verdict_cache_bytes = 0;
  // RocksDB's block cache, with indices, filters and write buffers in it.
  uint64_t database_bytes = 0;
};

// PlanMemory shares `budget` out; the shares add up to it.
MemoryPlan PlanMemory(uint64_t budget);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_MEMORY_PLAN_H_
