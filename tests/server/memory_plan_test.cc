#include "server/memory_plan.h"

#include <cstdint>
#include <vector>

#include "gtest/gtest.h"

namespace latchkey {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

std::vector<uint64_t> ManyBudgets() {
  std::vector<uint64_t> budgets;
  for (uint64_t budget = 64 * kMiB; budget <= kMiB << 20; budget *= 2) {
    for (const uint64_t odd : {0, 1, 49, 99, 101, 12345}) {
      budgets.push_back(budget + odd);
    }
  }
  return budgets;
}

TEST(MemoryPlan, SharesAddUpToTheBudget) {
  for (const uint64_t budget : ManyBudgets()) {
    const MemoryPlan plan = PlanMemory(budget);
    EXPECT_EQ(plan.session_cache_bytes + plan.account_cache_bytes +
                  plan.verdict_cache_bytes + plan.database_bytes,
              budget);
  }
}

TEST(MemoryPlan, EveryShareIsOfUse) {
  for (const uint64_t budget : ManyBudgets()) {
    const MemoryPlan plan = PlanMemory(budget);
    EXPECT_GE(plan.session_cache_bytes, budget * 45 / 100) << budget;
    EXPECT_GE(plan.account_cache_bytes, 3 * kMiB) << budget;
    EXPECT_GE(plan.verdict_cache_bytes, 3 * kMiB) << budget;
    // The smallest that RocksDB's blocks and write buffers were tried with.
    EXPECT_GE(plan.database_bytes, 8 * kMiB) << budget;
  }
}

}  // namespace
}  // namespace latchkey
