#ifndef LATCHKEY_CLIENT_BASE_UTF8_H_
#define LATCHKEY_CLIENT_BASE_UTF8_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace latchkey {

// Utf8SequenceSize returns the number of bytes, 1 to 4, of the character that
// `text` begins with, or 0 if it does not begin with a well-formed one (RFC
// 3629: shortest form, no surrogate, at most U+10FFFF) or is empty.
size_t Utf8SequenceSize(absl::string_view text);

// IsValidUtf8 tells whether `text` is well-formed characters from end to end.
// NUL is an ordinary one; the empty text is valid.
bool IsValidUtf8(absl::string_view text);

// WriteUtf8 writes the character `code` to `out`, which must have room for 4
// bytes, and returns how many it wrote.
// REQUIRES: code <= 0x10FFFF and not a surrogate.
size_t WriteUtf8(uint32_t code, char* out);

// HasControlCharacter tells whether `text`, valid UTF-8, holds a control
// character: U+0000 to U+001F or U+007F to U+009F. Such text would write its
// own lines into a log, or its own commands into a terminal.
bool HasControlCharacter(absl::string_view text);

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_BASE_UTF8_H_
