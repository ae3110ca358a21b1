#include "tools/bench/report.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

#include "client/base/status_macros.h"
#include "tools/bench/write_file.h"

namespace latchkey::bench {
namespace {

using nlohmann::ordered_json;

const char* WordOf(BudgetVerdict verdict) {
  switch (verdict) {
    case BudgetVerdict::kMisses:
      return "misses";
    case BudgetVerdict::kOk:
      return "ok";
    case BudgetVerdict::kAim:
      return "aim";
    case BudgetVerdict::kNone:
      break;
  }
  return "";
}

bool Meets(const ReportRow& row, double budget) {
  // A comparison with what is no number is false, so it misses.
  return row.higher_is_better ? row.measured >= budget : row.measured <= budget;
}

std::string BudgetText(const ReportRow& row,
                       const std::optional<double>& budget) {
  if (!budget.has_value()) return "";
  return absl::StrCat(row.higher_is_better ? "" : "<= ",
                      FormatFigure(*budget, row.unit));
}

std::string SpreadText(const ReportRow& row) {
  if (!row.spread.has_value()) return "";
  return absl::StrCat(FormatFigure(row.spread->lower_quartile, row.unit),
                      " to ",
                      FormatFigure(row.spread->upper_quartile, row.unit));
}

// A line of the table: what is measured, five columns of figures and a note;
// with a section's heading only the first.
struct Line {
  std::vector<std::string> cells;
  bool heading = false;
};

constexpr size_t kFirstNote = 7;  // columns from here are flush left

Line LineOf(const ReportRow& row) {
  const std::optional<double> margin = BudgetMargin(row);
  return {.cells = {absl::StrCat("  ", row.name),
                    FormatFigure(row.measured, row.unit),
                    BudgetText(row, row.at_least), BudgetText(row, row.aim),
                    margin.has_value() ? FormatFigure(*margin, "x") : "",
                    WordOf(JudgeBudget(row)), SpreadText(row), row.note}};
}

std::string Padding(const std::string& cell, size_t width) {
  return std::string(width - std::min(width, cell.size()), ' ');
}

std::string Laid(const std::vector<Line>& lines) {
  std::vector<size_t> widths(kFirstNote + 1, 0);
  for (const Line& line : lines) {
    if (line.heading) continue;
    for (size_t i = 0; i < kFirstNote; ++i) {
      widths[i] = std::max(widths[i], line.cells[i].size());
    }
  }
  std::string text;
  for (const Line& line : lines) {
    std::string laid;
    for (size_t i = 0; i < line.cells.size(); ++i) {
      const std::string& cell = line.cells[i];
      const std::string padding = Padding(cell, widths[i]);
      // A column in which nothing stands takes no room.
      if (i > 0 && widths[i] == 0 && cell.empty()) continue;
      absl::StrAppend(&laid, i == 0 ? "" : "  ",
                      i > 0 && i < kFirstNote ? padding : "", cell,
                      i == 0 ? padding : "");
    }
    laid.erase(laid.find_last_not_of(' ') + 1);
    absl::StrAppend(&text, laid, "\n");
  }
  return text;
}

ordered_json JsonOf(const std::optional<double>& number) {
  return number.has_value() ? ordered_json(*number) : ordered_json(nullptr);
}

ordered_json JsonOf(const ReportRow& row) {
  ordered_json json = {{"section", row.section},
                       {"name", row.name},
                       {"measured", row.measured},
                       {"unit", row.unit},
                       {"at_least", JsonOf(row.at_least)},
                       {"aim", JsonOf(row.aim)},
                       {"higher_is_better", row.higher_is_better},
                       {"margin", JsonOf(BudgetMargin(row))},
                       {"verdict", WordOf(JudgeBudget(row))},
                       {"note", row.note}};
  if (row.spread.has_value()) {
    json["spread"] = {{"min", row.spread->min},
                      {"lower_quartile", row.spread->lower_quartile},
                      {"median", row.spread->median},
                      {"upper_quartile", row.spread->upper_quartile},
                      {"max", row.spread->max}};
  }
  return json;
}

const char* NameOf(AxisUnit unit) {
  switch (unit) {
    case AxisUnit::kCount:
      return "count";
    case AxisUnit::kSeconds:
      return "seconds";
    case AxisUnit::kBytes:
      return "bytes";
    case AxisUnit::kPercent:
      return "share";
  }
  return "";
}

ordered_json JsonOf(const Axis& axis) {
  return {{"label", axis.label},
          {"unit", NameOf(axis.unit)},
          {"logarithmic", axis.logarithmic}};
}

ordered_json JsonOf(const std::string& name, const SvgPlot& plot) {
  ordered_json lines = ordered_json::array();
  for (const Series& series : plot.series) {
    ordered_json points = ordered_json::array();
    for (const Point& point : series.points) {
      points.push_back(ordered_json::array({point.x, point.y}));
    }
    lines.push_back({{"name", series.name}, {"points", std::move(points)}});
  }
  return {{"name", name},
          {"title", plot.title},
          {"x", JsonOf(plot.x)},
          {"y", JsonOf(plot.y)},
          {"series", std::move(lines)}};
}

}  // namespace

BudgetVerdict JudgeBudget(const ReportRow& row) {
  if (!row.at_least.has_value() && !row.aim.has_value()) {
    return BudgetVerdict::kNone;
  }
  if (row.aim.has_value() && Meets(row, *row.aim)) return BudgetVerdict::kAim;
  if (row.at_least.has_value() && Meets(row, *row.at_least)) {
    return BudgetVerdict::kOk;
  }
  return BudgetVerdict::kMisses;
}

std::optional<double> BudgetMargin(const ReportRow& row) {
  if (!row.at_least.has_value()) return std::nullopt;
  return row.higher_is_better ? row.measured / *row.at_least
                              : *row.at_least / row.measured;
}

Report::Report(std::string version, Machine machine)
    : version_(std::move(version)), machine_(std::move(machine)) {}

void Report::Add(ReportRow row) { rows_.push_back(std::move(row)); }

void Report::Set(absl::string_view key, absl::string_view value) {
  text_facts_.emplace_back(key, value);
}

void Report::Set(absl::string_view key, double value) {
  number_facts_.emplace_back(key, value);
}

void Report::AddPlot(absl::string_view name, SvgPlot plot) {
  plots_.emplace_back(name, std::move(plot));
}

std::string Report::Text() const {
  std::vector<Line> lines = {{.cells = {"", "measured", "at least", "aim",
                                        "margin", "", "quartiles", ""}}};
  std::vector<std::string> sections;
  for (const ReportRow& row : rows_) {
    if (std::find(sections.begin(), sections.end(), row.section) ==
        sections.end()) {
      sections.push_back(row.section);
    }
  }
  for (const std::string& section : sections) {
    lines.push_back({.cells = {section}, .heading = true});
    for (const ReportRow& row : rows_) {
      if (row.section == section) lines.push_back(LineOf(row));
    }
  }
  std::string text = absl::StrCat(
      "latchkey ", version_, " on ", machine_.cpu, ", ", machine_.cores,
      " cores, ", FormatFigure(static_cast<double>(machine_.memory_bytes), "B"),
      ", ", machine_.kernel, "\n\n", Laid(lines));
  if (!text_facts_.empty() || !number_facts_.empty()) text += "\n";
  for (const auto& [key, value] : text_facts_) {
    absl::StrAppend(&text, key, ": ", value, "\n");
  }
  for (const auto& [key, value] : number_facts_) {
    absl::StrAppend(&text, key, ": ", FormatFigure(value, ""), "\n");
  }
  return text;
}

std::string Report::Json(absl::Time now) const {
  ordered_json facts = ordered_json::object();
  for (const auto& [key, value] : text_facts_) facts[key] = value;
  for (const auto& [key, value] : number_facts_) facts[key] = value;
  ordered_json figures = ordered_json::array();
  for (const ReportRow& row : rows_) figures.push_back(JsonOf(row));
  ordered_json plots = ordered_json::array();
  for (const auto& [name, plot] : plots_) plots.push_back(JsonOf(name, plot));
  const ordered_json json = {
      {"version", version_},
      {"date", absl::FormatTime(absl::RFC3339_sec, now, absl::UTCTimeZone())},
      {"machine",
       {{"cpu", machine_.cpu},
        {"cores", machine_.cores},
        {"memory_bytes", machine_.memory_bytes},
        {"kernel", machine_.kernel}}},
      {"facts", std::move(facts)},
      {"figures", std::move(figures)},
      {"plots", std::move(plots)}};
  // A name that is no UTF-8 is mended rather than thrown about.
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace) +
         "\n";
}

absl::Status Report::Write(const std::string& json_path, absl::Time now) const {
  const size_t slash = json_path.rfind('/');
  const std::string folder =
      slash == std::string::npos ? "" : json_path.substr(0, slash + 1);
  for (const auto& [name, plot] : plots_) {
    LATCHKEY_RETURN_IF_ERROR(
        WriteFile(absl::StrCat(folder, name, ".svg"), SvgText(plot)));
  }
  return WriteFile(json_path, Json(now));
}

}  // namespace latchkey::bench
