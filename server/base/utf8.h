#ifndef LATCHKEY_SERVER_BASE_UTF8_H_
#define LATCHKEY_SERVER_BASE_UTF8_H_

#include "absl/strings/string_view.h"

namespace latchkey {

// IsValidUtf8 tells whether `text` is well-formed UTF-8 by RFC 3629: shortest
// forms only, no surrogates, nothing above U+10FFFF. NUL is an ordinary
// character; the empty text is valid.
bool IsValidUtf8(absl::string_view text);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_BASE_UTF8_H_
