#include "server/storage/revocation_rows.h"

#include <utility>

#include "server/storage/byte_codec.h"

namespace latchkey {

void PutRevocations(ChangeView& view,
                    const std::vector<RevocationEntry>& entries) {
  ByteWriter key;
  key.U64(view.revision());
  view.Put(Family::kRevocations, key.Take(), EncodeRevocations(entries));
  std::vector<Revocation> noted;
  for (const RevocationEntry& entry : entries) {
    noted.push_back(ToRevocation(entry));
  }
  view.NoteRevocations(std::move(noted));
}

Revocation ToRevocation(const RevocationEntry& entry) {
  Revocation result;
  switch (entry.kind) {
    case RevocationEntry::Kind::kSession:
      result.kind = Revocation::Kind::kSession;
      result.session = entry.session;
      break;
    case RevocationEntry::Kind::kAccount:
      result.kind = Revocation::Kind::kAccount;
      result.account = entry.account;
      result.lowest_good = entry.generation;
      break;
    case RevocationEntry::Kind::kKey:
      result.kind = Revocation::Kind::kKey;
      result.kid = entry.kid;
      break;
  }
  result.drop_time = entry.drop_time;
  return result;
}

}  // namespace latchkey
