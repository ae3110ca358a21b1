#ifndef LATCHKEY_SERVER_STORAGE_ROCKS_KEY_STORE_H_
#define LATCHKEY_SERVER_STORAGE_ROCKS_KEY_STORE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "server/credential/key_store.h"
#include "server/storage/committer.h"
#include "server/storage/rocks_db.h"

namespace latchkey {

// RocksKeyStore is the KeyStore over the family `keys`; the master key's check
// lies in `meta`.
class RocksKeyStore final : public KeyStore {
 public:
  // `db` and `committer` must outlive the store.
  RocksKeyStore(const RocksDb& db, Committer& committer);

  absl::Status Add(const KeyRecord& record) override;
  absl::StatusOr<std::vector<KeyRecord>> List() const override;
  absl::Status Remove(absl::string_view kid) override;
  absl::StatusOr<uint64_t> Revoke(absl::string_view kid,
                                  absl::Time last_expire_time) override;
  absl::StatusOr<std::string> MasterKeyCheck() const override;
  absl::Status SetMasterKeyCheck(absl::string_view sealed) override;

 private:
  const RocksDb& db_;
  Committer& committer_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORAGE_ROCKS_KEY_STORE_H_
