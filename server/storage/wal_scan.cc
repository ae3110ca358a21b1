#include "server/storage/wal_scan.h"

#include <cstddef>
#include <optional>

#include "server/storage/crc32c.h"

namespace latchkey {
namespace {

constexpr size_t kBlock = 32768;
constexpr size_t kHeader = 7;

// The types of fragments that our settings make RocksDB write (no recycled
// logs, no WAL compression).
enum class Fragment : uint8_t { kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

struct Parsed {
  Fragment type;
  size_t size;  // with the header
};

uint32_t Little32(absl::string_view bytes) {
  uint32_t value = 0;
  for (int i = 3; i >= 0; --i) {
    value = value << 8 | static_cast<uint8_t>(bytes[i]);
  }
  return value;
}

// A checksum of bytes that hold checksums is stored masked.
uint32_t Masked(uint32_t crc) {
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

// Reads the fragment at the front of `bytes`; nullopt unless it is whole and
// its checksum is right.
std::optional<Parsed> ParseFragment(absl::string_view bytes) {
  if (bytes.size() < kHeader) return std::nullopt;
  const size_t length = static_cast<uint8_t>(bytes[4]) |
                        static_cast<size_t>(static_cast<uint8_t>(bytes[5]))
                            << 8;
  const uint8_t type = static_cast<uint8_t>(bytes[6]);
  if (type < static_cast<uint8_t>(Fragment::kFull) ||
      type > static_cast<uint8_t>(Fragment::kLast) ||
      length > bytes.size() - kHeader) {
    return std::nullopt;
  }
  const uint32_t crc = Crc32c(bytes.substr(6, 1 + length));
  if (Masked(crc) != Little32(bytes)) return std::nullopt;
  return Parsed{static_cast<Fragment>(type), kHeader + length};
}

// Tells whether a fragment of this type may follow.
bool Follows(Fragment type, bool inside_record) {
  const bool begins = type == Fragment::kFull || type == Fragment::kFirst;
  return begins != inside_record;
}

bool AnyFragmentIn(absl::string_view bytes) {
  for (; bytes.size() >= kHeader; bytes.remove_prefix(1)) {
    if (ParseFragment(bytes).has_value()) return true;
  }
  return false;
}

}  // namespace

LogScan ScanLog(absl::string_view file) {
  LogScan scan;
  size_t at = 0;
  bool inside_record = false;
  while (at < file.size()) {
    const size_t block_left = kBlock - at % kBlock;
    if (block_left < kHeader) {  // filled up with zeros
      at += block_left;
      continue;
    }
    const auto fragment = ParseFragment(file.substr(at, block_left));
    if (!fragment.has_value() || !Follows(fragment->type, inside_record)) {
      scan.intact = false;
      scan.records_beyond = AnyFragmentIn(file.substr(at));
      return scan;
    }
    at += fragment->size;
    inside_record = fragment->type == Fragment::kFirst ||
                    fragment->type == Fragment::kMiddle;
    if (!inside_record) {
      scan.valid_bytes = at;
      ++scan.records;
    }
  }
  scan.intact = !inside_record;
  return scan;
}

}  // namespace latchkey
