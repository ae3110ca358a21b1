#include "server/storage/rocks_key_store.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>

#include "client/base/status_macros.h"
#include "server/base/error.h"
#include "server/storage/change_view.h"
#include "server/storage/records.h"
#include "server/storage/revocation_rows.h"

namespace latchkey {

RocksKeyStore::RocksKeyStore(const RocksDb& db, Committer& committer)
    : db_(db), committer_(committer) {}

absl::Status RocksKeyStore::Add(const KeyRecord& record) {
  return committer_
      .Commit([&](ChangeView& view) -> absl::Status {
        LATCHKEY_ASSIGN_OR_RETURN(const std::optional<std::string> existing,
                                  view.Get(Family::kKeys, record.kid));
        if (existing.has_value()) {
          return absl::AlreadyExistsError("the key exists");
        }
        view.Put(Family::kKeys, record.kid, EncodeKey(record));
        return absl::OkStatus();
      })
      .status();
}

absl::StatusOr<std::vector<KeyRecord>> RocksKeyStore::List() const {
  LATCHKEY_RETURN_IF_ERROR(db_.Ready());
  std::vector<KeyRecord> keys;
  const std::unique_ptr<rocksdb::Iterator> row = db_.Scan(Family::kKeys, "");
  for (row->SeekToFirst(); row->Valid(); row->Next()) {
    LATCHKEY_ASSIGN_OR_RETURN(
        KeyRecord key, DecodeKey(ToView(row->key()), ToView(row->value())));
    keys.push_back(std::move(key));
  }
  LATCHKEY_RETURN_IF_ERROR(db_.ScanEnd(*row));
  std::sort(keys.begin(), keys.end(),
            [](const KeyRecord& a, const KeyRecord& b) {
              return std::tie(a.activate_time, a.kid) <
                     std::tie(b.activate_time, b.kid);
            });
  return keys;
}

absl::Status RocksKeyStore::Remove(absl::string_view kid) {
  return committer_
      .Commit([&](ChangeView& view) -> absl::Status {
        LATCHKEY_ASSIGN_OR_RETURN(const std::optional<std::string> existing,
                                  view.Get(Family::kKeys, kid));
        if (existing.has_value()) view.Delete(Family::kKeys, kid);
        return absl::OkStatus();
      })
      .status();
}

absl::StatusOr<uint64_t> RocksKeyStore::Revoke(absl::string_view kid,
                                               absl::Time last_expire_time) {
  return committer_.Commit([&](ChangeView& view) -> absl::Status {
    LATCHKEY_ASSIGN_OR_RETURN(const std::optional<std::string> existing,
                              view.Get(Family::kKeys, kid));
    if (!existing.has_value()) return absl::NotFoundError("no such key");
    view.Delete(Family::kKeys, kid);
    PutRevocations(view,
                   {Revocation::OfKey(std::string(kid), last_expire_time)});
    return absl::OkStatus();
  });
}

absl::StatusOr<std::string> RocksKeyStore::MasterKeyCheck() const {
  rocksdb::PinnableSlice row;
  LATCHKEY_ASSIGN_OR_RETURN(const bool found,
                            db_.Read(Family::kMeta, kMetaMasterKeyCheck, &row));
  if (!found) return absl::NotFoundError("no master key check is stored");
  return DecodeMetaString(ToView(row));
}

absl::Status RocksKeyStore::SetMasterKeyCheck(absl::string_view sealed) {
  return committer_
      .Commit([&](ChangeView& view) -> absl::Status {
        view.Put(Family::kMeta, kMetaMasterKeyCheck, EncodeMetaString(sealed));
        return absl::OkStatus();
      })
      .status();
}

}  // namespace latchkey
