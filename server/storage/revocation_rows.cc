#include "server/storage/revocation_rows.h"

#include <utility>

#include "server/storage/byte_codec.h"
#include "server/storage/records.h"

namespace latchkey {

void PutRevocations(ChangeView& view, std::vector<Revocation> revocations) {
  ByteWriter key;
  key.U64(view.revision());
  view.Put(Family::kRevocations, key.Take(), EncodeRevocations(revocations));
  view.NoteRevocations(std::move(revocations));
}

}  // namespace latchkey
