#ifndef LATCHKEY_TOOLS_LATCHKEY_TABLE_H_
#define LATCHKEY_TOOLS_LATCHKEY_TABLE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace latchkey {

// Table lays out rows under a header for people. Every cell passes PlainText;
// an empty one is shown as "-".
class Table {
 public:
  explicit Table(std::vector<std::string> header);

  // REQUIRES: as many cells as the header has.
  void AddRow(std::vector<std::string> cells);

  // Text returns the whole table, a line each, the header first.
  std::string Text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// Record lays out one thing, a "name  value" line each; what is empty is left
// out. Every value passes PlainText.
class Record {
 public:
  void Add(absl::string_view name, absl::string_view value);
  std::string Text() const;

 private:
  std::vector<std::pair<std::string, std::string>> lines_;
};

}  // namespace latchkey

#endif  // LATCHKEY_TOOLS_LATCHKEY_TABLE_H_
