#ifndef LATCHKEY_CLIENT_VERIFY_JSON_TEXT_H_
#define LATCHKEY_CLIENT_VERIFY_JSON_TEXT_H_

#include <string>

#include "absl/strings/string_view.h"

namespace latchkey {

// AppendJsonString appends `text` to `out` as a JSON string with its quotes.
// Quote, backslash and control characters are escaped, also U+007F to U+009F,
// so the result is safe to print on a line of a terminal. A byte that is not
// valid UTF-8 becomes \ufffd: the result is always valid JSON.
void AppendJsonString(absl::string_view text, std::string* out);

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_VERIFY_JSON_TEXT_H_
