// base64url: one spelling per byte string, and what an independent decoder
// takes.
#include <cstdint>
#include <sodium.h>
#include <string>

#include "absl/types/span.h"

#include "client/verify/base64url.h"
#include "tests/fuzz/fuzz.h"

namespace latchkey {
namespace {

std::optional<std::string> DecodeBySodium(absl::string_view text) {
  // It takes bytes above 0x7f for characters.
  for (const char c : text) {
    if (static_cast<uint8_t>(c) > 0x7f) return std::nullopt;
  }
  std::string bytes(text.size() + 1, '\0');
  size_t size = 0;
  if (sodium_base642bin(reinterpret_cast<uint8_t*>(bytes.data()), bytes.size(),
                        text.data(), text.size(), nullptr, &size, nullptr,
                        sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0) {
    return std::nullopt;
  }
  bytes.resize(size);
  return bytes;
}

void CheckAsText(absl::string_view text) {
  const std::optional<std::string> bytes = Base64UrlDecode(text);
  Require(bytes == DecodeBySodium(text));
  if (!bytes.has_value()) return;
  Require(Base64UrlEncode(*bytes) == text);

  // A buffer that is just large enough, and one that is too small.
  std::string buffer(bytes->size(), 'x');
  const auto into = Base64UrlDecodeInto(text, absl::MakeSpan(buffer));
  Require(into.has_value() && *into == *bytes);
  if (bytes->empty()) return;
  std::string small(bytes->size() - 1, 'x');
  Require(!Base64UrlDecodeInto(text, absl::MakeSpan(small)).has_value());
}

void CheckAsBytes(absl::string_view bytes) {
  const std::string text = Base64UrlEncode(bytes);
  const std::optional<std::string> back = Base64UrlDecode(text);
  Require(back.has_value() && *back == bytes);
}

}  // namespace
}  // namespace latchkey

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  latchkey::CheckAsText(latchkey::ViewOf(data, size));
  latchkey::CheckAsBytes(latchkey::ViewOf(data, size));
  return 0;
}
