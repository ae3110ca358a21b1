#include "server/descriptor_plan.h"

#include <limits>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace latchkey {
namespace {

using ::testing::HasSubstr;

TEST(DescriptorPlan, LeavesRoomForTablesAndTheRest) {
  const auto small = PlanDescriptors(256, 0);
  ASSERT_TRUE(small.ok());
  EXPECT_EQ(small->table_files, 53);
  EXPECT_EQ(small->connections, 107);
  const auto usual = PlanDescriptors(1024, 0);
  ASSERT_TRUE(usual.ok());
  EXPECT_EQ(usual->table_files, 256);
  EXPECT_EQ(usual->connections, 672);
}

TEST(DescriptorPlan, TakesTenThousandConnectionsWhereThereIsRoomForMore) {
  for (const uint64_t limit :
       {uint64_t{1} << 20, std::numeric_limits<uint64_t>::max()}) {
    const auto plan = PlanDescriptors(limit, 0);
    ASSERT_TRUE(plan.ok());
    EXPECT_EQ(plan->connections, 10000);
  }
  EXPECT_EQ(PlanDescriptors(1 << 20, 20000)->connections, 20000);
}

TEST(DescriptorPlan, RefusesMoreConnectionsThanThereIsRoomFor) {
  EXPECT_EQ(PlanDescriptors(256, 107)->connections, 107);
  const absl::Status refused = PlanDescriptors(256, 108).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("--max_connections"));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("107"));
}

TEST(DescriptorPlan, RefusesALimitThatIsTooLow) {
  EXPECT_TRUE(PlanDescriptors(160, 0).ok());
  EXPECT_THAT(std::string(PlanDescriptors(159, 0).status().message()),
              HasSubstr("160"));
}

}  // namespace
}  // namespace latchkey
