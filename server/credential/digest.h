#ifndef LATCHKEY_SERVER_CREDENTIAL_DIGEST_H_
#define LATCHKEY_SERVER_CREDENTIAL_DIGEST_H_

#include "absl/strings/string_view.h"

#include "client/base/fixed_bytes.h"

namespace latchkey {

// CredentialDigest is SHA-256 of a credential's text: what is stored and
// looked up in its place. It says nothing about the credential.
using CredentialDigest = FixedBytes<32, struct CredentialDigestTag>;

// DigestOf returns SHA-256 of `text`, any length. Allocates nothing after a
// thread's first call. Any thread.
CredentialDigest DigestOf(absl::string_view text);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_CREDENTIAL_DIGEST_H_
