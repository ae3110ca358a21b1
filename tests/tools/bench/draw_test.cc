#include "tools/bench/draw.h"

#include <cmath>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace latchkey::bench {
namespace {

TEST(Draw, SameSeedGivesSameNumbers) {
  Draw one(7);
  Draw other(7);
  Draw different(8);
  EXPECT_NE(different.Next(), Draw(7).Next());
  for (int i = 0; i < 100; ++i) EXPECT_EQ(one.Next(), other.Next());
}

// The first numbers of xoshiro256++ after splitmix64 of zero, whose own first
// output, e220a8397b1dcdaf, is published with it.
TEST(Draw, IsXoshiro) {
  Draw draw(0);
  EXPECT_EQ(draw.Next(), 0x53175d61490b23df);
  EXPECT_EQ(draw.Next(), 0x61da6f3dc380d507);
}

TEST(Draw, UnitAndBelowStayInRange) {
  Draw draw(3);
  std::vector<int> seen(7, 0);
  for (int i = 0; i < 70000; ++i) {
    const double unit = draw.Unit();
    EXPECT_GE(unit, 0);
    EXPECT_LT(unit, 1);
    ++seen[draw.Below(7)];
  }
  // Ten thousand each, give or take five standard deviations.
  for (const int count : seen) EXPECT_NEAR(count, 10000, 500);
  EXPECT_EQ(draw.Below(1), 0);
}

TEST(Draw, GapsArePoisson) {
  Draw draw(4);
  double sum = 0;
  int above_mean = 0;
  for (int i = 0; i < 100000; ++i) {
    const double gap = draw.Gap(20);
    EXPECT_GE(gap, 0);
    sum += gap;
    if (gap > 20) ++above_mean;
  }
  EXPECT_NEAR(sum / 100000, 20, 0.4);
  EXPECT_NEAR(above_mean / 100000.0, std::exp(-1), 0.01);
}

struct ZipfCase {
  const char* name;
  uint64_t count;
  double exponent;
};

class ZipfTest : public testing::TestWithParam<ZipfCase> {};

TEST_P(ZipfTest, RanksComeAsOftenAsTheyShould) {
  const ZipfCase& c = GetParam();
  const Zipf zipf(c.count, c.exponent);
  Draw draw(5);
  constexpr int kDraws = 200000;
  std::vector<int> seen(c.count, 0);
  for (int i = 0; i < kDraws; ++i) {
    const uint64_t rank = zipf.Sample(draw);
    ASSERT_LT(rank, c.count);
    ++seen[rank];
  }
  double sum = 0;
  for (uint64_t r = 0; r < c.count; ++r) {
    sum += std::pow(static_cast<double>(r + 1), -c.exponent);
  }
  for (uint64_t r = 0; r < std::min<uint64_t>(c.count, 20); ++r) {
    const double p = std::pow(static_cast<double>(r + 1), -c.exponent) / sum;
    const double sigma = std::sqrt(kDraws * p * (1 - p));
    EXPECT_NEAR(seen[r], kDraws * p, 5 * sigma + 1) << "rank " << r;
  }
}

INSTANTIATE_TEST_SUITE_P(All, ZipfTest,
                         testing::Values(ZipfCase{"OneRank", 1, 1},
                                         ZipfCase{"TwoRanks", 2, 0.99},
                                         ZipfCase{"ExponentOne", 1000, 1},
                                         ZipfCase{"Usual", 100000, 0.99},
                                         ZipfCase{"NearlyFlat", 1000, 0.01},
                                         ZipfCase{"Steep", 1000, 2.5}),
                         [](const auto& row) {
                           return std::string(row.param.name);
                         });

TEST(Zipf, ReachesTheFarEndOfTenMillion) {
  const Zipf zipf(10'000'000, 0.5);
  Draw draw(6);
  uint64_t largest = 0;
  for (int i = 0; i < 10000; ++i) {
    const uint64_t rank = zipf.Sample(draw);
    ASSERT_LT(rank, 10'000'000);
    largest = std::max(largest, rank);
  }
  EXPECT_GT(largest, 9'900'000);
}

}  // namespace
}  // namespace latchkey::bench
