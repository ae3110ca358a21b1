#ifndef LATCHKEY_TOOLS_BENCH_REPORT_H_
#define LATCHKEY_TOOLS_BENCH_REPORT_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "tools/bench/figure.h"
#include "tools/bench/process_stats.h"
#include "tools/bench/stats.h"
#include "tools/bench/svg_plot.h"

namespace latchkey::bench {

// ReportRow is one measured figure, with its budget if it has one. Times are
// in seconds and sizes in bytes.
struct ReportRow {
  std::string section;  // rows of one section stand together
  std::string name;
  double measured = 0;
  std::string unit;                // as FormatFigure knows them
  std::optional<double> at_least;  // where we stop being ashamed
  std::optional<double> aim;       // what we want
  bool higher_is_better = true;
  std::optional<Spread> spread;  // of the samples behind `measured`
  std::string note;
};

enum class BudgetVerdict { kNone, kMisses, kOk, kAim };

// JudgeBudget says where the measured figure lies; meeting a budget exactly is
// meeting it, and what is not a number misses.
BudgetVerdict JudgeBudget(const ReportRow& row);

// BudgetMargin returns how many times over `at_least` is met, if there is one:
// 1 is meeting it exactly, less is missing it.
std::optional<double> BudgetMargin(const ReportRow& row);

// Report collects what a run measured, for one table and one JSON file.
// For one thread.
class Report {
 public:
  // `version` of what is measured.
  Report(std::string version, Machine machine);

  void Add(ReportRow row);
  // Set notes a fact about the run, a setting or a count.
  void Set(absl::string_view key, absl::string_view value);
  void Set(absl::string_view key, double value);
  // AddPlot keeps a plot's points for the JSON file, and the plot under
  // `name`, a file name without its ending.
  void AddPlot(absl::string_view name, SvgPlot plot);

  const std::vector<ReportRow>& rows() const { return rows_; }
  const std::vector<std::pair<std::string, SvgPlot>>& plots() const {
    return plots_;
  }

  // Text returns the table for a terminal.
  std::string Text() const;

  // Json returns everything as one JSON object, dated `now`.
  std::string Json(absl::Time now) const;

  // Write puts `json_path`, and a NAME.svg per plot beside it.
  // Errors as of WriteFile.
  absl::Status Write(const std::string& json_path, absl::Time now) const;

 private:
  const std::string version_;
  const Machine machine_;
  std::vector<ReportRow> rows_;
  std::vector<std::pair<std::string, std::string>> text_facts_;
  std::vector<std::pair<std::string, double>> number_facts_;
  std::vector<std::pair<std::string, SvgPlot>> plots_;
};

}  // namespace latchkey::bench

#endif  // LATCHKEY_TOOLS_BENCH_REPORT_H_
