#include "server/session/session_cache.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "client/base/status_macros.h"
#include "server/base/error.h"

namespace latchkey {
namespace {

absl::Status NoSuchSession() {
  return MakeError(absl::StatusCode::kNotFound, Reason::kSessionNotFound,
                   "no such session");
}

}  // namespace

struct SessionCache::Slot {
  SessionKey key;
  Session session;
  bool referenced = false;  // asked for since the hand last passed
};

// One part of the cache: its own lock, entries and unsaved notes.
class SessionCache::Shard {
 public:
  void SetCapacity(size_t capacity) { capacity_ = capacity; }

  // Ticket is the count of what voids a fill; taken before the base is asked.
  uint64_t Ticket() const {
    MutexLock lock(&mutex_);
    return voided_;
  }

  std::optional<Session> Get(const SessionKey& key) {
    MutexLock lock(&mutex_);
    const auto found = index_.find(key);
    if (found == index_.end()) return std::nullopt;
    Slot& slot = slots_[found->second];
    slot.referenced = true;
    return slot.session;
  }

  // Inserts unless something was removed since `ticket`, or it is there.
  void Insert(const SessionKey& key, const Session& session, uint64_t ticket) {
    MutexLock lock(&mutex_);
    if (ticket != voided_ || index_.contains(key)) return;
    const size_t place = FreePlace();
    slots_[place] = {key, session, /*referenced=*/false};
    const auto note = unsaved_.find(key);
    if (note != unsaved_.end()) RaiseLastSeen(slots_[place], note->second.seen);
    index_.emplace(key, place);
  }

  // Removes the entry and its note, and voids the fills under way.
  void Remove(const SessionKey& key) {
    MutexLock lock(&mutex_);
    ++voided_;
    unsaved_.erase(key);
    const auto found = index_.find(key);
    if (found == index_.end()) return;
    Vacate(found->second);
  }

  void Note(const Activity& note) {
    MutexLock lock(&mutex_);
    const auto found = index_.find(note.key);
    if (found != index_.end()) RaiseLastSeen(slots_[found->second], note.seen);
    Activity& kept = unsaved_.try_emplace(note.key, note).first->second;
    kept.seen = std::max(kept.seen, note.seen);
  }

  std::optional<Activity> UnsavedNote(const SessionKey& key) const {
    MutexLock lock(&mutex_);
    const auto found = unsaved_.find(key);
    if (found == unsaved_.end()) return std::nullopt;
    return found->second;
  }

  std::vector<Activity> UnsavedNotes() const {
    std::vector<Activity> notes;
    MutexLock lock(&mutex_);
    notes.reserve(unsaved_.size());
    for (const auto& [key, note] : unsaved_) notes.push_back(note);
    return notes;
  }

  // Forgets notes that the base has, unless they were renewed meanwhile. A
  // fill under way may have read the base before: it is voided.
  void Saved(absl::Span<const Activity> notes) {
    MutexLock lock(&mutex_);
    ++voided_;
    for (const Activity& note : notes) {
      const auto found = unsaved_.find(note.key);
      if (found != unsaved_.end() && found->second.seen == note.seen) {
        unsaved_.erase(found);
      }
    }
  }

  size_t Size() const {
    MutexLock lock(&mutex_);
    return index_.size();
  }

 private:
  static void RaiseLastSeen(Slot& slot, absl::Time seen) {
    slot.session.last_seen_time = std::max(slot.session.last_seen_time, seen);
  }

  // A place for one more entry; the clock hand makes one when all are taken.
  size_t FreePlace() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!free_.empty()) {
      const size_t place = free_.back();
      free_.pop_back();
      return place;
    }
    if (slots_.size() < capacity_) {
      slots_.emplace_back();
      return slots_.size() - 1;
    }
    while (slots_[hand_].referenced) {
      slots_[hand_].referenced = false;
      hand_ = (hand_ + 1) % slots_.size();
    }
    const size_t place = hand_;
    hand_ = (hand_ + 1) % slots_.size();
    index_.erase(slots_[place].key);
    return place;
  }

  void Vacate(size_t place) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    index_.erase(slots_[place].key);
    slots_[place] = Slot();
    free_.push_back(place);
  }

  size_t capacity_ = 1;  // set once, before use

  mutable Mutex mutex_;
  absl::flat_hash_map<SessionKey, size_t> index_ ABSL_GUARDED_BY(mutex_);
  std::vector<Slot> slots_ ABSL_GUARDED_BY(mutex_);
  std::vector<size_t> free_ ABSL_GUARDED_BY(mutex_);
  size_t hand_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t voided_ ABSL_GUARDED_BY(mutex_) = 0;
  // Newest activity that the base does not have yet. Its size is bounded by
  // the sessions used between two flushes.
  absl::flat_hash_map<SessionKey, Activity> unsaved_ ABSL_GUARDED_BY(mutex_);
};

SessionCache::SessionCache(SessionStore& base, Options options)
    : base_(base),
      shard_mask_(options.shards - 1),
      shards_(new Shard[options.shards]) {
  const size_t capacity =
      std::max<size_t>(1, options.max_entries / options.shards);
  for (size_t i = 0; i <= shard_mask_; ++i) shards_[i].SetCapacity(capacity);
}

SessionCache::~SessionCache() = default;

absl::StatusOr<uint64_t> SessionCache::Create(const SessionKey& key,
                                              const Session& session,
                                              absl::Time now) {
  Shard& shard = ShardOf(key);
  const uint64_t ticket = shard.Ticket();
  LATCHKEY_ASSIGN_OR_RETURN(const uint64_t revision,
                            base_.Create(key, session, now));
  shard.Insert(key, session, ticket);
  return revision;
}

absl::StatusOr<Session> SessionCache::Find(const SessionKey& key,
                                           absl::Time now) const {
  Shard& shard = ShardOf(key);
  if (std::optional<Session> hit = shard.Get(key)) {
    if (!IsAlive(*hit, now)) return NoSuchSession();
    return *std::move(hit);
  }
  LATCHKEY_RETURN_IF_ERROR(SaveNotesOf({&key, 1}));
  const uint64_t ticket = shard.Ticket();
  LATCHKEY_ASSIGN_OR_RETURN(Session session, base_.Find(key, now));
  shard.Insert(key, session, ticket);
  return session;
}

absl::StatusOr<Session> SessionCache::FindInMemory(const SessionKey& key,
                                                   absl::Time now) const {
  Shard& shard = ShardOf(key);
  if (std::optional<Session> hit = shard.Get(key)) {
    if (!IsAlive(*hit, now)) return NoSuchSession();
    return *std::move(hit);
  }
  if (shard.UnsavedNote(key).has_value()) {
    return absl::UnavailableError("a note must be saved first");
  }
  const uint64_t ticket = shard.Ticket();
  LATCHKEY_ASSIGN_OR_RETURN(Session session, base_.FindInMemory(key, now));
  shard.Insert(key, session, ticket);
  return session;
}

absl::StatusOr<SessionKey> SessionCache::FindKey(const SessionId& id) const {
  return base_.FindKey(id);
}

absl::StatusOr<SessionKey> SessionCache::FindKeyInMemory(
    const SessionId& id) const {
  return base_.FindKeyInMemory(id);
}

// The base judges idleness by the notes it has; each note is saved at most
// once, so that asking often costs no more than the activity itself.
absl::StatusOr<std::vector<StoredSession>> SessionCache::List(
    const AccountUid& account, const std::optional<SessionId>& after, int limit,
    absl::Time now) const {
  LATCHKEY_RETURN_IF_ERROR(Flush());
  return base_.List(account, after, limit, now);
}

absl::StatusOr<WalkPage> SessionCache::Walk(
    const std::optional<SessionKey>& after, int limit, absl::Time now) const {
  LATCHKEY_RETURN_IF_ERROR(Flush());
  return base_.Walk(after, limit, now);
}

absl::StatusOr<EndResult> SessionCache::End(absl::Span<const SessionKey> keys,
                                            absl::Time now) {
  LATCHKEY_RETURN_IF_ERROR(SaveNotesOf(keys));
  absl::StatusOr<EndResult> result = base_.End(keys, now);
  // Also when it failed: it may be on disk all the same, and the cache must
  // not say yes to what the base does not.
  for (const SessionKey& key : keys) ShardOf(key).Remove(key);
  return result;
}

absl::Status SessionCache::SaveActivity(absl::Span<const Activity> notes) {
  for (const Activity& note : notes) ShardOf(note.key).Note(note);
  return absl::OkStatus();
}

absl::StatusOr<int> SessionCache::Sweep(absl::Time now, int limit) {
  LATCHKEY_RETURN_IF_ERROR(Flush());
  return base_.Sweep(now, limit);
}

uint64_t SessionCache::Revision() const { return base_.Revision(); }

absl::StatusOr<uint64_t> SessionCache::Count() const { return base_.Count(); }

absl::Status SessionCache::Flush() const {
  for (size_t i = 0; i <= shard_mask_; ++i) {
    const std::vector<Activity> notes = shards_[i].UnsavedNotes();
    if (notes.empty()) continue;
    LATCHKEY_RETURN_IF_ERROR(base_.SaveActivity(notes));
    shards_[i].Saved(notes);
  }
  return absl::OkStatus();
}

size_t SessionCache::CachedEntries() const {
  size_t total = 0;
  for (size_t i = 0; i <= shard_mask_; ++i) total += shards_[i].Size();
  return total;
}

// Keys are digests: any of their bits are as good as a hash. The map inside a
// shard hashes them anew, so the two do not line up.
SessionCache::Shard& SessionCache::ShardOf(const SessionKey& key) const {
  uint64_t bits;
  std::memcpy(&bits, key.view().data(), sizeof(bits));
  return shards_[bits & shard_mask_];
}

absl::Status SessionCache::SaveNotesOf(
    absl::Span<const SessionKey> keys) const {
  std::vector<Activity> notes;
  for (const SessionKey& key : keys) {
    if (std::optional<Activity> note = ShardOf(key).UnsavedNote(key)) {
      notes.push_back(*note);
    }
  }
  if (notes.empty()) return absl::OkStatus();
  LATCHKEY_RETURN_IF_ERROR(base_.SaveActivity(notes));
  for (const Activity& note : notes) ShardOf(note.key).Saved({&note, 1});
  return absl::OkStatus();
}

}  // namespace latchkey
