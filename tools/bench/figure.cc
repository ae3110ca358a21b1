#include "tools/bench/figure.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace latchkey::bench {
namespace {

// Returns three digits of `value`, or all that stand before the point.
std::string Digits(double value) {
  if (value == 0) return "0";
  const int power = static_cast<int>(std::floor(std::log10(std::abs(value))));
  // Seven places: what is smaller still has a prefix or is next to nothing.
  const int places = std::clamp(2 - power, 0, 7);
  std::string text = absl::StrFormat("%.*f", places, value);
  if (places == 0) return text;
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

// Returns `value` in the largest of `units`, a factor of `base` between them
// and the first for one, that leaves at least 1 before the point.
std::string Scaled(double value, double base,
                   std::initializer_list<const char*> units) {
  const auto* unit = units.begin();
  // Half of the last digit less, so that 999.7 is a thousand already.
  while (unit + 1 != units.end() && std::abs(value) >= base - base / 2000) {
    value /= base;
    ++unit;
  }
  return absl::StrCat(Digits(value), *unit);
}

}  // namespace

std::string FormatFigure(double value, absl::string_view unit) {
  if (std::isnan(value)) return "-";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  if (unit == "s") {
    if (value == 0 || std::abs(value) >= 1) {
      return absl::StrCat(Digits(value), " s");
    }
    return Scaled(value * 1e9, 1000, {" ns", " us", " ms", " s"});
  }
  if (unit == "B") {
    return Scaled(value, 1024, {" B", " KiB", " MiB", " GiB", " TiB"});
  }
  if (unit == "x") return absl::StrCat(Digits(value), "x");
  if (unit == "%") return absl::StrCat(Digits(value * 100), " %");
  const std::string number = Scaled(value, 1000, {"", "k", "M", "G", "T"});
  if (unit.empty()) return number;
  if (absl::StartsWith(unit, "1/")) {
    return absl::StrCat(number, unit.substr(1));
  }
  return absl::StrCat(number, " ", unit);
}

}  // namespace latchkey::bench
