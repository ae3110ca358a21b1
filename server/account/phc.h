#ifndef LATCHKEY_SERVER_ACCOUNT_PHC_H_
#define LATCHKEY_SERVER_ACCOUNT_PHC_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace latchkey {

// HashCost is what one Argon2id hash takes. The default is OWASP's second
// choice: 15 ms of one core here.
struct HashCost {
  uint32_t time = 2;            // passes over the memory
  uint32_t memory_kib = 19456;  // KiB of memory

  // Work returns the KiB that a hash writes, to which its time is close to
  // proportional. Costs are compared by it.
  uint64_t Work() const { return uint64_t{time} * memory_kib; }

  friend bool operator==(const HashCost&, const HashCost&) = default;
};

// Bounds of what is ever computed, checked before anything is allocated. A
// stored string is input too: an import or a damaged disk must not be able to
// take the machine's memory or a thread for minutes.
//
// libsodium's costliest preset is 1 GiB in 4 passes; nothing may cost more.
constexpr uint32_t kMaxHashMemoryKib = uint32_t{1} << 20;
constexpr uint64_t kMaxHashWork = uint64_t{4} * kMaxHashMemoryKib;
// RFC 9106: at least 8 KiB for each lane.
constexpr uint32_t kMinHashMemoryKibPerLane = 8;
// Lanes are computed one after another by libsodium, at no further cost; other
// software writes at most as many as it had cores.
constexpr uint32_t kMaxHashLanes = 64;
// RFC 9106 asks for 8 bytes of salt at least. libsodium reads tags of 16 bytes
// and more. Above 64 neither adds anything.
constexpr size_t kMinSaltBytes = 8;
constexpr size_t kMaxSaltBytes = 64;
constexpr size_t kMinTagBytes = 16;
constexpr size_t kMaxTagBytes = 64;
// No string within these bounds is longer.
constexpr size_t kMaxPhcBytes = 256;

// PhcHash is an Argon2id hash, version 0x13, as a PHC string carries it:
//
//   $argon2id$v=19$m=19456,t=2,p=1$<salt>$<tag>
//
// with salt and tag in unpadded base64 of the standard alphabet.
struct PhcHash {
  HashCost cost;
  uint32_t lanes = 1;
  std::string salt;  // raw bytes
  std::string tag;   // raw bytes

  friend bool operator==(const PhcHash&, const PhcHash&) = default;
};

// ParsePhc reads a PHC string. Only the one spelling above is read: this
// order, plain decimals, canonical base64, nothing after it. What it accepts,
// a Hasher can compute. The messages name the rule and quote nothing.
//   kInvalidArgument  not such a string
//   kOutOfRange       well-formed, and outside the bounds above
absl::StatusOr<PhcHash> ParsePhc(absl::string_view text);

// FormatPhc writes the one string that ParsePhc reads as `hash`.
std::string FormatPhc(const PhcHash& hash);

// CheckHashCost tells whether a cost may be configured: within the bounds
// above, for one lane.
//   kInvalidArgument  it is not; the message gives the bounds
absl::Status CheckHashCost(const HashCost& cost);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_ACCOUNT_PHC_H_
