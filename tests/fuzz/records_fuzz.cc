// Records on disk: a decoder takes exactly what its encoder makes. The first
// byte of the input chooses the kind, the rest is the record.
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include "server/base/error.h"
#include "server/storage/records.h"
#include "tests/fuzz/fuzz.h"

namespace latchkey {
namespace {

// Decodes; what it takes must encode to the same bytes. Returns the value, if
// it takes any.
template <typename Decode, typename Encode>
auto Check(absl::string_view record, Decode decode, Encode encode) {
  auto value = decode(record);
  using Value = std::decay_t<decltype(*value)>;
  if (!value.ok()) {
    Require(absl::IsDataLoss(value.status()) &&
            ReasonOf(value.status()) == Reason::kCorruptRecord);
    return std::optional<Value>();
  }
  Require(encode(*value) == record);
  return std::optional<Value>(*std::move(value));
}

void CheckKind(uint8_t kind, absl::string_view record) {
  const auto expire = ReadExpire(record);
  switch (kind % 10) {
    case 0:
      Check(
          record, [](auto bytes) { return DecodeAccount("alice", bytes); },
          EncodeAccount);
      return;
    case 1: {
      const auto session = Check(record, DecodeSession, EncodeSession);
      return Require(!session.has_value() || expire == session->expire_time);
    }
    case 2: {
      const auto pointer =
          Check(record, DecodeSessionPointer, EncodeSessionPointer);
      return Require(!pointer.has_value() || expire == pointer->expire_time);
    }
    case 3: {
      const auto note = Check(record, DecodeActivity, EncodeActivity);
      return Require(!note.has_value() || expire == note->expire_time);
    }
    case 4: {
      const auto revoked = Check(record, DecodeRevocations, EncodeRevocations);
      if (!revoked.has_value()) return;
      for (const Revocation& revocation : *revoked) {
        Require(*expire >= revocation.drop_time);
      }
      return;
    }
    case 5:
      Check(
          record, [](auto bytes) { return DecodeKey("kid", bytes); },
          EncodeKey);
      return;
    case 6:
      Check(record, DecodeMetaNumber32, EncodeMetaNumber32);
      return;
    case 7:
      Check(record, DecodeMetaNumber64, EncodeMetaNumber64);
      return;
    case 8:
      Check(record, DecodeMetaEpoch, EncodeMetaEpoch);
      return;
    default:
      Check(record, DecodeMetaString, EncodeMetaString);
      return;
  }
}

}  // namespace
}  // namespace latchkey

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  latchkey::CheckKind(data[0], latchkey::ViewOf(data + 1, size - 1));
  return 0;
}
