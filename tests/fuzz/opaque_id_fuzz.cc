// Opaque credentials: exactly what we spell is read.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>

#include "server/credential/opaque_id.h"
#include "tests/fuzz/fuzz.h"

namespace latchkey {
namespace {

constexpr size_t kPrefixSize = 4;
constexpr size_t kBodySize = 43;

// Reads the 43 digits, byte by byte, as nobody would who wants it fast.
std::array<uint8_t, 32> BytesOf(absl::string_view body) {
  std::array<uint8_t, 32> bytes{};
  for (const char c : body) {
    unsigned carry = c <= '9'   ? c - '0'
                     : c <= 'Z' ? c - 'A' + 10
                                : c - 'a' + 36;
    for (size_t i = bytes.size(); i > 0; --i) {
      carry += bytes[i - 1] * 62u;
      bytes[i - 1] = static_cast<uint8_t>(carry);
      carry >>= 8;
    }
    Require(carry == 0);
  }
  return bytes;
}

void CheckAsText(OpaqueKind kind, absl::string_view text) {
  const std::optional<CredentialDigest> digest = ReadOpaque(kind, text);
  if (!digest.has_value()) return;
  const MintedCredential again =
      SpellOpaque(kind, BytesOf(text.substr(kPrefixSize, kBodySize)));
  Require(again.text.Reveal() == text);
  Require(again.digest == *digest);
}

void CheckAsBytes(const uint8_t* data, size_t size) {
  std::array<uint8_t, 32> bytes{};
  std::memcpy(bytes.data(), data, std::min(size, bytes.size()));
  const MintedCredential minted = SpellOpaque(OpaqueKind::kSession, bytes);
  const std::string text(minted.text.Reveal());
  Require(ReadOpaque(OpaqueKind::kSession, text) == minted.digest);
  Require(!ReadOpaque(OpaqueKind::kRefresh, text).has_value());
  CheckAsText(OpaqueKind::kSession, text);
  // No single character can be another one: the checksum sees it.
  const size_t at = size == 0 ? 0 : data[size - 1] % text.size();
  for (const char c : {'0', 'A', 'z', '_', '\0', '\xff'}) {
    std::string changed = text;
    changed[at] = c;
    Require(changed == text ||
            !ReadOpaque(OpaqueKind::kSession, changed).has_value());
  }
}

}  // namespace
}  // namespace latchkey

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using latchkey::OpaqueKind;
  const absl::string_view text = latchkey::ViewOf(data, size);
  latchkey::CheckAsText(OpaqueKind::kSession, text);
  latchkey::CheckAsText(OpaqueKind::kRefresh, text);
  latchkey::CheckAsBytes(data, size);
  return 0;
}
