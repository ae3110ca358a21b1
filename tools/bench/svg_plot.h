#ifndef LATCHKEY_TOOLS_BENCH_SVG_PLOT_H_
#define LATCHKEY_TOOLS_BENCH_SVG_PLOT_H_

#include <string>
#include <vector>

#include "tools/bench/series.h"

namespace latchkey::bench {

// AxisUnit says how an axis spells its numbers.
enum class AxisUnit {
  kCount,    // 500, 10k, 1M
  kSeconds,  // 5 us, 20 ms, 1 s
  kBytes,    // 64 B, 4 KiB, 1 GiB
  kPercent,  // of a ratio: 0.5 is 50 %
};

struct Axis {
  std::string label;
  AxisUnit unit = AxisUnit::kCount;
  // A logarithmic axis leaves points out that are not above zero. A linear one
  // begins at zero, unless a point lies below.
  bool logarithmic = false;
};

struct SvgPlot {
  std::string title;
  Axis x;
  Axis y;
  std::vector<Series> series;
};

// SvgText draws `plot` as a standalone SVG picture with a light background:
// lines with a mark at each point, grid, tick labels and legend. Points that
// are no finite numbers are left out. Equal plots give equal text.
std::string SvgText(const SvgPlot& plot);

}  // namespace latchkey::bench

#endif  // LATCHKEY_TOOLS_BENCH_SVG_PLOT_H_
