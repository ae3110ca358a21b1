#ifndef LATCHKEY_SERVER_STORAGE_BYTE_CODEC_H_
#define LATCHKEY_SERVER_STORAGE_BYTE_CODEC_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace latchkey {

// The longest string and the longest list that a record holds: both are
// counted in two bytes. The edge's own limits are far below.
constexpr size_t kMaxRecordItem = 0xffff;

// ByteWriter puts the fields of a record one after the other: integers
// big-endian, times as microseconds since 1970, strings and lists behind a
// two-byte count.
class ByteWriter {
 public:
  void U8(uint8_t value) { bytes_.push_back(static_cast<char>(value)); }
  void U32(uint32_t value) { Big(value, 4); }
  void U64(uint64_t value) { Big(value, 8); }
  void Time(absl::Time value) {
    U64(static_cast<uint64_t>(absl::ToUnixMicros(value)));
  }
  void Duration(absl::Duration value) {
    U64(static_cast<uint64_t>(absl::ToInt64Microseconds(value)));
  }
  // Raw puts bytes whose number the reader knows.
  void Raw(absl::string_view value) {
    bytes_.append(value.data(), value.size());
  }
  // REQUIRES: at most kMaxRecordItem bytes.
  void String(absl::string_view value) {
    Count(value.size());
    Raw(value);
  }
  void Strings(const std::vector<std::string>& values) {
    Count(values.size());
    for (const std::string& value : values) String(value);
  }

  std::string Take() { return std::move(bytes_); }

 private:
  void Count(size_t count) {
    // Writing a cut count would damage the record: the edge let through what
    // it must not.
    if (count > kMaxRecordItem) std::abort();
    Big(count, 2);
  }
  void Big(uint64_t value, int width) {
    for (int shift = 8 * (width - 1); shift >= 0; shift -= 8) {
      bytes_.push_back(static_cast<char>(value >> shift));
    }
  }

  std::string bytes_;
};

// ByteReader takes apart what ByteWriter made. The first field that is not
// there makes every further one zero or empty; Complete tells in the end.
class ByteReader {
 public:
  // `bytes` must outlive the reader.
  explicit ByteReader(absl::string_view bytes) : rest_(bytes) {}

  uint8_t U8() { return static_cast<uint8_t>(Big(1)); }
  uint32_t U32() { return static_cast<uint32_t>(Big(4)); }
  uint64_t U64() { return Big(8); }
  absl::Time Time() {
    return absl::FromUnixMicros(static_cast<int64_t>(Big(8)));
  }
  absl::Duration Duration() {
    return absl::Microseconds(static_cast<int64_t>(Big(8)));
  }
  absl::string_view Raw(size_t size) {
    if (size > rest_.size()) {
      ok_ = false;
      rest_ = absl::string_view();
    }
    if (!ok_) return absl::string_view();
    const absl::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  std::string String() { return std::string(Raw(Big(2))); }
  std::vector<std::string> Strings() {
    std::vector<std::string> values;
    const size_t count = Big(2);
    for (size_t i = 0; i < count && ok_; ++i) values.push_back(String());
    return values;
  }
  // Fixed reads a FixedBytes.
  template <typename T>
  T Fixed() {
    return T::FromBytes(Raw(T::kSize)).value_or(T());
  }

  // Complete tells whether every field was there and nothing is left.
  bool Complete() const { return ok_ && rest_.empty(); }

 private:
  uint64_t Big(size_t width) {
    uint64_t value = 0;
    for (const char c : Raw(width)) {
      value = value << 8 | static_cast<uint8_t>(c);
    }
    return value;
  }

  absl::string_view rest_;
  bool ok_ = true;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORAGE_BYTE_CODEC_H_
