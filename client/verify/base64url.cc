#include "client/verify/base64url.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace latchkey {
namespace {

constexpr char kAlphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// Above every three bytes, so that one test over the OR of all groups finds it.
constexpr uint32_t kNotInAlphabet = 0x80000000;

using Sextets = std::array<uint32_t, 256>;

// The value of each character, where it stands in its group of four: so a
// group is three ORs over four look-ups.
constexpr Sextets MakeSextets(int shift) {
  Sextets sextets{};
  for (uint32_t& sextet : sextets) sextet = kNotInAlphabet;
  for (uint32_t i = 0; i < 64; ++i) {
    sextets[static_cast<uint8_t>(kAlphabet[i])] = i << shift;
  }
  return sextets;
}

constexpr std::array<Sextets, 4> kSextets = {MakeSextets(18), MakeSextets(12),
                                             MakeSextets(6), MakeSextets(0)};

uint32_t Sextet(size_t place, char c) {
  return kSextets[place][static_cast<uint8_t>(c)];
}

// Decodes the last two or three characters, which leave 4 or 2 unused bits.
bool DecodeTail(absl::string_view tail, char* out) {
  uint32_t bits = Sextet(0, tail[0]) | Sextet(1, tail[1]);
  if (tail.size() == 3) bits |= Sextet(2, tail[2]);
  const uint32_t unused = tail.size() == 2 ? 0xffff : 0xff;
  if ((bits & (kNotInAlphabet | unused)) != 0) return false;
  out[0] = static_cast<char>(bits >> 16);
  if (tail.size() == 3) out[1] = static_cast<char>(bits >> 8);
  return true;
}

}  // namespace

std::string Base64UrlEncode(absl::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() * 4 + 2) / 3);
  uint32_t bits = 0;
  int count = 0;
  for (const char byte : bytes) {
    bits = bits << 8 | static_cast<uint8_t>(byte);
    count += 8;
    while (count >= 6) {
      count -= 6;
      text.push_back(kAlphabet[bits >> count & 0x3f]);
    }
  }
  if (count > 0) text.push_back(kAlphabet[bits << (6 - count) & 0x3f]);
  return text;
}

std::optional<absl::string_view> Base64UrlDecodeInto(absl::string_view text,
                                                     absl::Span<char> buffer) {
  const size_t whole = text.size() / 4 * 4;
  const size_t tail = text.size() - whole;
  if (tail == 1) return std::nullopt;
  const size_t size = whole / 4 * 3 + (tail == 0 ? 0 : tail - 1);
  if (buffer.size() < size) return std::nullopt;
  const char* in = text.data();
  char* out = buffer.data();
  uint32_t seen = 0;
  for (size_t i = 0; i < whole; i += 4, in += 4, out += 3) {
    const uint32_t bits = Sextet(0, in[0]) | Sextet(1, in[1]) |
                          Sextet(2, in[2]) | Sextet(3, in[3]);
    seen |= bits;
    out[0] = static_cast<char>(bits >> 16);
    out[1] = static_cast<char>(bits >> 8);
    out[2] = static_cast<char>(bits);
  }
  if ((seen & kNotInAlphabet) != 0) return std::nullopt;
  if (tail != 0 && !DecodeTail(text.substr(whole), out)) return std::nullopt;
  return absl::string_view(buffer.data(), size);
}

std::optional<std::string> Base64UrlDecode(absl::string_view text) {
  std::string bytes(text.size() / 4 * 3 + 2, '\0');
  const auto decoded = Base64UrlDecodeInto(text, absl::MakeSpan(bytes));
  if (!decoded.has_value()) return std::nullopt;
  bytes.resize(decoded->size());
  return bytes;
}

}  // namespace latchkey
