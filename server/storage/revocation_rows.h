#ifndef LATCHKEY_SERVER_STORAGE_REVOCATION_ROWS_H_
#define LATCHKEY_SERVER_STORAGE_REVOCATION_ROWS_H_

#include <vector>

#include "absl/time/time.h"

#include "server/storage/change_view.h"
#include "server/storage/records.h"

namespace latchkey {

// The largest clock skew that any verifier is allowed: a revocation is kept
// for that long beyond the end of whatever it could stop.
constexpr absl::Duration kRevocationSkew = absl::Seconds(60);

// PutRevocations records `entries`, at least one, as part of the change that
// `view` decides, under its revision.
void PutRevocations(ChangeView& view,
                    const std::vector<RevocationEntry>& entries);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORAGE_REVOCATION_ROWS_H_
