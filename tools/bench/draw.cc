#include "tools/bench/draw.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace latchkey::bench {
namespace {

// splitmix64, which spreads a seed over the state as xoshiro's authors advise.
uint64_t Mix(uint64_t* seed) {
  uint64_t z = (*seed += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// log1p(x) / x and expm1(x) / x, which stay exact where x is next to zero
// (an exponent of one divides zero by zero otherwise).
double Log1pOverX(double x) {
  if (std::abs(x) > 1e-8) return std::log1p(x) / x;
  return 1 - x * (0.5 - x / 3);
}

double Expm1OverX(double x) {
  if (std::abs(x) > 1e-8) return std::expm1(x) / x;
  return 1 + x / 2 * (1 + x / 3);
}

}  // namespace

Draw::Draw(uint64_t seed) {
  for (uint64_t& word : state_) word = Mix(&seed);
}

uint64_t Draw::Next() {
  const uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
  const uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

double Draw::Unit() { return static_cast<double>(Next() >> 11) * 0x1p-53; }

uint64_t Draw::Below(uint64_t limit) {
  // The high half of the product; its bias is limit / 2^64.
  return static_cast<uint64_t>(
      (static_cast<unsigned __int128>(Next()) * limit) >> 64);
}

double Draw::Gap(double mean) { return -mean * std::log1p(-Unit()); }

Zipf::Zipf(uint64_t count, double exponent)
    : count_(count), exponent_(exponent) {
  integral_of_first_ = Integral(1.5) - 1;
  integral_of_last_ = Integral(static_cast<double>(count) + 0.5);
  shortcut_ = 2 - IntegralInverse(Integral(2.5) - Density(2));
}

uint64_t Zipf::Sample(Draw& draw) const {
  while (true) {
    const double u = integral_of_last_ +
                     draw.Unit() * (integral_of_first_ - integral_of_last_);
    const double x = IntegralInverse(u);
    const double k =
        std::clamp(std::floor(x + 0.5), 1.0, static_cast<double>(count_));
    if (k - x <= shortcut_ || u >= Integral(k + 0.5) - Density(k)) {
      return static_cast<uint64_t>(k) - 1;
    }
  }
}

double Zipf::Density(double x) const {
  return std::exp(-exponent_ * std::log(x));
}

double Zipf::Integral(double x) const {
  const double log_x = std::log(x);
  return Expm1OverX((1 - exponent_) * log_x) * log_x;
}

double Zipf::IntegralInverse(double x) const {
  // Rounding may carry the argument just past the pole.
  const double t = std::max(x * (1 - exponent_), -1.0);
  return std::exp(Log1pOverX(t) * x);
}

}  // namespace latchkey::bench
