#include "server/memory_plan.h"

namespace latchkey {
namespace {

// Half: a cached session answers in a fraction of the time that a block of
// RocksDB's cache takes, so the more of them the better, as long as the filters
// (some 55 MB for 10 million sessions) keep their place.
constexpr uint64_t kSessionPercent = 50;
// A verdict lives five minutes at most and is some hundred bytes: a small share
// holds those of a busy server, and a miss costs one signature.
constexpr uint64_t kVerdictPercent = 5;

// An account takes about as much as a session, and has several of them.
constexpr uint64_t kAccountPercent = 5;

uint64_t PercentOf(uint64_t budget, uint64_t percent) {
  return budget / 100 * percent;
}

}  // namespace

MemoryPlan PlanMemory(uint64_t budget) {
  MemoryPlan plan;
  plan.session_cache_bytes = PercentOf(budget, kSessionPercent);
  plan.verdict_cache_bytes = PercentOf(budget, kVerdictPercent);
  plan.account_cache_bytes = PercentOf(budget, kAccountPercent);
  plan.database_bytes = budget - plan.session_cache_bytes -
                        plan.verdict_cache_bytes - plan.account_cache_bytes;
  return plan;
}

}  // namespace latchkey
