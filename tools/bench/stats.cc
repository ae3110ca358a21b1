#include "tools/bench/stats.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace latchkey::bench {
namespace {

// REQUIRES: `sorted` is not empty
double Quantile(const std::vector<double>& sorted, double fraction) {
  const double place = fraction * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(std::floor(place));
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] +
         (sorted[above] - sorted[below]) * (place - std::floor(place));
}

}  // namespace

Spread SpreadOf(std::vector<double> values) {
  if (values.empty()) return Spread();
  std::sort(values.begin(), values.end());
  return {.min = values.front(),
          .lower_quartile = Quantile(values, 0.25),
          .median = Quantile(values, 0.5),
          .upper_quartile = Quantile(values, 0.75),
          .max = values.back()};
}

double Median(std::vector<double> values) {
  return SpreadOf(std::move(values)).median;
}

}  // namespace latchkey::bench
