#ifndef LATCHKEY_SERVER_SESSION_REVISION_H_
#define LATCHKEY_SERVER_SESSION_REVISION_H_

#include <cstdint>
#include <string>

#include "client/base/ids.h"

namespace latchkey {

// RevisionToken spells a revision for the outside: base64url of the epoch's 16
// bytes and the number as 8 big-endian bytes; 32 characters.
std::string RevisionToken(const Epoch& epoch, uint64_t number);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SESSION_REVISION_H_
