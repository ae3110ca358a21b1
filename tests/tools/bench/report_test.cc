#include "tools/bench/report.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iterator>
#include <string>

#include "nlohmann/json.hpp"

namespace latchkey::bench {
namespace {

using testing::HasSubstr;

const Machine kMachine = {.cpu = "A Processor",
                          .cores = 2,
                          .memory_bytes = int64_t{24} << 30,
                          .kernel = "Linux 6.1"};

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

ReportRow Higher(double measured) {
  return {.measured = measured, .unit = "x", .at_least = 0.92, .aim = 0.97};
}

ReportRow Lower(double measured) {
  return {.measured = measured,
          .unit = "x",
          .at_least = 1.2,
          .aim = 1.05,
          .higher_is_better = false};
}

TEST(Report, JudgesWhereHigherIsBetter) {
  EXPECT_EQ(JudgeBudget(Higher(0.9199)), BudgetVerdict::kMisses);
  EXPECT_EQ(JudgeBudget(Higher(0.92)), BudgetVerdict::kOk);
  EXPECT_EQ(JudgeBudget(Higher(0.9699)), BudgetVerdict::kOk);
  EXPECT_EQ(JudgeBudget(Higher(0.97)), BudgetVerdict::kAim);
}

TEST(Report, JudgesWhereLowerIsBetter) {
  EXPECT_EQ(JudgeBudget(Lower(1.2001)), BudgetVerdict::kMisses);
  EXPECT_EQ(JudgeBudget(Lower(1.2)), BudgetVerdict::kOk);
  EXPECT_EQ(JudgeBudget(Lower(1.0501)), BudgetVerdict::kOk);
  EXPECT_EQ(JudgeBudget(Lower(1.05)), BudgetVerdict::kAim);
}

TEST(Report, WhatIsNoNumberMisses) {
  EXPECT_EQ(JudgeBudget(Higher(NAN)), BudgetVerdict::kMisses);
  EXPECT_EQ(JudgeBudget(Lower(NAN)), BudgetVerdict::kMisses);
}

TEST(Report, WithoutABudgetThereIsNoVerdict) {
  EXPECT_EQ(JudgeBudget({.measured = 1}), BudgetVerdict::kNone);
  EXPECT_FALSE(BudgetMargin({.measured = 1}).has_value());
}

TEST(Report, MarginIsAboveOneWhereTheBudgetIsMet) {
  EXPECT_DOUBLE_EQ(*BudgetMargin(Higher(0.46)), 0.5);
  EXPECT_DOUBLE_EQ(*BudgetMargin(Lower(0.6)), 2);
}

Report Example() {
  Report report("1.2.3", kMachine);
  ReportRow ratio = Higher(0.95);
  ratio.section = "validate";
  ratio.name = "opaque / Ping";
  ratio.spread = Spread{.min = 0.9,
                        .lower_quartile = 0.94,
                        .median = 0.95,
                        .upper_quartile = 0.96,
                        .max = 1};
  report.Add(ratio);
  report.Add({.section = "start",
              .name = "first correct answer",
              .measured = 2.5,
              .unit = "s",
              .at_least = 2,
              .aim = 0.7,
              .higher_is_better = false,
              .note = "10M sessions"});
  report.Add({.section = "validate",
              .name = "calls",
              .measured = 81'234,
              .unit = "1/s"});
  report.Set("mode", "quick");
  report.Set("sessions", 10'000'000);
  report.AddPlot("load", {.title = "Load",
                          .x = {.label = "rate"},
                          .y = {.label = "p99", .unit = AxisUnit::kSeconds},
                          .series = {{"Ping", {{1, 2}, {3, 4}}}}});
  return report;
}

TEST(Report, TextIsOneAlignedTableWithSectionsTogether) {
  EXPECT_EQ(Example().Text(),
            R"(latchkey 1.2.3 on A Processor, 2 cores, 24 GiB, Linux 6.1

                        measured  at least        aim  margin               quartiles
validate
  opaque / Ping            0.95x     0.92x      0.97x   1.03x      ok  0.94x to 0.96x
  calls                  81.2k/s
start
  first correct answer     2.5 s    <= 2 s  <= 700 ms    0.8x  misses                  10M sessions

mode: quick
sessions: 10M
)");
}

TEST(Report, JsonHasEverything) {
  const auto json = nlohmann::json::parse(Example().Json(kNow));
  EXPECT_EQ(json["version"], "1.2.3");
  EXPECT_EQ(json["date"], "2023-11-14T22:13:20+00:00");
  EXPECT_EQ(json["machine"]["cpu"], "A Processor");
  EXPECT_EQ(json["machine"]["cores"], 2);
  EXPECT_EQ(json["machine"]["memory_bytes"], int64_t{24} << 30);
  EXPECT_EQ(json["machine"]["kernel"], "Linux 6.1");
  EXPECT_EQ(json["facts"]["mode"], "quick");
  EXPECT_EQ(json["facts"]["sessions"], 10'000'000);
  ASSERT_EQ(json["figures"].size(), 3);
  EXPECT_EQ(json["figures"][0]["measured"], 0.95);
  EXPECT_EQ(json["figures"][0]["verdict"], "ok");
  EXPECT_EQ(json["figures"][0]["spread"]["median"], 0.95);
  EXPECT_EQ(json["figures"][1]["higher_is_better"], false);
  EXPECT_EQ(json["figures"][1]["margin"], 0.8);
  EXPECT_TRUE(json["figures"][2]["at_least"].is_null());
  ASSERT_EQ(json["plots"].size(), 1);
  EXPECT_EQ(json["plots"][0]["name"], "load");
  EXPECT_EQ(json["plots"][0]["y"]["unit"], "seconds");
  EXPECT_EQ(json["plots"][0]["series"][0]["points"][1][1], 4);
}

TEST(Report, JsonIsValidWhateverWasMeasuredOrNamed) {
  Report report("", {});
  report.Add({.name = "\xff\"\n", .measured = NAN});
  report.Set("infinite", INFINITY);
  const auto json = nlohmann::json::parse(report.Json(kNow));
  EXPECT_TRUE(json["figures"][0]["measured"].is_null());
  EXPECT_TRUE(json["facts"]["infinite"].is_null());
}

class ReportFiles : public testing::Test {
 protected:
  ReportFiles() {
    std::string path = testing::TempDir() + "latchkey_bench_XXXXXX";
    folder_ = mkdtemp(path.data());
  }
  ~ReportFiles() override { std::filesystem::remove_all(folder_); }

  std::string folder_;
};

TEST_F(ReportFiles, AreTheJsonAndThePlotsBesideIt) {
  const std::string path = folder_ + "/bench.json";
  ASSERT_TRUE(Example().Write(path, kNow).ok());
  std::ifstream json(path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(json), {}),
            Example().Json(kNow));
  std::ifstream svg(folder_ + "/load.svg");
  EXPECT_THAT(std::string(std::istreambuf_iterator<char>(svg), {}),
              HasSubstr("</svg>"));
}

TEST_F(ReportFiles, ThatCannotBeWrittenAreAnError) {
  EXPECT_EQ(Example().Write(folder_ + "/none/bench.json", kNow).code(),
            absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace latchkey::bench
