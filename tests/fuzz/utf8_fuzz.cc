// UTF-8: what is taken for a character is its one spelling; and the writer of
// JSON strings makes valid, harmless JSON of any bytes.
#include <cstdint>
#include <string>

#include "client/base/utf8.h"
#include "client/verify/json.h"
#include "client/verify/json_text.h"
#include "tests/fuzz/fuzz.h"

namespace latchkey {
namespace {

// Puts the bits of one sequence together, trusting that it is one.
uint32_t CodeOf(absl::string_view sequence) {
  const auto byte = [sequence](size_t i) {
    return static_cast<uint8_t>(sequence[i]);
  };
  constexpr uint32_t kLeadBits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
  uint32_t code = byte(0) & kLeadBits[sequence.size()];
  for (size_t i = 1; i < sequence.size(); ++i) {
    code = code << 6 | (byte(i) & 0x3f);
  }
  return code;
}

bool IsControl(uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

// Returns whether the text is well-formed, by its characters one by one.
bool CheckCharacters(absl::string_view text) {
  bool control = false;
  for (absl::string_view rest = text; !rest.empty();) {
    const size_t size = Utf8SequenceSize(rest);
    Require(size <= 4 && size <= rest.size());
    if (size == 0) return false;
    const uint32_t code = CodeOf(rest.substr(0, size));
    Require(code <= 0x10ffff && (code < 0xd800 || code > 0xdfff));
    char spelled[4];
    Require(WriteUtf8(code, spelled) == size);
    Require(absl::string_view(spelled, size) == rest.substr(0, size));
    control = control || IsControl(code);
    rest.remove_prefix(size);
  }
  Require(HasControlCharacter(text) == control);
  return true;
}

void CheckJsonString(absl::string_view text, bool valid) {
  std::string json;
  AppendJsonString(text, &json);
  Require(IsValidUtf8(json) && !HasControlCharacter(json));
  JsonDocument document;
  JsonLimits limits;
  limits.max_bytes = json.size();
  Require(document.Parse(json, limits) == JsonFault::kNone);
  const auto read = document.root().AsString();
  Require(read.has_value());
  if (valid) Require(*read == text);
}

}  // namespace
}  // namespace latchkey

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text = latchkey::ViewOf(data, size);
  const bool valid = latchkey::IsValidUtf8(text);
  latchkey::Require(latchkey::CheckCharacters(text) == valid);
  latchkey::CheckJsonString(text, valid);
  return 0;
}
