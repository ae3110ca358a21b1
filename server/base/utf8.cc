#include "server/base/utf8.h"

#include <cstddef>
#include <cstdint>

namespace latchkey {
namespace {

// What the first byte of a sequence says of the rest: how many bytes follow,
// and the range of the first of them. The range is where overlong forms,
// surrogates and code points above U+10FFFF are told.
struct Lead {
  size_t following;
  uint8_t low;
  uint8_t high;
};

constexpr size_t kNotALead = 4;

Lead ReadLead(uint8_t byte) {
  if (byte < 0x80) return {0, 0, 0};
  if (byte < 0xc2) return {kNotALead, 0, 0};
  if (byte < 0xe0) return {1, 0x80, 0xbf};
  if (byte == 0xe0) return {2, 0xa0, 0xbf};
  if (byte == 0xed) return {2, 0x80, 0x9f};
  if (byte < 0xf0) return {2, 0x80, 0xbf};
  if (byte == 0xf0) return {3, 0x90, 0xbf};
  if (byte < 0xf4) return {3, 0x80, 0xbf};
  if (byte == 0xf4) return {3, 0x80, 0x8f};
  return {kNotALead, 0, 0};
}

}  // namespace

bool IsValidUtf8(absl::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    const Lead lead = ReadLead(static_cast<uint8_t>(text[i]));
    if (lead.following == kNotALead) return false;
    ++i;
    if (text.size() - i < lead.following) return false;
    for (size_t k = 0; k < lead.following; ++k, ++i) {
      const uint8_t byte = static_cast<uint8_t>(text[i]);
      const uint8_t low = k == 0 ? lead.low : 0x80;
      const uint8_t high = k == 0 ? lead.high : 0xbf;
      if (byte < low || byte > high) return false;
    }
  }
  return true;
}

}  // namespace latchkey
