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
  // `voided` is written by this shard alone, and only under its lock.
  void Open(size_t capacity, std::atomic<uint64_t>* voided) {
    capacity_ = capacity;
    voided_ = voided;
    voided_->store(1, std::memory_order_relaxed);
  }

  // Ticket is taken before the base is asked, see Insert. What is known of an
  // account is known as long as it stays the same.
  uint64_t Ticket() const { return voided_->load(std::memory_order_acquire); }

  // Get returns what is known of `uid`, as of `*ticket`.
  std::optional<Standing> Get(const AccountUid& uid, uint64_t* ticket) {
    MutexLock lock(&mutex_);
    *ticket = Ticket();
    const auto found = entries_.find(uid);
    if (found == entries_.end()) return std::nullopt;
    found->second.referenced = true;
    return found->second.standing;
  }

  // Inserts unless something was blocked since `ticket`, or is. What was not
  // asked for since the hand last passed makes room, if it may; else the
  // answer is whether there was any.
  bool Insert(const AccountUid& uid, Standing standing, uint64_t ticket,
              bool may_evict = true) {
    MutexLock lock(&mutex_);
    if (ticket != Ticket() || blocked_ > 0 || entries_.contains(uid)) {
      return true;
    }
    if (ring_.size() >= capacity_) {
      if (!may_evict) return false;
      const size_t place = PlaceToReuse();
      entries_.erase(ring_[place]);
      ring_[place] = uid;
      entries_.emplace(uid, Entry{standing, place});
    } else {
      entries_.emplace(uid, Entry{standing, ring_.size()});
      ring_.push_back(uid);
    }
    return true;
  }

  // Forgets `uid`, voids the fills under way and refuses new ones until
  // Unblock, which voids those begun meanwhile.
  void Block(const AccountUid& uid) {
    MutexLock lock(&mutex_);
    Void();
    ++blocked_;
    const auto found = entries_.find(uid);
    if (found == entries_.end()) return;
    // The last one takes its place in the ring.
    const size_t place = found->second.place;
    ring_[place] = ring_.back();
    entries_.find(ring_[place])->second.place = place;
    ring_.pop_back();
    entries_.erase(found);
  }

  void Unblock() {
    MutexLock lock(&mutex_);
    Void();
    --blocked_;
  }

  size_t Size() const {
    MutexLock lock(&mutex_);
    return entries_.size();
  }

 private:
  struct Entry {
    Standing standing;
    size_t place = 0;  // in the ring
    bool referenced = false;
  };
  // How far the hand looks: so long is the lock held.
  static constexpr int kMaxHandSteps = 32;

  void Void() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    voided_->fetch_add(1, std::memory_order_acq_rel);
  }

  size_t PlaceToReuse() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    for (int steps = 0; steps < kMaxHandSteps; ++steps) {
      hand_ = (hand_ + 1) % ring_.size();
      Entry& entry = entries_.find(ring_[hand_])->second;
      if (!entry.referenced) break;
      entry.referenced = false;
    }
    return hand_;
  }

  // Both set once, before use.
  size_t capacity_ = 1;
  std::atomic<uint64_t>* voided_ = nullptr;

  mutable Mutex mutex_;
  absl::flat_hash_map<AccountUid, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  std::vector<AccountUid> ring_ ABSL_GUARDED_BY(mutex_);
  size_t hand_ ABSL_GUARDED_BY(mutex_) = 0;
  int blocked_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Blocks one account while it is being changed: whoever asks meanwhile sees
// what the base says, so that with the change's revision everybody sees it.
class AccountCache::Blocked {
 public:
  Blocked(const AccountCache& cache, const AccountUid& uid)
      : shard_(cache.ShardOf(uid)), uid_(uid) {
    shard_.Block(uid);
  }
  ~Blocked() { shard_.Unblock(); }
  Blocked(const Blocked&) = delete;
  Blocked& operator=(const Blocked&) = delete;

  // Also if the account was deleted and its name given to another one between
  // the look-up and the change.
  void Check(const AccountCache& cache, const AccountUid& changed) const {
    if (changed != uid_) Blocked(cache, changed);
  }

 private:
  Shard& shard_;
  const AccountUid uid_;
};

AccountCache::AccountCache(AccountStore& base, Options options)
    : base_(base),
      voided_(new std::atomic<uint64_t>[kShards]),
      shards_(new Shard[kShards]) {
  const size_t capacity = std::max<size_t>(1, options.max_entries / kShards);
  for (size_t i = 0; i < kShards; ++i) {
    shards_[i].Open(capacity, &voided_[i]);
  }
}

AccountCache::~AccountCache() = default;

absl::StatusOr<bool> AccountCache::Stands(absl::string_view name,
                                          const AccountUid& uid,
                                          uint64_t generation, Reach reach,
                                          const FoundAt* stood) const {
  const size_t part = PartOf(uid);
  if (stood != nullptr &&
      stood->Is(voided_[part].load(std::memory_order_acquire))) {
    return true;
  }
  Shard& shard = shards_[part];
  uint64_t ticket = 0;
  if (const std::optional<Standing> hit = shard.Get(uid, &ticket)) {
    const bool stands = !hit->disabled && hit->generation == generation;
    if (stands && stood != nullptr) stood->Set(ticket);
    return stands;
  }
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

absl::StatusOr<AccountChange> AccountCache::Edit(absl::string_view name,
                                                 const AccountEdit& edit,
                                                 absl::Time now) {
  LATCHKEY_ASSIGN_OR_RETURN(const Account before, base_.Find(name));
  const Blocked blocked(*this, before.uid);
  absl::StatusOr<AccountChange> change = base_.Edit(name, edit, now);
  if (change.ok()) blocked.Check(*this, change->account.uid);
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
  LATCHKEY_ASSIGN_OR_RETURN(const Account before, base_.Find(name));
  const Blocked blocked(*this, before.uid);
  absl::StatusOr<AccountChange> change = base_.Delete(name, now);
  if (change.ok()) blocked.Check(*this, change->account.uid);
  return change;
}

absl::StatusOr<uint64_t> AccountCache::Count() const { return base_.Count(); }

absl::StatusOr<std::string> AccountCache::WarmSome(absl::string_view after,
                                                   int limit) const {
  std::vector<uint64_t> tickets(kShards);
  for (size_t i = 0; i < kShards; ++i) tickets[i] = shards_[i].Ticket();
  LATCHKEY_ASSIGN_OR_RETURN(const std::vector<Account> accounts,
                            base_.List(after, limit));
  size_t without_room = 0;
  for (const Account& account : accounts) {
    Shard& shard = ShardOf(account.uid);
    if (!shard.Insert(account.uid, {account.generation, account.disabled},
                      tickets[&shard - shards_.get()],
                      /*may_evict=*/false)) {
      ++without_room;
    }
  }
  if (accounts.size() < static_cast<size_t>(limit) ||
      without_room * 2 > accounts.size()) {
    return std::string();
  }
  return accounts.back().name;
}

size_t AccountCache::CachedEntries() const {
  size_t total = 0;
  for (size_t i = 0; i < kShards; ++i) total += shards_[i].Size();
  return total;
}

// Uids are random: any of their bits are as good as a hash.
size_t AccountCache::PartOf(const AccountUid& uid) {
  uint32_t bits;
  std::memcpy(&bits, uid.array().data(), sizeof(bits));
  return bits & (kShards - 1);
}

AccountCache::Shard& AccountCache::ShardOf(const AccountUid& uid) const {
  return shards_[PartOf(uid)];
}

}  // namespace latchkey
