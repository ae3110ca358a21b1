#include "tools/latchkey/plain_text.h"

#include <cstdint>

#include "client/base/utf8.h"

namespace latchkey {
namespace {

// TurnsOrBreaksLine tells whether `character`, one in UTF-8, changes the
// direction of writing (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to
// U+2069) or ends a line (U+2028, U+2029).
bool TurnsOrBreaksLine(absl::string_view character) {
  if (character == "\xd8\x9c") return true;
  if (character.size() != 3 || character[0] != '\xe2') return false;
  const auto last = static_cast<uint8_t>(character[2]);
  if (character[1] == '\x81') return last >= 0xa6 && last <= 0xa9;
  if (character[1] != '\x80') return false;
  return last == 0x8e || last == 0x8f || (last >= 0xa8 && last <= 0xae);
}

}  // namespace

std::string PlainText(absl::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  while (!text.empty()) {
    const size_t size = Utf8SequenceSize(text);
    const absl::string_view character = text.substr(0, size);
    if (size == 0 || HasControlCharacter(character) ||
        TurnsOrBreaksLine(character)) {
      plain += '?';
    } else {
      plain.append(character.data(), size);
    }
    text.remove_prefix(size == 0 ? 1 : size);
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
