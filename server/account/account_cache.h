#ifndef LATCHKEY_SERVER_ACCOUNT_ACCOUNT_CACHE_H_
#define LATCHKEY_SERVER_ACCOUNT_ACCOUNT_CACHE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "client/base/mutex.h"
#include "server/account/account_store.h"
#include "server/base/found_at.h"
#include "server/base/reach.h"

namespace latchkey {

// AccountCache is an AccountStore over another one that also answers, from
// memory, the one question that every Validate asks: does the account still
// stand behind its sessions?
//
// Of an account it remembers what decides that (generation, disabled) by uid.
// While an account is being changed nothing is remembered of it, and an answer
// of the base that was asked for before or meanwhile is not remembered later:
// each part counts the changes, and the count is compared before the insert.
// So after Edit returned, Stands says what the account is now. All other calls
// are the base's.
//
// Every change of an account must pass this object. Safe from any thread; no
// lock is held while the base is asked.
class AccountCache final : public AccountStore {
 public:
  struct Options {
    // Of kEntryBytes each; one that was not asked for lately makes room.
    size_t max_entries = 1'000'000;
  };

  // What an entry takes in a hash table that is half full, and in a ring.
  static constexpr size_t kEntryBytes = 112;
  // EntriesWithin returns how many entries fit into so much memory.
  static constexpr size_t EntriesWithin(size_t bytes) {
    return bytes / kEntryBytes;
  }

  // `base` must outlive the cache.
  AccountCache(AccountStore& base, Options options);
  ~AccountCache() override;

  // Stands tells whether sessions of the account called `name` that were made
  // under `uid` and `generation` are still good (see SessionsHold). `stood`, if
  // given, is kept with these three: while no account of the same part has
  // changed since, a look at it is enough.
  //   kUnavailable  with Reach::kMemory: the base has to be asked from a
  //                 worker; else, and besides, as AccountStore::Find, but an
  //                 account that is gone is `false`
  absl::StatusOr<bool> Stands(absl::string_view name, const AccountUid& uid,
                              uint64_t generation, Reach reach,
                              const FoundAt* stood = nullptr) const;

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

  // WarmSome reads at most `limit` accounts of the base in byte order of their
  // names, those after `after` (empty: from the first), and remembers them as
  // far as there is room. It returns the last name, empty at the end or if
  // most found no room. Blocks.
  absl::StatusOr<std::string> WarmSome(absl::string_view after,
                                       int limit) const;

  // CachedEntries returns how many accounts are in memory now.
  size_t CachedEntries() const;

 private:
  struct Standing {
    uint64_t generation = 0;
    bool disabled = false;
  };
  class Shard;
  class Blocked;

  static size_t PartOf(const AccountUid& uid);
  Shard& ShardOf(const AccountUid& uid) const;

  AccountStore& base_;
  // How often each part was voided; read by every Stands, and apart from the
  // locks, which are written all the time.
  const std::unique_ptr<std::atomic<uint64_t>[]> voided_;
  const std::unique_ptr<Shard[]> shards_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_ACCOUNT_ACCOUNT_CACHE_H_
