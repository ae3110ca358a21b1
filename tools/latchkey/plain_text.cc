#include "tools/latchkey/plain_text.h"

#include <cstdint>

namespace latchkey {
namespace {

// DecodeOne reads the character that `text`, not empty, begins with. Returns
// its length in bytes, or 0 if it is not well-formed UTF-8 (RFC 3629: no
// overlong spelling, no surrogate, nothing past U+10FFFF).
size_t DecodeOne(absl::string_view text, uint32_t* code_point) {
  const auto byte = [text](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) {
    *code_point = first;
    return 1;
  }
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  uint32_t value = first & (0x7f >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    value = value << 6 | (byte(i) & 0x3f);
  }
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < kLeast[length] || value > 0x10ffff || surrogate) return 0;
  *code_point = value;
  return length;
}

bool TurnsDirection(uint32_t code_point) {
  return code_point == 0x61c || code_point == 0x200e || code_point == 0x200f ||
         (code_point >= 0x202a && code_point <= 0x202e) ||
         (code_point >= 0x2066 && code_point <= 0x2069);
}

bool IsControl(uint32_t code_point) {
  const bool line_end = code_point == 0x2028 || code_point == 0x2029;
  return code_point < 0x20 || (code_point >= 0x7f && code_point <= 0x9f) ||
         line_end;
}

}  // namespace

std::string PlainText(absl::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  while (!text.empty()) {
    uint32_t code_point = 0;
    const size_t length = DecodeOne(text, &code_point);
    if (length == 0 || IsControl(code_point) || TurnsDirection(code_point)) {
      plain += '?';
    } else {
      plain.append(text.data(), length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return plain;
}

size_t ColumnsOf(absl::string_view plain) {
  size_t columns = 0;
  for (const char c : plain) {
    if ((static_cast<uint8_t>(c) & 0xc0) != 0x80) ++columns;
  }
  return columns;
}

}  // namespace latchkey
