#ifndef LATCHKEY_SERVER_STORAGE_ROCKS_ACCOUNT_STORE_H_
#define LATCHKEY_SERVER_STORAGE_ROCKS_ACCOUNT_STORE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "server/account/account_store.h"
#include "server/storage/change_view.h"
#include "server/storage/committer.h"
#include "server/storage/rocks_db.h"

namespace latchkey {

// RocksAccountStore is the AccountStore over the family `accounts`.
class RocksAccountStore final : public AccountStore {
 public:
  // `db` and `committer` must outlive the store. `max_session_ttl` bounds how
  // long a session of any account may still live, and so how long the account's
  // revocations are kept.
  RocksAccountStore(const RocksDb& db, Committer& committer,
                    absl::Duration max_session_ttl);

  absl::StatusOr<uint64_t> Create(const Account& account) override;
  absl::StatusOr<Account> Find(absl::string_view name) const override;
  absl::StatusOr<Account> FindInMemory(absl::string_view name) const override;
  absl::StatusOr<std::vector<Account>> List(absl::string_view after,
                                            int limit) const override;
  absl::StatusOr<AccountChange> Edit(absl::string_view name,
                                     const AccountEdit& edit,
                                     absl::Time now) override;
  absl::Status UpgradeHash(absl::string_view name, const AccountUid& uid,
                           absl::string_view old_phc,
                           absl::string_view new_phc) override;
  absl::StatusOr<AccountChange> Delete(absl::string_view name,
                                       absl::Time now) override;
  absl::StatusOr<uint64_t> Count() const override;

 private:
  absl::StatusOr<Account> FindWithin(absl::string_view name, Reach reach) const;
  // Records that of `account` only its present generation and later ones are
  // still good.
  void Revoke(ChangeView& view, const Account& account, absl::Time now) const;

  const RocksDb& db_;
  Committer& committer_;
  const absl::Duration max_session_ttl_;
};

// ReadAccount returns the account called `name` as a change sees it.
//   kNotFound  no such account
[[nodiscard]] absl::StatusOr<Account> ReadAccount(const ChangeView& view,
                                                  absl::string_view name);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORAGE_ROCKS_ACCOUNT_STORE_H_
