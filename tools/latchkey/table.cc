#include "tools/latchkey/table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "tools/latchkey/plain_text.h"

namespace latchkey {
namespace {

constexpr char kGap[] = "  ";

std::string Padded(const std::string& cell, size_t width) {
  return cell + std::string(width - ColumnsOf(cell), ' ');
}

}  // namespace

Table::Table(std::vector<std::string> header) : rows_{std::move(header)} {}

void Table::AddRow(std::vector<std::string> cells) {
  for (std::string& cell : cells) {
    cell = cell.empty() ? "-" : PlainText(cell);
  }
  rows_.push_back(std::move(cells));
}

std::string Table::Text() const {
  std::vector<size_t> widths(rows_.front().size(), 0);
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], ColumnsOf(row[i]));
    }
  }
  std::string text;
  for (const auto& row : rows_) {
    for (size_t i = 0; i + 1 < row.size(); ++i) {
      absl::StrAppend(&text, Padded(row[i], widths[i]), kGap);
    }
    absl::StrAppend(&text, row.back(), "\n");
  }
  return text;
}

void Record::Add(absl::string_view name, absl::string_view value) {
  if (value.empty()) return;
  lines_.emplace_back(std::string(name), PlainText(value));
}

std::string Record::Text() const {
  size_t width = 0;
  for (const auto& line : lines_) width = std::max(width, line.first.size());
  std::string text;
  for (const auto& [name, value] : lines_) {
    absl::StrAppend(&text, Padded(name, width), kGap, value, "\n");
  }
  return text;
}

}  // namespace latchkey
