#include "server/base/metric_text.h"

#include <cmath>
#include <limits>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace latchkey {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(MetricText, WritesAFamilyOfOneSample) {
  MetricText text;
  text.Counter("latchkey_things_total", "Things done.", uint64_t{3});
  text.Gauge("latchkey_size_bytes", "Size.", 0.5);
  EXPECT_EQ(text.text(),
            "# HELP latchkey_things_total Things done.\n"
            "# TYPE latchkey_things_total counter\n"
            "latchkey_things_total 3\n"
            "# HELP latchkey_size_bytes Size.\n"
            "# TYPE latchkey_size_bytes gauge\n"
            "latchkey_size_bytes 0.5\n");
}

TEST(MetricText, WritesSamplesOfAFamilyUnderOneHead) {
  MetricText text;
  text.BeginCounter("latchkey_calls_total", "Calls.");
  text.Sample({{"method", "Login"}, {"code", "OK"}}, uint64_t{1});
  text.Sample({{"method", "Logout"}, {"code", "OK"}}, uint64_t{2});
  EXPECT_EQ(text.text(),
            "# HELP latchkey_calls_total Calls.\n"
            "# TYPE latchkey_calls_total counter\n"
            "latchkey_calls_total{method=\"Login\",code=\"OK\"} 1\n"
            "latchkey_calls_total{method=\"Logout\",code=\"OK\"} 2\n");
}

TEST(MetricText, EscapesWhatWouldEndALineOrAValue) {
  MetricText text;
  text.BeginGauge("latchkey_odd", "a \"b\"\\\nc");
  text.Sample({{"value", "a \"b\"\\\nc"}}, uint64_t{1});
  EXPECT_EQ(text.text(),
            "# HELP latchkey_odd a \"b\"\\\\\\nc\n"
            "# TYPE latchkey_odd gauge\n"
            "latchkey_odd{value=\"a \\\"b\\\"\\\\\\nc\"} 1\n");
}

TEST(MetricText, SpellsNumbersThatAreNone) {
  MetricText text;
  text.BeginGauge("latchkey_odd", "Odd.");
  text.Sample({{"is", "nan"}}, std::nan(""));
  text.Sample({{"is", "most"}}, std::numeric_limits<double>::infinity());
  text.Sample({{"is", "least"}}, -std::numeric_limits<double>::infinity());
  EXPECT_THAT(text.text(), HasSubstr("{is=\"nan\"} NaN\n"));
  EXPECT_THAT(text.text(), HasSubstr("{is=\"most\"} +Inf\n"));
  EXPECT_THAT(text.text(), HasSubstr("{is=\"least\"} -Inf\n"));
}

TEST(MetricText, LosesNothingOfALargeCount) {
  MetricText text;
  text.Counter("latchkey_large_total", "Large.",
               std::numeric_limits<uint64_t>::max());
  EXPECT_THAT(text.text(), HasSubstr(" 18446744073709551615\n"));
}

TEST(MetricText, WritesBucketsThatAddUp) {
  DurationHistogram histogram;
  histogram.Add(absl::Microseconds(1));
  histogram.Add(absl::Microseconds(4));
  histogram.Add(absl::Hours(1));
  MetricText text;
  text.BeginHistogram("latchkey_wait_seconds", "Wait.");
  text.Sample({{"pool", "hash"}}, histogram.Read());
  std::string expected =
      "# HELP latchkey_wait_seconds Wait.\n"
      "# TYPE latchkey_wait_seconds histogram\n"
      "latchkey_wait_seconds_bucket{pool=\"hash\",le=\"1e-06\"} 1\n"
      "latchkey_wait_seconds_bucket{pool=\"hash\",le=\"2e-06\"} 1\n"
      "latchkey_wait_seconds_bucket{pool=\"hash\",le=\"4e-06\"} 2\n";
  for (const char* bound :
       {"8e-06",    "1.6e-05",  "3.2e-05",  "6.4e-05",  "0.000128", "0.000256",
        "0.000512", "0.001024", "0.002048", "0.004096", "0.008192", "0.016384",
        "0.032768", "0.065536", "0.131072", "0.262144", "0.524288", "1.048576",
        "2.097152", "4.194304", "8.388608", "16.777216"}) {
    absl::StrAppend(&expected,
                    "latchkey_wait_seconds_bucket{pool=\"hash\",le=", "\"",
                    bound, "\"} 2\n");
  }
  absl::StrAppend(&expected,
                  "latchkey_wait_seconds_bucket{pool=\"hash\",le=\"+Inf\"} 3\n"
                  "latchkey_wait_seconds_sum{pool=\"hash\"} 3600.000005\n"
                  "latchkey_wait_seconds_count{pool=\"hash\"} 3\n");
  EXPECT_EQ(text.text(), expected);
}

TEST(MetricText, WritesAHistogramWithoutLabels) {
  MetricText text;
  text.Histogram("latchkey_wait_seconds", "Wait.", DurationHistogram());
  EXPECT_THAT(text.text(),
              HasSubstr("latchkey_wait_seconds_bucket{le=\"+Inf\"} 0\n"
                        "latchkey_wait_seconds_sum 0\n"
                        "latchkey_wait_seconds_count 0\n"));
}

TEST(MetricRegistry, AsksItsSourcesAtEachScrapeInOrder) {
  MetricRegistry registry;
  EXPECT_EQ(registry.Scrape(), "");
  uint64_t value = 1;
  registry.Add([&](MetricText& text) { text.Gauge("a", "A.", value); });
  registry.Add([&](MetricText& text) { text.Gauge("b", "B.", value); });
  const std::string first = registry.Scrape();
  EXPECT_THAT(first, StartsWith("# HELP a A.\n# TYPE a gauge\na 1\n"));
  EXPECT_TRUE(absl::EndsWith(first, "b 1\n"));
  value = 2;
  EXPECT_THAT(registry.Scrape(), HasSubstr("\na 2\n"));
}

}  // namespace
}  // namespace latchkey
