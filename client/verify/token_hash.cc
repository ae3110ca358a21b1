#include "client/verify/token_hash.h"

#include <cstdlib>
#include <sodium.h>
#include <sys/random.h>

namespace latchkey {

TokenHasher::TokenHasher() {
  static_assert(kKeyBytes == crypto_shorthash_siphashx24_KEYBYTES);
  // So few bytes the kernel gives at once or not at all.
  if (getrandom(key_.data(), key_.size(), 0) !=
      static_cast<ssize_t>(key_.size())) {
    std::abort();
  }
}

TokenHash TokenHasher::Hash(absl::string_view text) const {
  TokenHash hash;
  static_assert(sizeof(hash.bits) == crypto_shorthash_siphashx24_BYTES);
  crypto_shorthash_siphashx24(reinterpret_cast<uint8_t*>(hash.bits.data()),
                              reinterpret_cast<const uint8_t*>(text.data()),
                              text.size(), key_.data());
  hash.length = static_cast<uint32_t>(text.size());
  return hash;
}

}  // namespace latchkey
