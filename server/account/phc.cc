#include "server/account/phc.h"

#include <optional>
#include <sodium.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "client/base/status_macros.h"

namespace latchkey {
namespace {

constexpr absl::string_view kPrefix = "$argon2id$v=19$";

// Cuts the text up to `separator` off the front of `rest`; nullopt if there is
// no separator.
std::optional<absl::string_view> TakeUntil(absl::string_view& rest,
                                           char separator) {
  const size_t end = rest.find(separator);
  if (end == absl::string_view::npos) return std::nullopt;
  const absl::string_view taken = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return taken;
}

// Reads `name` and a plain decimal after it: digits, no sign, no leading zero.
absl::StatusOr<uint32_t> ReadParameter(absl::string_view text,
                                       absl::string_view name) {
  const absl::Status malformed =
      absl::InvalidArgumentError("parameters are not m=,t=,p= in decimals");
  if (!absl::ConsumePrefix(&text, name) || text.empty()) return malformed;
  for (const char c : text) {
    if (c < '0' || c > '9') return malformed;
  }
  if (text[0] == '0' && text.size() > 1) return malformed;
  uint32_t value;
  if (!absl::SimpleAtoi(text, &value)) {
    return absl::OutOfRangeError("a parameter is too large");
  }
  return value;
}

std::string WriteBase64(absl::string_view bytes) {
  std::string text(sodium_base64_ENCODED_LEN(
                       bytes.size(), sodium_base64_VARIANT_ORIGINAL_NO_PADDING),
                   '\0');
  sodium_bin2base64(text.data(), text.size(),
                    reinterpret_cast<const uint8_t*>(bytes.data()),
                    bytes.size(), sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
  text.pop_back();  // the terminator that libsodium writes
  return text;
}

absl::StatusOr<std::string> ReadBase64(absl::string_view text, size_t min,
                                       size_t max) {
  std::string bytes(text.size() / 4 * 3 + 3, '\0');
  size_t size = 0;
  // With no end pointer libsodium takes the whole text or fails. It also takes
  // bytes above 0x7f for characters: what spells otherwise is refused.
  if (sodium_base642bin(reinterpret_cast<uint8_t*>(bytes.data()), bytes.size(),
                        text.data(), text.size(), nullptr, &size, nullptr,
                        sodium_base64_VARIANT_ORIGINAL_NO_PADDING) != 0 ||
      WriteBase64(absl::string_view(bytes).substr(0, size)) != text) {
    return absl::InvalidArgumentError(
        "salt or tag is not canonical unpadded base64");
  }
  if (size < min || size > max) {
    return absl::OutOfRangeError("salt or tag is too short or too long");
  }
  bytes.resize(size);
  return bytes;
}

absl::Status CheckBounds(const HashCost& cost, uint32_t lanes) {
  if (lanes < 1 || lanes > kMaxHashLanes) {
    return absl::OutOfRangeError(
        absl::StrCat("lanes are not from 1 to ", kMaxHashLanes));
  }
  if (cost.memory_kib < kMinHashMemoryKibPerLane * lanes ||
      cost.memory_kib > kMaxHashMemoryKib) {
    return absl::OutOfRangeError(
        absl::StrCat("memory is not from ", kMinHashMemoryKibPerLane,
                     " KiB for each lane to ", kMaxHashMemoryKib, " KiB"));
  }
  if (cost.time < 1 || cost.Work() > kMaxHashWork) {
    return absl::OutOfRangeError(
        absl::StrCat("passes are not from 1 to what makes, times the memory, ",
                     kMaxHashWork, " KiB"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PhcHash> ParsePhc(absl::string_view text) {
  if (text.size() > kMaxPhcBytes) {
    return absl::OutOfRangeError("the string is too long");
  }
  absl::string_view rest = text;
  if (!absl::ConsumePrefix(&rest, kPrefix)) {
    return absl::InvalidArgumentError("it does not begin as $argon2id$v=19$");
  }
  const auto memory = TakeUntil(rest, ',');
  const auto time = TakeUntil(rest, ',');
  const auto lanes = TakeUntil(rest, '$');
  const auto salt = TakeUntil(rest, '$');
  if (!salt.has_value() || !lanes.has_value() || !time.has_value() ||
      !memory.has_value()) {
    return absl::InvalidArgumentError("a part is missing");
  }
  PhcHash hash;
  LATCHKEY_ASSIGN_OR_RETURN(hash.cost.memory_kib, ReadParameter(*memory, "m="));
  LATCHKEY_ASSIGN_OR_RETURN(hash.cost.time, ReadParameter(*time, "t="));
  LATCHKEY_ASSIGN_OR_RETURN(hash.lanes, ReadParameter(*lanes, "p="));
  LATCHKEY_RETURN_IF_ERROR(CheckBounds(hash.cost, hash.lanes));
  LATCHKEY_ASSIGN_OR_RETURN(hash.salt,
                            ReadBase64(*salt, kMinSaltBytes, kMaxSaltBytes));
  LATCHKEY_ASSIGN_OR_RETURN(hash.tag,
                            ReadBase64(rest, kMinTagBytes, kMaxTagBytes));
  return hash;
}

std::string FormatPhc(const PhcHash& hash) {
  return absl::StrCat(kPrefix, "m=", hash.cost.memory_kib,
                      ",t=", hash.cost.time, ",p=", hash.lanes, "$",
                      WriteBase64(hash.salt), "$", WriteBase64(hash.tag));
}

absl::Status CheckHashCost(const HashCost& cost) {
  const absl::Status bounds = CheckBounds(cost, 1);
  if (bounds.ok()) return bounds;
  return absl::InvalidArgumentError(
      absl::StrCat("hash cost: ", bounds.message()));
}

}  // namespace latchkey
