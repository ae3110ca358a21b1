#include "tools/bench/stats.h"

#include <gtest/gtest.h>

namespace latchkey::bench {
namespace {

TEST(Stats, MedianOfAnOddNumberIsTheMiddle) { EXPECT_EQ(Median({3, 1, 2}), 2); }

TEST(Stats, MedianOfAnEvenNumberIsTheMeanOfTheMiddleTwo) {
  EXPECT_EQ(Median({4, 1, 3, 2}), 2.5);
}

TEST(Stats, SpreadOfNothingIsZero) {
  EXPECT_EQ(SpreadOf({}).median, 0);
  EXPECT_EQ(SpreadOf({}).max, 0);
}

TEST(Stats, SpreadOfOneValueIsThatValue) {
  const Spread spread = SpreadOf({7});
  EXPECT_EQ(spread.min, 7);
  EXPECT_EQ(spread.lower_quartile, 7);
  EXPECT_EQ(spread.upper_quartile, 7);
  EXPECT_EQ(spread.max, 7);
}

TEST(Stats, QuartilesAreInterpolated) {
  const Spread spread = SpreadOf({40, 10, 30, 20});
  EXPECT_EQ(spread.min, 10);
  EXPECT_EQ(spread.lower_quartile, 17.5);
  EXPECT_EQ(spread.median, 25);
  EXPECT_EQ(spread.upper_quartile, 32.5);
  EXPECT_EQ(spread.max, 40);
}

}  // namespace
}  // namespace latchkey::bench
