#ifndef LATCHKEY_CLIENT_VERIFY_BASE64URL_H_
#define LATCHKEY_CLIENT_VERIFY_BASE64URL_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace latchkey {

// The codec of RFC 4648 section 5 without padding, as RFC 7515 section 2 asks
// for. Every byte string has exactly one spelling: no padding, no character
// outside the alphabet (white space included), no unused bit that is not zero.
// So two texts that decode alike are alike.

// Base64UrlEncode returns the spelling of `bytes`; empty for none.
std::string Base64UrlEncode(absl::string_view bytes);

// Base64UrlDecode returns the bytes that `text` spells, or nullopt if it is
// not the one spelling of any. Any length; the empty text spells no bytes.
std::optional<std::string> Base64UrlDecode(absl::string_view text);

// Base64UrlDecodeInto decodes to the front of `buffer` without allocating and
// returns the part written, which is valid while the buffer is. nullopt also
// if the buffer has less than 3/4 of the text's size; what the buffer then
// holds is unspecified.
std::optional<absl::string_view> Base64UrlDecodeInto(absl::string_view text,
                                                     absl::Span<char> buffer);

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_VERIFY_BASE64URL_H_
