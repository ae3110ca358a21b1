#include "server/storage/rocks_revocation_archive.h"

#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/base/status_macros.h"
#include "server/storage/byte_codec.h"
#include "server/storage/family.h"
#include "server/storage/records.h"

namespace latchkey {
namespace {

uint64_t RevisionOf(absl::string_view key) {
  uint64_t revision = 0;
  for (const char byte : key) {
    revision = revision << 8 | static_cast<uint8_t>(byte);
  }
  return revision;
}

}  // namespace

absl::StatusOr<RevocationPage> RocksRevocationArchive::ReadAfter(
    uint64_t revision, size_t limit) const {
  LATCHKEY_RETURN_IF_ERROR(db_.Ready());
  // Before the rows: all up to it are among them.
  RevocationPage page = {.changes = {},
                         .through = revision_.load(std::memory_order_acquire)};
  if (revision == std::numeric_limits<uint64_t>::max()) return page;
  ByteWriter from;
  from.U64(revision + 1);
  const std::string first = from.Take();
  const auto row = db_.Scan(Family::kRevocations, "");
  size_t count = 0;
  for (row->Seek(ToSlice(first)); row->Valid(); row->Next()) {
    const absl::string_view key = ToView(row->key());
    if (key.size() != sizeof(uint64_t)) {
      return absl::DataLossError("a revocation of no revision");
    }
    if (RevisionOf(key) > page.through) break;
    if (count >= limit) {
      page.through = page.changes.back().revision;
      break;
    }
    LATCHKEY_ASSIGN_OR_RETURN(std::vector<Revocation> revocations,
                              DecodeRevocations(ToView(row->value())));
    RevocationsAt change = {.revision = RevisionOf(key),
                            .revocations = std::move(revocations)};
    count += change.revocations.size();
    page.changes.push_back(std::move(change));
  }
  LATCHKEY_RETURN_IF_ERROR(db_.ScanEnd(*row));
  return page;
}

}  // namespace latchkey
