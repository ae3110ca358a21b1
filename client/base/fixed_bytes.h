#ifndef LATCHKEY_CLIENT_BASE_FIXED_BYTES_H_
#define LATCHKEY_CLIENT_BASE_FIXED_BYTES_H_

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"

namespace latchkey {

// FixedBytes is a value of exactly N bytes. The tag makes kinds that must not
// be mixed (a session's id and an account's uid) different types.
//
// Plain data: copyable, comparable byte by byte, hashable. Comparison is not
// constant-time: do not keep secrets in it (see SecretBytes).
template <size_t N, typename Tag>
class FixedBytes {
 public:
  static constexpr size_t kSize = N;

  constexpr FixedBytes() : bytes_{} {}
  explicit constexpr FixedBytes(const std::array<uint8_t, N>& bytes)
      : bytes_(bytes) {}

  // FromBytes copies exactly N raw bytes; any other length is nullopt.
  static std::optional<FixedBytes> FromBytes(absl::string_view raw) {
    if (raw.size() != N) return std::nullopt;
    FixedBytes result;
    std::memcpy(result.bytes_.data(), raw.data(), N);
    return result;
  }

  // FromHex reads exactly 2 * N lower-case hex digits, the one spelling.
  static std::optional<FixedBytes> FromHex(absl::string_view hex) {
    if (hex.size() != 2 * N) return std::nullopt;
    FixedBytes result;
    for (size_t i = 0; i < N; ++i) {
      const int high = HexDigit(hex[2 * i]);
      const int low = HexDigit(hex[2 * i + 1]);
      if (high < 0 || low < 0) return std::nullopt;
      result.bytes_[i] = static_cast<uint8_t>(high * 16 + low);
    }
    return result;
  }

  // view returns the raw bytes; valid while this value lives.
  absl::string_view view() const {
    return absl::string_view(reinterpret_cast<const char*>(bytes_.data()), N);
  }
  const std::array<uint8_t, N>& array() const { return bytes_; }
  std::array<uint8_t, N>& array() { return bytes_; }

  // ToHex returns 2 * N lower-case hex digits.
  std::string ToHex() const { return absl::BytesToHexString(view()); }

  friend constexpr auto operator<=>(const FixedBytes&,
                                    const FixedBytes&) = default;

  template <typename H>
  friend H AbslHashValue(H state, const FixedBytes& value) {
    return H::combine(std::move(state), value.bytes_);
  }

 private:
  static constexpr int HexDigit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
  }

  std::array<uint8_t, N> bytes_;
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_BASE_FIXED_BYTES_H_
