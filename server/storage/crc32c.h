#ifndef LATCHKEY_SERVER_STORAGE_CRC32C_H_
#define LATCHKEY_SERVER_STORAGE_CRC32C_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace latchkey {

// ExtendCrc32c returns the CRC-32C (Castagnoli, RFC 3720 B.4) of what gave
// `crc` followed by `bytes`; begin with 0.
uint32_t ExtendCrc32c(uint32_t crc, absl::string_view bytes);

inline uint32_t Crc32c(absl::string_view bytes) {
  return ExtendCrc32c(0, bytes);
}

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORAGE_CRC32C_H_
