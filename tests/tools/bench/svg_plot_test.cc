#include "tools/bench/svg_plot.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace latchkey::bench {
namespace {

// WellFormed reads `xml` as far as our pictures go: elements that nest, no
// stray < or & in text and attributes.
bool WellFormed(absl::string_view xml) {
  std::vector<std::string> open;
  size_t at = 0;
  while (at < xml.size()) {
    if (xml[at] == '&') {
      const size_t end = xml.find(';', at);
      if (end == absl::string_view::npos || end - at > 6) return false;
    }
    if (xml[at] != '<') {
      ++at;
      continue;
    }
    const size_t end = xml.find('>', at);
    if (end == absl::string_view::npos) return false;
    const absl::string_view tag = xml.substr(at + 1, end - at - 1);
    if (tag.empty() || absl::StrContains(tag, "<")) return false;
    if (std::count(tag.begin(), tag.end(), '"') % 2 != 0) return false;
    const std::string name(tag.substr(0, tag.find_first_of(" />", 1)));
    if (tag.front() == '/') {
      if (open.empty() || "/" + open.back() != tag) return false;
      open.pop_back();
    } else if (tag.back() != '/') {
      open.push_back(name);
    }
    at = end + 1;
  }
  return open.empty();
}

int CountOf(absl::string_view needle, absl::string_view text) {
  int count = 0;
  for (size_t at = text.find(needle); at != absl::string_view::npos;
       at = text.find(needle, at + 1)) {
    ++count;
  }
  return count;
}

SvgPlot Example() {
  return {
      .title = "Latency against load",
      .x = {.label = "calls per second"},
      .y = {.label = "p99", .unit = AxisUnit::kSeconds, .logarithmic = true},
      .series = {{"Ping", {{10e3, 90e-6}, {40e3, 150e-6}, {70e3, 3e-3}}},
                 {"Validate", {{10e3, 99e-6}, {40e3, 0.2}}}}};
}

TEST(SvgPlot, ShowsTitleLabelsAndAllSeries) {
  const std::string svg = SvgText(Example());
  EXPECT_TRUE(WellFormed(svg));
  EXPECT_TRUE(absl::StartsWith(svg, "<svg xmlns="));
  for (const char* words : {">Latency against load<", ">calls per second<",
                            ">p99<", ">Ping<", ">Validate<", ">100 us<"}) {
    EXPECT_EQ(CountOf(words, svg), 1) << words;
  }
  // A line each in the plot and in the legend; a mark a point, and one there.
  EXPECT_EQ(CountOf("<polyline", svg), 4);
  EXPECT_EQ(CountOf("<circle", svg), 4);
}

TEST(SvgPlot, EqualPlotsGiveEqualText) {
  EXPECT_EQ(SvgText(Example()), SvgText(Example()));
}

TEST(SvgPlot, EscapesText) {
  SvgPlot plot = Example();
  plot.title = "a < b & \"c\" > 'd'";
  plot.x.label = "</text>\x01\n";
  plot.series[0].name = "<&>";
  const std::string svg = SvgText(plot);
  EXPECT_TRUE(WellFormed(svg)) << svg;
  EXPECT_EQ(
      CountOf(">a &lt; b &amp; &quot;c&quot; &gt; &#39;d&#39;</text>", svg), 1);
  EXPECT_EQ(CountOf(">&lt;&amp;&gt;</text>", svg), 1);
  EXPECT_EQ(CountOf("\x01", svg), 0);
}

TEST(SvgPlot, LeavesOutWhatHasNoPlace) {
  SvgPlot plot = Example();
  plot.series = {
      {"odd", {{1, NAN}, {INFINITY, 1}, {2, 0}, {3, -1}, {4, 0.001}}}};
  const std::string svg = SvgText(plot);
  // One in the plot, one in the legend.
  EXPECT_EQ(CountOf("<circle", svg), 2);
  EXPECT_EQ(CountOf("nan", svg), 0);
  EXPECT_EQ(CountOf("inf", svg), 0);
}

TEST(SvgPlot, DrawsNothingToo) {
  EXPECT_TRUE(WellFormed(SvgText({})));
  EXPECT_TRUE(WellFormed(SvgText({.series = {{"empty", {}}}})));
}

TEST(SvgPlot, ManySeriesDifferInColourOrMark) {
  SvgPlot plot;
  for (int i = 0; i < 28; ++i) plot.series.push_back({"s", {{1, 1}, {2, 2}}});
  EXPECT_TRUE(WellFormed(SvgText(plot)));
}

}  // namespace
}  // namespace latchkey::bench
