#ifndef LATCHKEY_SERVER_BASE_ACCOUNT_KIND_H_
#define LATCHKEY_SERVER_BASE_ACCOUNT_KIND_H_

#include <cstdint>

namespace latchkey {

// AccountKind is who an account belongs to, and so what its login may show: a
// person a password; a service a client secret, a signed assertion or a client
// certificate.
enum class AccountKind : uint8_t { kPerson, kService };

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_BASE_ACCOUNT_KIND_H_
