#ifndef LATCHKEY_SERVER_CREDENTIAL_SEALER_H_
#define LATCHKEY_SERVER_CREDENTIAL_SEALER_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "client/base/secret_bytes.h"

namespace latchkey {

// Sealer encrypts what must not lie on disk in clear, by AES-256-GCM under one
// master key. A sealed text, for ever:
//
//   byte   0      1 .. 12        13 .. n-17    n-16 .. n-1
//          0x01   random nonce   ciphertext    tag
//
// The associated data is not in it: whoever opens must say it again, so that a
// sealed text moved to another place does not open there. A random nonce of 96
// bits is sound for 2^32 texts of one key; there are a few keys a year.
//
// Movable. Safe from any thread.
class Sealer {
 public:
  static constexpr size_t kKeyBytes = 32;
  // Of a plaintext. What is sealed are private keys of 32 bytes.
  static constexpr size_t kMaxPlaintextBytes = 4096;

  // FromKey takes the master key.
  //   kInvalidArgument  it has not kKeyBytes bytes
  static absl::StatusOr<Sealer> FromKey(SecretBytes key);

  // Seal returns `plaintext` sealed, for `associated_data` of any length.
  //   kInvalidArgument  over kMaxPlaintextBytes
  //   kInternal         OpenSSL failed
  absl::StatusOr<std::string> Seal(absl::string_view plaintext,
                                   absl::string_view associated_data) const;

  // Open returns what was sealed for the same associated data.
  //   kDataLoss            not a sealed text at all (kCorruptRecord)
  //   kFailedPrecondition  sealed under another key or for other associated
  //                        data, or damaged: these cannot be told apart
  //                        (kMasterKeyWrong)
  absl::StatusOr<SecretBytes> Open(absl::string_view sealed,
                                   absl::string_view associated_data) const;

 private:
  explicit Sealer(SecretBytes key);

  SecretBytes key_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_CREDENTIAL_SEALER_H_
