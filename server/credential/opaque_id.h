#ifndef LATCHKEY_SERVER_CREDENTIAL_OPAQUE_ID_H_
#define LATCHKEY_SERVER_CREDENTIAL_OPAQUE_ID_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

#include "client/base/secret_bytes.h"
#include "server/credential/digest.h"

namespace latchkey {

// Opaque credentials: 53 characters that say nothing and are looked up by
// their digest.
//
//   lks_ |                                 |
//   lkr_ | 43 digits: 32 random bytes      | 6 digits: CRC-32
//   lkc_ | as a big-endian number, base62  | of the 47 characters before
//
// Digits are 0-9A-Za-z, in the order of ASCII, padded with 0 on the left. The
// prefix lets secret scanners find one that leaked; the checksum (zlib's) lets
// a typing error be told without a look-up. It is no proof of anything.

enum class OpaqueKind {
  kSession,       // lks_: the credential of an opaque session
  kRefresh,       // lkr_: fetches new JWTs of a session
  kClientSecret,  // lkc_: what a service account logs in with
};

constexpr size_t kOpaqueBytes = 53;

// MintedCredential is a credential, to be given out once, and what is kept.
struct MintedCredential {
  SecretBytes text;
  CredentialDigest digest;
};

// MintOpaque makes a new credential from 32 bytes of the kernel's generator.
MintedCredential MintOpaque(OpaqueKind kind);

// SpellOpaque returns the credential that carries `bytes`. They are a secret:
// wiping them is the caller's business.
MintedCredential SpellOpaque(OpaqueKind kind,
                             const std::array<uint8_t, 32>& bytes);

// ReadOpaque returns the digest of `text` if it is a credential of that kind
// in its one spelling (length, prefix, digits, a number below 2^256,
// checksum), else nullopt. Allocates nothing after a thread's first call.
std::optional<CredentialDigest> ReadOpaque(OpaqueKind kind,
                                           absl::string_view text);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_CREDENTIAL_OPAQUE_ID_H_
