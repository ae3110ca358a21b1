#include "server/credential/opaque_id.h"

#include <cstring>
#include <utility>
#include <zlib.h>

#include "server/base/random.h"

namespace latchkey {
namespace {

constexpr absl::string_view kDigits =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr size_t kPrefixSize = 4;
constexpr size_t kBodySize = 43;  // 62^43 is just above 2^256
constexpr size_t kCheckSize = 6;  // 62^6 is above 2^32
constexpr size_t kCheckedSize = kPrefixSize + kBodySize;
static_assert(kCheckedSize + kCheckSize == kOpaqueBytes);

// 2^256 - 1. Digits are in the order of ASCII, so numbers of the same length
// compare as their texts do.
constexpr absl::string_view kHighestBody =
    "yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1";
static_assert(kHighestBody.size() == kBodySize);

absl::string_view Prefix(OpaqueKind kind) {
  switch (kind) {
    case OpaqueKind::kSession:
      return "lks_";
    case OpaqueKind::kRefresh:
      return "lkr_";
    case OpaqueKind::kClientSecret:
      return "lkc_";
  }
  return "";
}

constexpr std::array<bool, 256> MakeDigitTable() {
  std::array<bool, 256> table{};
  for (const char c : kDigits) table[static_cast<uint8_t>(c)] = true;
  return table;
}
constexpr std::array<bool, 256> kIsDigit = MakeDigitTable();

// Writes the number in `limbs`, most significant first, as 43 digits; leaves
// the limbs zero.
void WriteBody(std::array<uint32_t, 8>& limbs, char* out) {
  for (size_t i = kBodySize; i > 0; --i) {
    uint64_t remainder = 0;
    for (uint32_t& limb : limbs) {
      remainder = remainder << 32 | limb;
      limb = static_cast<uint32_t>(remainder / kDigits.size());
      remainder %= kDigits.size();
    }
    out[i - 1] = kDigits[remainder];
  }
}

void WriteCheck(const char* checked, char* out) {
  uint32_t crc = static_cast<uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(checked), kCheckedSize));
  for (size_t i = kCheckSize; i > 0; --i) {
    out[i - 1] = kDigits[crc % kDigits.size()];
    crc /= kDigits.size();
  }
}

}  // namespace

MintedCredential MintOpaque(OpaqueKind kind) {
  std::array<uint8_t, 32> bytes;
  FillRandom(bytes.data(), bytes.size());
  MintedCredential minted = SpellOpaque(kind, bytes);
  WipeMemory(bytes.data(), bytes.size());
  return minted;
}

MintedCredential SpellOpaque(OpaqueKind kind,
                             const std::array<uint8_t, 32>& bytes) {
  std::array<uint32_t, 8> limbs;
  for (size_t i = 0; i < limbs.size(); ++i) {
    limbs[i] = uint32_t{bytes[4 * i]} << 24 | uint32_t{bytes[4 * i + 1]} << 16 |
               uint32_t{bytes[4 * i + 2]} << 8 | bytes[4 * i + 3];
  }
  SecretBytes text(kOpaqueBytes);
  char* const out = reinterpret_cast<char*>(text.data());
  std::memcpy(out, Prefix(kind).data(), kPrefixSize);
  WriteBody(limbs, out + kPrefixSize);
  WriteCheck(out, out + kCheckedSize);
  const CredentialDigest digest = DigestOf(text.Reveal());
  return {.text = std::move(text), .digest = digest};
}

std::optional<CredentialDigest> ReadOpaque(OpaqueKind kind,
                                           absl::string_view text) {
  if (text.size() != kOpaqueBytes) return std::nullopt;
  if (text.substr(0, kPrefixSize) != Prefix(kind)) return std::nullopt;
  const absl::string_view body = text.substr(kPrefixSize, kBodySize);
  for (const char c : body) {
    if (!kIsDigit[static_cast<uint8_t>(c)]) return std::nullopt;
  }
  if (body > kHighestBody) return std::nullopt;
  char check[kCheckSize];
  WriteCheck(text.data(), check);
  if (std::memcmp(check, text.data() + kCheckedSize, kCheckSize) != 0) {
    return std::nullopt;
  }
  return DigestOf(text);
}

}  // namespace latchkey
