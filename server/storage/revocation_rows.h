#ifndef LATCHKEY_SERVER_STORAGE_REVOCATION_ROWS_H_
#define LATCHKEY_SERVER_STORAGE_REVOCATION_ROWS_H_

#include <vector>

#include "absl/time/time.h"

#include "client/verify/revocation.h"
#include "client/verify/token_limits.h"
#include "server/storage/change_view.h"
#include "server/storage/records.h"

namespace latchkey {

// The largest clock skew that any verifier is allowed: a revocation is kept
// for that long beyond the end of whatever it could stop.
constexpr absl::Duration kRevocationSkew = kMaxClockSkew;

// PutRevocations records `entries`, at least one, as part of the change that
// `view` decides, under its revision, and notes them for those who follow.
void PutRevocations(ChangeView& view,
                    const std::vector<RevocationEntry>& entries);

// ToRevocation returns what a stored entry tells a verifier.
Revocation ToRevocation(const RevocationEntry& entry);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORAGE_REVOCATION_ROWS_H_
