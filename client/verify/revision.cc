#include "client/verify/revision.h"

#include <array>
#include <cstring>

#include "absl/types/span.h"

#include "client/verify/base64url.h"

namespace latchkey {
namespace {

// RFC 4648 section 5. A revision is a whole number of groups of three bytes,
// so that there is nothing to pad.
constexpr char kDigits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr size_t kRevisionBytes = Epoch::kSize + sizeof(uint64_t);
static_assert(kRevisionBytes % 3 == 0);
static_assert(kRevisionBytes / 3 * 4 == kRevisionTokenSize);

}  // namespace

std::string RevisionToken(const Epoch& epoch, uint64_t number) {
  std::string token(kRevisionTokenSize, '\0');
  SpellRevision(epoch, number, token.data());
  return token;
}

void SpellRevision(const Epoch& epoch, uint64_t number, char* out) {
  std::array<uint8_t, kRevisionBytes> bytes;
  std::memcpy(bytes.data(), epoch.array().data(), Epoch::kSize);
  for (size_t i = 0; i < sizeof(number); ++i) {
    bytes[Epoch::kSize + i] = static_cast<uint8_t>(number >> (56 - 8 * i));
  }
  for (size_t i = 0; i < kRevisionBytes; i += 3) {
    const uint32_t group = static_cast<uint32_t>(
        bytes[i] << 16 | bytes[i + 1] << 8 | bytes[i + 2]);
    for (int shift = 18; shift >= 0; shift -= 6) {
      *out++ = kDigits[group >> shift & 63];
    }
  }
}

std::optional<RevisionPoint> ReadRevisionToken(absl::string_view token) {
  std::array<char, kRevisionBytes> buffer;
  if (token.size() != kRevisionTokenSize) return std::nullopt;
  const auto bytes = Base64UrlDecodeInto(token, absl::MakeSpan(buffer));
  if (!bytes.has_value()) return std::nullopt;
  std::array<uint8_t, Epoch::kSize> epoch;
  std::memcpy(epoch.data(), bytes->data(), epoch.size());
  uint64_t number = 0;
  for (const char byte : bytes->substr(Epoch::kSize)) {
    number = number << 8 | static_cast<uint8_t>(byte);
  }
  return RevisionPoint{.epoch = Epoch(epoch), .number = number};
}

}  // namespace latchkey
