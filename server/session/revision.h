#ifndef LATCHKEY_SERVER_SESSION_REVISION_H_
#define LATCHKEY_SERVER_SESSION_REVISION_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "client/base/ids.h"

namespace latchkey {

// RevisionToken spells a revision for the outside: base64url of the epoch's 16
// bytes and the number as 8 big-endian bytes; 32 characters.
std::string RevisionToken(const Epoch& epoch, uint64_t number);

constexpr size_t kRevisionTokenSize = 32;

// SpellRevision writes the same 32 characters to `out`, allocating nothing.
void SpellRevision(const Epoch& epoch, uint64_t number, char* out);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SESSION_REVISION_H_
