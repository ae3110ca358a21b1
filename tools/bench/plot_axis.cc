#include "tools/bench/plot_axis.h"

#include <algorithm>
#include <cmath>

#include "tools/bench/figure.h"

namespace latchkey::bench {
namespace {

// Few enough that labels never touch, many enough to read a value off.
constexpr double kMostSteps = 7;

const char* UnitOf(AxisUnit unit) {
  switch (unit) {
    case AxisUnit::kSeconds:
      return "s";
    case AxisUnit::kBytes:
      return "B";
    case AxisUnit::kPercent:
      return "%";
    case AxisUnit::kCount:
      break;
  }
  return "";
}

// Returns the least of 1, 2 and 5 times a power of ten that is not below
// `least`; of bytes, the least power of two.
double RoundStep(double least, AxisUnit unit) {
  if (unit == AxisUnit::kBytes) {
    return std::exp2(std::ceil(std::log2(least)));
  }
  const double decade = std::pow(10, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (least <= factor * decade * (1 + 1e-9)) return factor * decade;
  }
  return 10 * decade;
}

// Returns 1, 2 and 5 times the powers of ten of which the first is not above
// `low` and the last not below `high`.
std::vector<double> Ladder(double low, double high) {
  std::vector<double> rungs;
  const int first = static_cast<int>(std::floor(std::log10(low)));
  for (int power = first; rungs.empty() || rungs.back() < high; ++power) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double rung = factor * std::pow(10, power);
      if (rung <= low * (1 + 1e-9)) rungs.clear();
      rungs.push_back(rung);
      if (rung >= high * (1 - 1e-9)) return rungs;
    }
  }
  return rungs;
}

}  // namespace

PlotAxis::PlotAxis(const Axis& axis, const std::vector<double>& values)
    : unit_(axis.unit), logarithmic_(axis.logarithmic) {
  double low = INFINITY;
  double high = -INFINITY;
  for (const double value : values) {
    if (!Shows(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  if (logarithmic_) {
    low > high ? LayLogarithmic(1, 10) : LayLogarithmic(low, high);
  } else {
    low > high ? LayLinear(0, 1) : LayLinear(std::min(low, 0.0), high);
  }
}

bool PlotAxis::Shows(double value) const {
  return std::isfinite(value) && (!logarithmic_ || value > 0);
}

double PlotAxis::Place(double value) const {
  const double at = logarithmic_ ? std::log10(value) : value;
  return (at - begin_) / (end_ - begin_);
}

void PlotAxis::LayLinear(double low, double high) {
  high = std::max(high, 0.0);
  if (low == high) high = 1;
  const double step = RoundStep((high - low) / kMostSteps, unit_);
  const double first = std::floor(low / step + 1e-9);
  const double last = std::ceil(high / step - 1e-9);
  begin_ = first * step;
  end_ = last * step;
  std::vector<double> values;
  for (double i = first; i <= last; ++i) values.push_back(i * step);
  AddTicks(values);
}

void PlotAxis::LayLogarithmic(double low, double high) {
  std::vector<double> values;
  if (unit_ == AxisUnit::kBytes) {
    const double first = std::floor(std::log2(low));
    const double last = std::max(std::ceil(std::log2(high)), first + 1);
    const double step = std::ceil((last - first) / kMostSteps);
    for (double power = first; power < last + step; power += step) {
      values.push_back(std::exp2(power));
    }
  } else {
    values = Ladder(low, high);
    if (values.size() < 2) values = {values[0], values[0] * 10};
  }
  if (values.size() > kMostSteps + 1 && unit_ != AxisUnit::kBytes) {
    // Whole decades, and of very many only some.
    const double first = std::floor(std::log10(low) + 1e-9);
    const double last = std::ceil(std::log10(high) - 1e-9);
    const double step = std::ceil((last - first) / kMostSteps);
    values.clear();
    for (double power = first; power < last + step; power += step) {
      values.push_back(std::pow(10, power));
    }
  }
  begin_ = std::log10(values.front());
  end_ = std::log10(values.back());
  AddTicks(values);
}

void PlotAxis::AddTicks(const std::vector<double>& values) {
  for (const double value : values) {
    ticks_.push_back(
        {.place = Place(value), .label = FormatFigure(value, UnitOf(unit_))});
  }
}

}  // namespace latchkey::bench
