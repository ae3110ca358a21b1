#ifndef LATCHKEY_TOOLS_BENCH_FIGURE_H_
#define LATCHKEY_TOOLS_BENCH_FIGURE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace latchkey::bench {

// FormatFigure spells `value` for people, with three digits:
//   "s"    seconds, as 350 ns, 42.5 us, 1.2 ms, 90 s
//   "B"    bytes, as 80 B, 1.5 GiB
//   "1/s"  a rate, as 113k/s
//   "x"    a ratio, as 0.972x
//   "%"    a share, as 50 % for 0.5
//   ""     a count, as 64, 10M
// Any other unit stands behind the number. What is no number is "-".
std::string FormatFigure(double value, absl::string_view unit);

}  // namespace latchkey::bench

#endif  // LATCHKEY_TOOLS_BENCH_FIGURE_H_
