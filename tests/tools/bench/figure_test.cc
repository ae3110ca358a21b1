#include "tools/bench/figure.h"

#include <cmath>
#include <gtest/gtest.h>
#include <string>

namespace latchkey::bench {
namespace {

struct FigureCase {
  const char* name;
  double value;
  const char* unit;
  const char* text;
};

class FigureTest : public testing::TestWithParam<FigureCase> {};

TEST_P(FigureTest, IsSpelledForPeople) {
  EXPECT_EQ(FormatFigure(GetParam().value, GetParam().unit), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    All, FigureTest,
    testing::Values(FigureCase{"Zero", 0, "", "0"},
                    FigureCase{"Small", 0.01234, "", "0.0123"},
                    FigureCase{"Count", 64, "", "64"},
                    FigureCase{"JustBelowAThousand", 999, "", "999"},
                    FigureCase{"RoundedToAThousand", 999.7, "", "1k"},
                    FigureCase{"Thousands", 113'400, "", "113k"},
                    FigureCase{"Millions", 10'000'000, "", "10M"},
                    FigureCase{"Negative", -1500, "", "-1.5k"},
                    FigureCase{"NoTime", 0, "s", "0 s"},
                    FigureCase{"Nanoseconds", 350e-9, "s", "350 ns"},
                    FigureCase{"Microseconds", 42.54e-6, "s", "42.5 us"},
                    FigureCase{"Milliseconds", 0.02, "s", "20 ms"},
                    FigureCase{"OneSecond", 1, "s", "1 s"},
                    FigureCase{"ManySeconds", 3600, "s", "3600 s"},
                    FigureCase{"Bytes", 80, "B", "80 B"},
                    FigureCase{"JustBelowAKibibyte", 1023, "B", "1023 B"},
                    FigureCase{"Kibibyte", 1024, "B", "1 KiB"},
                    FigureCase{"Gibibytes", 1.5 * (1 << 30), "B", "1.5 GiB"},
                    FigureCase{"Rate", 113'400, "1/s", "113k/s"},
                    FigureCase{"Ratio", 0.9724, "x", "0.972x"},
                    FigureCase{"Share", 0.5, "%", "50 %"},
                    FigureCase{"Other", 1.25, "calls", "1.25 calls"},
                    FigureCase{"NoNumber", NAN, "s", "-"},
                    FigureCase{"Infinite", INFINITY, "x", "inf"}),
    [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace latchkey::bench
