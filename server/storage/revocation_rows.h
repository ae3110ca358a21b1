#ifndef LATCHKEY_SERVER_STORAGE_REVOCATION_ROWS_H_
#define LATCHKEY_SERVER_STORAGE_REVOCATION_ROWS_H_

#include <vector>

#include "client/verify/revocation.h"
#include "server/storage/change_view.h"

namespace latchkey {

// PutRevocations records `revocations`, at least one, as part of the change
// that `view` decides, under its revision, and notes them for those who follow.
void PutRevocations(ChangeView& view, std::vector<Revocation> revocations);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORAGE_REVOCATION_ROWS_H_
