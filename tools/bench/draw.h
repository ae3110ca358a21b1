#ifndef LATCHKEY_TOOLS_BENCH_DRAW_H_
#define LATCHKEY_TOOLS_BENCH_DRAW_H_

#include <array>
#include <cstdint>

namespace latchkey::bench {

// Draw gives random numbers for a load: cheap (xoshiro256++), the same ones
// for the same seed on every machine, and not for secrets.
// For one thread.
class Draw {
 public:
  explicit Draw(uint64_t seed);

  // Next returns 64 random bits.
  uint64_t Next();

  // Unit returns a number in [0, 1).
  double Unit();

  // Below returns an integer in [0, limit). REQUIRES: limit > 0
  uint64_t Below(uint64_t limit);

  // Gap returns the wait until the next arrival of a Poisson process with
  // `mean` between arrivals, in the unit of `mean`.
  double Gap(double mean);

 private:
  std::array<uint64_t, 4> state_;
};

// Zipf draws ranks in [0, count): rank r comes with a probability in
// proportion to 1 / (r + 1)^exponent. It keeps no table: the cost of a draw
// does not grow with `count` (rejection-inversion, Hoermann and Derflinger
// 1996).
class Zipf {
 public:
  // REQUIRES: count > 0, exponent > 0
  Zipf(uint64_t count, double exponent);

  uint64_t Sample(Draw& draw) const;

 private:
  double Integral(double x) const;
  double IntegralInverse(double x) const;
  double Density(double x) const;

  const uint64_t count_;
  const double exponent_;
  double integral_of_first_;
  double integral_of_last_;
  double shortcut_;
};

}  // namespace latchkey::bench

#endif  // LATCHKEY_TOOLS_BENCH_DRAW_H_
