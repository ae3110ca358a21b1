#ifndef LATCHKEY_SERVER_CREDENTIAL_ES256_KEY_H_
#define LATCHKEY_SERVER_CREDENTIAL_ES256_KEY_H_

#include <memory>

#include "absl/status/statusor.h"

#include "client/base/secret_bytes.h"
#include "server/credential/signing_key.h"

namespace latchkey {

// MakeEs256Key returns the P-256 key of the private scalar, 32 bytes
// big-endian, which signs through OpenSSL.
//   kInvalidArgument  not from 1 to the order of the group less 1
//   kInternal         OpenSSL failed
absl::StatusOr<std::shared_ptr<const SigningKey>> MakeEs256Key(
    SecretBytes scalar);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_CREDENTIAL_ES256_KEY_H_
