#ifndef LATCHKEY_TOOLS_LATCHKEY_PLAIN_TEXT_H_
#define LATCHKEY_TOOLS_LATCHKEY_PLAIN_TEXT_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace latchkey {

// PlainText returns `text`, which came from outside, fit for a terminal: each
// control character (C0, DEL, C1), each character that turns the direction of
// writing, and each byte that is not UTF-8 is shown as '?', so that it can
// neither move the cursor nor forge a line.
std::string PlainText(absl::string_view text);

// ColumnsOf returns how many characters `plain`, valid UTF-8, has.
size_t ColumnsOf(absl::string_view plain);

}  // namespace latchkey

#endif  // LATCHKEY_TOOLS_LATCHKEY_PLAIN_TEXT_H_
