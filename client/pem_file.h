#ifndef LATCHKEY_CLIENT_PEM_FILE_H_
#define LATCHKEY_CLIENT_PEM_FILE_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"

#include "client/base/secret_bytes.h"

namespace latchkey {

// The most bytes of a file that are read: the CAs of a system are a quarter.
constexpr size_t kMaxPemBytes = 1 << 20;

// ReadCertificates reads the file `path` of PEM certificates.
//   kFailedPrecondition  cannot be read, is over kMaxPemBytes, or holds no
//                        certificate: gRPC would only say later that it failed
//                        to connect
absl::StatusOr<std::string> ReadCertificates(const std::string& path);

// ReadPrivateKey reads the file `path` of a PEM private key.
//   kFailedPrecondition  as above, or others than its owner may read it
absl::StatusOr<SecretBytes> ReadPrivateKey(const std::string& path);

// ReadSecretLine reads the file `path` of a secret: all of it, less one line
// end at its end.
//   kFailedPrecondition  as ReadPrivateKey, but for what it holds
absl::StatusOr<SecretBytes> ReadSecretLine(const std::string& path);

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_PEM_FILE_H_
