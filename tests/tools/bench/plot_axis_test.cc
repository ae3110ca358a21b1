#include "tools/bench/plot_axis.h"

#include <cmath>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace latchkey::bench {
namespace {

std::vector<std::string> Labels(const Axis& axis,
                                const std::vector<double>& values) {
  std::vector<std::string> labels;
  const PlotAxis laid(axis, values);
  for (const Tick& tick : laid.ticks()) labels.push_back(tick.label);
  return labels;
}

using Texts = std::vector<std::string>;

TEST(PlotAxis, LinearBeginsAtZeroAndEndsAboveTheLargest) {
  EXPECT_EQ(Labels({}, {3, 17, 94}),
            (Texts{"0", "20", "40", "60", "80", "100"}));
}

TEST(PlotAxis, LinearReachesBelowZeroForWhatLiesThere) {
  EXPECT_EQ(Labels({}, {-3, 4}),
            (Texts{"-3", "-2", "-1", "0", "1", "2", "3", "4"}));
}

TEST(PlotAxis, LabelsHaveTheAxisUnit) {
  EXPECT_EQ(Labels({.unit = AxisUnit::kSeconds}, {0.0009}),
            (Texts{"0 s", "200 us", "400 us", "600 us", "800 us", "1 ms"}));
  EXPECT_EQ(Labels({.unit = AxisUnit::kPercent}, {1}),
            (Texts{"0 %", "20 %", "40 %", "60 %", "80 %", "100 %"}));
  EXPECT_EQ(Labels({.unit = AxisUnit::kBytes}, {3 << 20}),
            (Texts{"0 B", "512 KiB", "1 MiB", "1.5 MiB", "2 MiB", "2.5 MiB",
                   "3 MiB"}));
}

TEST(PlotAxis, LogarithmicHasStepsWithinADecade) {
  EXPECT_EQ(Labels({.logarithmic = true}, {3, 70}),
            (Texts{"2", "5", "10", "20", "50", "100"}));
}

TEST(PlotAxis, LogarithmicHasDecadesOverMany) {
  EXPECT_EQ(Labels({.logarithmic = true}, {1e4, 1e6, 1e7}),
            (Texts{"10k", "100k", "1M", "10M"}))
      << "ends are ticks";
  EXPECT_EQ(
      Labels({.unit = AxisUnit::kSeconds, .logarithmic = true}, {7e-5, 0.4}),
      (Texts{"10 us", "100 us", "1 ms", "10 ms", "100 ms", "1 s"}));
}

TEST(PlotAxis, LogarithmicBytesArePowersOfTwo) {
  EXPECT_EQ(
      Labels({.unit = AxisUnit::kBytes, .logarithmic = true}, {100, 1000}),
      (Texts{"64 B", "128 B", "256 B", "512 B", "1 KiB"}));
}

TEST(PlotAxis, OneValueIsEnough) {
  EXPECT_EQ(Labels({.logarithmic = true}, {10}), (Texts{"10", "100"}));
  EXPECT_GE(Labels({}, {10}).size(), 2);
  EXPECT_GE(Labels({}, {0}).size(), 2);
}

TEST(PlotAxis, OfNothingHasTicksAllTheSame) {
  EXPECT_GE(Labels({}, {}).size(), 2);
  EXPECT_GE(Labels({.logarithmic = true}, {0, -1, NAN}).size(), 2);
}

TEST(PlotAxis, EveryValueLiesBetweenTheEndsAndTicksAreFew) {
  for (const bool logarithmic : {false, true}) {
    for (const AxisUnit unit : {AxisUnit::kCount, AxisUnit::kSeconds,
                                AxisUnit::kBytes, AxisUnit::kPercent}) {
      for (double low = 1e-7; low < 1e9; low *= 3.7) {
        for (double width = 1; width < 1e9; width *= 4.1) {
          const PlotAxis axis({.unit = unit, .logarithmic = logarithmic},
                              {low, low * width});
          EXPECT_GE(axis.Place(low), -1e-6);
          EXPECT_LE(axis.Place(low * width), 1 + 1e-6);
          EXPECT_GE(axis.ticks().size(), 2);
          EXPECT_LE(axis.ticks().size(), 10);
          EXPECT_EQ(axis.ticks().front().place, 0);
          EXPECT_NEAR(axis.ticks().back().place, 1, 1e-9);
        }
      }
    }
  }
}

TEST(PlotAxis, ShowsWhatItCan) {
  const PlotAxis linear({}, {1});
  const PlotAxis logarithmic({.logarithmic = true}, {1});
  EXPECT_TRUE(linear.Shows(0));
  EXPECT_FALSE(linear.Shows(NAN));
  EXPECT_FALSE(linear.Shows(INFINITY));
  EXPECT_TRUE(logarithmic.Shows(0.001));
  EXPECT_FALSE(logarithmic.Shows(0));
  EXPECT_FALSE(logarithmic.Shows(-1));
}

}  // namespace
}  // namespace latchkey::bench
