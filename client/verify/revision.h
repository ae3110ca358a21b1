#ifndef LATCHKEY_CLIENT_VERIFY_REVISION_H_
#define LATCHKEY_CLIENT_VERIFY_REVISION_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

#include "client/base/ids.h"

namespace latchkey {

// RevisionToken spells a revision for the outside: base64url of the epoch's 16
// bytes and the number as 8 big-endian bytes; 32 characters.
std::string RevisionToken(const Epoch& epoch, uint64_t number);

constexpr size_t kRevisionTokenSize = 32;

// RevisionPoint is what a token spells.
struct RevisionPoint {
  Epoch epoch;
  uint64_t number = 0;

  friend bool operator==(const RevisionPoint&, const RevisionPoint&) = default;
};

// ReadRevisionToken returns what `token` spells, or nullopt if it is the
// spelling of nothing: another length, or another character.
std::optional<RevisionPoint> ReadRevisionToken(absl::string_view token);

// SpellRevision writes the same 32 characters to `out`, allocating nothing.
void SpellRevision(const Epoch& epoch, uint64_t number, char* out);

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_VERIFY_REVISION_H_
