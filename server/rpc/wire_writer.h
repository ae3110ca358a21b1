#ifndef LATCHKEY_SERVER_RPC_WIRE_WRITER_H_
#define LATCHKEY_SERVER_RPC_WIRE_WRITER_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/strings/string_view.h"

namespace latchkey {

// VarintSize returns how many bytes `value` takes as a varint, 1 to 10.
constexpr size_t VarintSize(uint64_t value) {
  // Seven bits a byte, rounded up: 9/64 is near enough to 1/7 for 64 bits.
  return (static_cast<size_t>(std::bit_width(value | 1)) * 9 + 64) / 64;
}

// BytesFieldSize returns what a field below number 16 takes that holds `size`
// bytes: tag, length and the bytes.
constexpr size_t BytesFieldSize(size_t size) {
  return 1 + VarintSize(size) + size;
}

// WireWriter writes fields in Protobuf's wire format into memory whose size the
// caller has computed before: no room is checked for. Field numbers are below
// 16, so that a tag is one byte.
class WireWriter {
 public:
  explicit WireWriter(char* out) : out_(out) {}

  void Varint(int field, uint64_t value) {
    Tag(field, 0);
    Raw(value);
  }
  void Bytes(int field, absl::string_view value) {
    Begin(field, value.size());
    Append(value);
  }
  // Begin writes the tag and length of a field whose `size` bytes follow.
  void Begin(int field, size_t size) {
    Tag(field, 2);
    Raw(size);
  }
  void Append(absl::string_view value) {
    std::memcpy(out_, value.data(), value.size());
    out_ += value.size();
  }

  char* end() const { return out_; }

 private:
  void Tag(int field, int type) {
    *out_++ = static_cast<char>(field << 3 | type);
  }
  void Raw(uint64_t value) {
    while (value >= 0x80) {
      *out_++ = static_cast<char>(value | 0x80);
      value >>= 7;
    }
    *out_++ = static_cast<char>(value);
  }

  char* out_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_WIRE_WRITER_H_
