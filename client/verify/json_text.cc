#include "client/verify/json_text.h"

#include <cstddef>
#include <cstdint>

#include "absl/strings/str_cat.h"

#include "client/base/utf8.h"

namespace latchkey {
namespace {

void AppendUnicodeEscape(uint32_t code, std::string* out) {
  absl::StrAppend(out, "\\u", absl::Hex(code, absl::kZeroPad4));
}

// Appends the character that `text` begins with, `size` valid bytes.
void AppendCharacter(absl::string_view text, size_t size, std::string* out) {
  if (size == 1) {
    const char c = text[0];
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(c);
      return;
    }
    const auto code = static_cast<uint8_t>(c);
    if (code < 0x20 || code == 0x7f) return AppendUnicodeEscape(code, out);
  } else if (size == 2 && static_cast<uint8_t>(text[0]) == 0xc2 &&
             static_cast<uint8_t>(text[1]) < 0xa0) {
    return AppendUnicodeEscape(static_cast<uint8_t>(text[1]), out);
  }
  out->append(text.data(), size);
}

}  // namespace

void AppendJsonString(absl::string_view text, std::string* out) {
  out->push_back('"');
  while (!text.empty()) {
    const size_t size = Utf8SequenceSize(text);
    if (size == 0) {
      out->append("\\ufffd");
      text.remove_prefix(1);
      continue;
    }
    AppendCharacter(text, size, out);
    text.remove_prefix(size);
  }
  out->push_back('"');
}

}  // namespace latchkey
