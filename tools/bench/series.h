#ifndef LATCHKEY_TOOLS_BENCH_SERIES_H_
#define LATCHKEY_TOOLS_BENCH_SERIES_H_

#include <string>
#include <vector>

namespace latchkey::bench {

struct Point {
  double x = 0;
  double y = 0;
};

// Series is one named line of a plot. Times are in seconds, sizes in bytes.
struct Series {
  std::string name;
  std::vector<Point> points;
};

}  // namespace latchkey::bench

#endif  // LATCHKEY_TOOLS_BENCH_SERIES_H_
