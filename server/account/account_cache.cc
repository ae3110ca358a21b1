#include "server/account/account_cache.h"

#include <algorithm>
#include <cstring>

#include "client/base/status_macros.h"

namespace latchkey {
namespace {

// A power of two. With a million accounts a shard has a few thousand, and
// grows within tens of microseconds.
constexpr size_t kShards = 256;

}  // namespace

class AccountCache::Shard {
 public:
  void SetCapacity(size_t capacity) { capacity_ = capacity; }

  // Ticket is taken before the base is asked, see Insert.
  uint64_t Ticket() const {
    MutexLock lock(&mutex_);
    return forgotten_;
  }

  std::optional<Standing> Get(const AccountUid& uid) const {
    MutexLock lock(&mutex_);
    const auto found = standings_.find(uid);
    if (found == standings_.end()) return std::nullopt;
    return found->second;
  }

  // Inserts unless something was forgotten since `ticket`.
  void Insert(const AccountUid& uid, Standing standing, uint64_t ticket) {
    MutexLock lock(&mutex_);
    if (ticket != forgotten_ || standings_.contains(uid)) return;
    if (standings_.size() >= capacity_) standings_.erase(standings_.begin());
    standings_.emplace(uid, standing);
  }

  void Forget(const AccountUid& uid) {
    MutexLock lock(&mutex_);
    ++forgotten_;
    standings_.erase(uid);
  }

  size_t Size() const {
    MutexLock lock(&mutex_);
    return standings_.size();
  }

 private:
  size_t capacity_ = 1;  // set once, before use

  mutable Mutex mutex_;
  absl::flat_hash_map<AccountUid, Standing> standings_ ABSL_GUARDED_BY(mutex_);
  uint64_t forgotten_ ABSL_GUARDED_BY(mutex_) = 0;
};

AccountCache::AccountCache(AccountStore& base, Options options)
    : base_(base), shards_(new Shard[kShards]) {
  const size_t capacity = std::max<size_t>(1, options.max_entries / kShards);
  for (size_t i = 0; i < kShards; ++i) shards_[i].SetCapacity(capacity);
}

AccountCache::~AccountCache() = default;

absl::StatusOr<bool> AccountCache::Stands(absl::string_view name,
                                          const AccountUid& uid,
                                          uint64_t generation,
                                          Reach reach) const {
  Shard& shard = ShardOf(uid);
  if (const std::optional<Standing> hit = shard.Get(uid)) {
    return !hit->disabled && hit->generation == generation;
  }
  const uint64_t ticket = shard.Ticket();
  const absl::StatusOr<Account> account =
      reach == Reach::kDisk ? base_.Find(name) : base_.FindInMemory(name);
  if (absl::IsNotFound(account.status())) return false;
  LATCHKEY_RETURN_IF_ERROR(account.status());
  // The name may have been given to another account since.
  if (account->uid == uid) {
    shard.Insert(uid, {account->generation, account->disabled}, ticket);
  }
  return SessionsHold(*account, uid, generation);
}

absl::StatusOr<uint64_t> AccountCache::Create(const Account& account) {
  return base_.Create(account);
}

absl::StatusOr<Account> AccountCache::Find(absl::string_view name) const {
  return base_.Find(name);
}

absl::StatusOr<Account> AccountCache::FindInMemory(
    absl::string_view name) const {
  return base_.FindInMemory(name);
}

absl::StatusOr<std::vector<Account>> AccountCache::List(absl::string_view after,
                                                        int limit) const {
  return base_.List(after, limit);
}

// An edit that failed changed nothing, or nothing is known of the store any
// more: then SessionStore::Ready refuses whatever this cache remembers.
absl::StatusOr<AccountChange> AccountCache::Edit(absl::string_view name,
                                                 const AccountEdit& edit,
                                                 absl::Time now) {
  absl::StatusOr<AccountChange> change = base_.Edit(name, edit, now);
  if (change.ok()) ShardOf(change->account.uid).Forget(change->account.uid);
  return change;
}

absl::Status AccountCache::UpgradeHash(absl::string_view name,
                                       const AccountUid& uid,
                                       absl::string_view old_phc,
                                       absl::string_view new_phc) {
  return base_.UpgradeHash(name, uid, old_phc, new_phc);
}

absl::StatusOr<AccountChange> AccountCache::Delete(absl::string_view name,
                                                   absl::Time now) {
  absl::StatusOr<AccountChange> change = base_.Delete(name, now);
  if (change.ok()) ShardOf(change->account.uid).Forget(change->account.uid);
  return change;
}

absl::StatusOr<uint64_t> AccountCache::Count() const { return base_.Count(); }

size_t AccountCache::CachedEntries() const {
  size_t total = 0;
  for (size_t i = 0; i < kShards; ++i) total += shards_[i].Size();
  return total;
}

// Uids are random: any of their bits are as good as a hash.
AccountCache::Shard& AccountCache::ShardOf(const AccountUid& uid) const {
  uint32_t bits;
  std::memcpy(&bits, uid.array().data(), sizeof(bits));
  return shards_[bits & (kShards - 1)];
}

}  // namespace latchkey
