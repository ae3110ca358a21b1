#ifndef LATCHKEY_TOOLS_BENCH_STATS_H_
#define LATCHKEY_TOOLS_BENCH_STATS_H_

#include <vector>

namespace latchkey::bench {

// Spread is how a set of figures lies: quartiles by linear interpolation.
struct Spread {
  double min = 0;
  double lower_quartile = 0;
  double median = 0;
  double upper_quartile = 0;
  double max = 0;
};

// SpreadOf returns the spread of `values`; of none, zeros.
Spread SpreadOf(std::vector<double> values);

// Median returns the middle of `values`, or the mean of the middle two.
double Median(std::vector<double> values);

}  // namespace latchkey::bench

#endif  // LATCHKEY_TOOLS_BENCH_STATS_H_
