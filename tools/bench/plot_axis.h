#ifndef LATCHKEY_TOOLS_BENCH_PLOT_AXIS_H_
#define LATCHKEY_TOOLS_BENCH_PLOT_AXIS_H_

#include <string>
#include <vector>

#include "tools/bench/svg_plot.h"

namespace latchkey::bench {

struct Tick {
  double place = 0;  // along the axis, 0 to 1
  std::string label;
};

// PlotAxis lays values out along an axis that begins and ends at a tick.
class PlotAxis {
 public:
  // `values` are all that are to be shown; those that Shows refuses are left
  // out. Of none the axis goes from 0 to 1, or from 1 to 10.
  PlotAxis(const Axis& axis, const std::vector<double>& values);

  // Shows says whether `value` has a place on the axis at all.
  bool Shows(double value) const;

  // Place returns where `value` lies, 0 at the beginning and 1 at the end.
  double Place(double value) const;

  const std::vector<Tick>& ticks() const { return ticks_; }

 private:
  void LayLinear(double low, double high);
  void LayLogarithmic(double low, double high);
  void AddTicks(const std::vector<double>& values);

  const AxisUnit unit_;
  const bool logarithmic_;
  double begin_ = 0;  // of a logarithmic axis, their logarithms
  double end_ = 1;
  std::vector<Tick> ticks_;
};

}  // namespace latchkey::bench

#endif  // LATCHKEY_TOOLS_BENCH_PLOT_AXIS_H_
