#include "server/storage/revocation_rows.h"

#include "server/storage/byte_codec.h"

namespace latchkey {

void PutRevocations(ChangeView& view,
                    const std::vector<RevocationEntry>& entries) {
  ByteWriter key;
  key.U64(view.revision());
  view.Put(Family::kRevocations, key.Take(), EncodeRevocations(entries));
}

}  // namespace latchkey
