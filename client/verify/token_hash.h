#ifndef LATCHKEY_CLIENT_VERIFY_TOKEN_HASH_H_
#define LATCHKEY_CLIENT_VERIFY_TOKEN_HASH_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace latchkey {

// TokenHash stands for one whole text, every byte and the length, under the key
// of the TokenHasher that made it; it means nothing to another hasher.
struct TokenHash {
  std::array<uint64_t, 2> bits = {};
  uint32_t length = 0;

  friend bool operator==(const TokenHash&, const TokenHash&) = default;
};

// TokenHasher computes SipHash-2-4 of 128 bits under a key drawn at
// construction. Who does not know the key finds two texts of one hash by luck
// only, one in 2^128 per pair; a fixed hash of 128 bits would not be enough to
// accept a token by, as collisions of it can be computed beforehand.
//
// Of what may decide (SHA-256, a keyed BLAKE2b, this) it is the fastest at the
// length of a token. Immutable. Safe from any thread.
class TokenHasher {
 public:
  // Draws the key from the kernel; ends the process if it gives none.
  TokenHasher();
  TokenHasher(const TokenHasher&) = delete;
  TokenHasher& operator=(const TokenHasher&) = delete;

  // Hash hashes `text`, of less than 4 GiB. Allocates nothing.
  TokenHash Hash(absl::string_view text) const;

 private:
  static constexpr size_t kKeyBytes = 16;

  std::array<uint8_t, kKeyBytes> key_;
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_VERIFY_TOKEN_HASH_H_
