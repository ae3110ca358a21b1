#include "server/session/session_segment.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstring>
#include <new>
#include <utility>

namespace latchkey {
namespace {

constexpr uint16_t kNoPlace = 0xffff;
constexpr size_t kFirstIndexSize = 16;
constexpr size_t kChunkSlots = SessionChunk::kSlots;

// How far the hand looks for one that was not asked for: so long is the lock
// held.
constexpr size_t kMaxHandSteps = 256;

constexpr size_t kLine = 64;

void FetchLine(uint64_t address) {
  __builtin_prefetch(reinterpret_cast<const void*>(address));
}

// Asks for the memory of a value ahead of its use.
template <typename T>
void Fetch(const T& value) {
  const auto* const first = reinterpret_cast<const char*>(&value);
  __builtin_prefetch(first);
  __builtin_prefetch(first + sizeof(T) - 1);
}

// Keys are digests: any of their bits are as good as a hash. The cache chooses
// the segment by others.
uint16_t TagOf(const SessionKey& key) {
  uint16_t tag;
  std::memcpy(&tag, key.array().data() + 8, sizeof(tag));
  return tag;
}

}  // namespace

struct SessionSegment::IndexEntry {
  Place place = kNoPlace;
  uint16_t tag = 0;
  Profiles::Number profile = 0;  // kept; of an entry
};
// A tag tells every position of the largest index.
static_assert(SessionSegment::kMaxEntries * 4 / 3 < 1 << 16);

// What of an address is zero, the heap's alignment seen to.
constexpr uint64_t kLowBits = 15;
static_assert(alignof(std::max_align_t) > kLowBits);

SessionSegment::SessionSegment() = default;

SessionSegment::~SessionSegment() {
  MutexLock lock(&mutex_);
  for (const IndexEntry& entry : index_) {
    if (entry.place != kNoPlace) profiles_->Reclaim(entry.profile);
  }
  for (const SessionChunks::Number chunk : chunks_) memory_->GiveBack(chunk);
}

void SessionSegment::Signpost::SetIndex(const void* index, size_t size) {
  const auto log_size = static_cast<uint64_t>(std::countr_zero(size));
  index_.store(reinterpret_cast<uint64_t>(index) | log_size,
               std::memory_order_relaxed);
}

void SessionSegment::Signpost::SetChunks(const void* chunks, size_t bytes) {
  const uint64_t lines = std::min((bytes + kLine - 1) / kLine, kLowBits);
  chunks_.store(reinterpret_cast<uint64_t>(chunks) | lines,
                std::memory_order_relaxed);
}

void SessionSegment::Signpost::Fetch(const SessionKey& key) const {
  const uint64_t index = index_.load(std::memory_order_relaxed);
  const size_t mask = (size_t{1} << (index & kLowBits)) - 1;
  FetchLine((index & ~kLowBits) + (TagOf(key) & mask) * sizeof(IndexEntry));
  const uint64_t chunks = chunks_.load(std::memory_order_relaxed);
  for (uint64_t line = 0; line < (chunks & kLowBits); ++line) {
    FetchLine((chunks & ~kLowBits) + line * kLine);
  }
}

void SessionSegment::Open(SessionMemory& memory, Signpost& signpost,
                          Profiles& profiles) {
  MutexLock lock(&mutex_);
  index_ = Index(BlockAllocator<IndexEntry>(memory.indexes));
  signpost_ = &signpost;
  memory_ = &memory.chunks;
  profiles_ = &profiles;
}

void SessionSegment::FetchEntry(const SessionKey& key) const {
  MutexLock lock(&mutex_);
  if (index_.empty()) return;
  const size_t mask = index_.size() - 1;
  const uint16_t tag = TagOf(key);
  size_t position = tag & mask;
  while (index_[position].place != kNoPlace && index_[position].tag != tag) {
    position = (position + 1) & mask;
  }
  const IndexEntry& entry = index_[position];
  if (entry.place == kNoPlace) return;
  Fetch(At(entry.place));
  profiles_->Fetch(entry.profile);
}

uint64_t SessionSegment::Ticket() const {
  MutexLock lock(&mutex_);
  return voided_;
}

std::optional<LiveSession> SessionSegment::Get(const SessionKey& key) {
  MutexLock lock(&mutex_);
  if (index_.empty()) return std::nullopt;
  const IndexEntry entry = index_[Seek(key)];
  if (entry.place == kNoPlace) return std::nullopt;
  Slot& slot = At(entry.place);
  slot.referenced = 1;
  ++counts_.hits;
  return LiveSession{
      .id = slot.id,
      .create_time = absl::FromUnixMicros(slot.create_micros),
      .expire_time = absl::FromUnixMicros(slot.expire_micros),
      .last_seen_time = absl::FromUnixMicros(slot.last_seen_micros),
      .profile = profiles_->Copy(entry.profile)};
}

bool SessionSegment::Insert(const SessionKey& key, const LiveSession& session,
                            uint64_t ticket, size_t capacity, bool may_evict) {
  // Let go after the lock.
  std::array<Profile, 2> evicted;
  std::vector<Profile> dropped;
  MutexLock lock(&mutex_);
  if (ticket != voided_ || blocked_ > 0 || Lookup(key) != nullptr) return true;
  capacity = std::min(capacity, kMaxEntries);
  if (used_ >= capacity && !may_evict) return false;
  // A capacity that shrank is approached, not jumped to.
  for (size_t i = 0; i < evicted.size() && used_ >= capacity; ++i) {
    evicted[i] = EvictOne();
  }
  if (chunks_.size() * kChunkSlots >= capacity + 2 * kChunkSlots) {
    dropped = DropLastChunk();
  }
  if ((used_ + 1) * 4 > index_.size() * 3) GrowIndex();
  const Place place = TakePlace();
  Slot& slot = At(place);
  slot.key = key;
  slot.id = session.id;
  slot.create_micros = absl::ToUnixMicros(session.create_time);
  slot.expire_micros = absl::ToUnixMicros(session.expire_time);
  slot.last_seen_micros = absl::ToUnixMicros(session.last_seen_time);
  slot.taken = 1;
  slot.referenced = 0;
  slot.unsaved = 0;
  slot.waits = 0;
  index_[Seek(key)] = {place, TagOf(key), profiles_->Keep(session.profile)};
  ++used_;
  const auto note = unsaved_.find(key);
  if (note != unsaved_.end()) {
    const int64_t seen = absl::ToUnixMicros(note->second.seen);
    if (seen > slot.last_seen_micros) {
      slot.last_seen_micros = seen;
      MarkDue(place);
    }
    unsaved_.erase(note);
  }
  return true;
}

void SessionSegment::Block(const SessionKey& key) {
  Profile removed;  // let go after the lock
  MutexLock lock(&mutex_);
  ++voided_;
  ++blocked_;
  unsaved_.erase(key);
  if (index_.empty()) return;
  const size_t position = Seek(key);
  if (index_[position].place != kNoPlace) removed = Vacate(position);
}

void SessionSegment::Unblock() {
  MutexLock lock(&mutex_);
  ++voided_;
  --blocked_;
}

void SessionSegment::Note(const Activity& note) {
  const int64_t seen = absl::ToUnixMicros(note.seen);
  MutexLock lock(&mutex_);
  if (!index_.empty()) {
    const IndexEntry entry = index_[Seek(note.key)];
    if (entry.place != kNoPlace) {
      Slot& slot = At(entry.place);
      const int64_t ahead = seen - slot.last_seen_micros;
      if (ahead <= 0) return;
      slot.last_seen_micros = seen;
      if (!slot.unsaved) MarkUnsaved(entry, ahead);
      return;
    }
  }
  Activity& kept = unsaved_.try_emplace(note.key, note).first->second;
  kept.seen = std::max(kept.seen, note.seen);
}

std::optional<Activity> SessionSegment::UnsavedNote(
    const SessionKey& key) const {
  MutexLock lock(&mutex_);
  const Slot* const slot = Lookup(key);
  if (slot != nullptr) {
    if (!slot->unsaved) return std::nullopt;
    return NoteOf(*slot);
  }
  const auto found = unsaved_.find(key);
  if (found == unsaved_.end()) return std::nullopt;
  return found->second;
}

// Lists are gone through from the back: where something is taken out meanwhile,
// what comes into its place is from further back, and has been looked at.
std::vector<Activity> SessionSegment::DueNotes(absl::Time now, NoteWalk* walk) {
  std::vector<Activity> notes;
  MutexLock lock(&mutex_);
  if (!walk->begun_) {
    walk->begun_ = true;
    walk->due_left_ = due_.size();
    if (waiting_since_micros_ <= absl::ToUnixMicros(now - kMaxNoteWait)) {
      walk->waiting_left_ = waiting_.size();
    }
    for (const auto& [key, note] : unsaved_) notes.push_back(note);
  }
  size_t room = std::min(kNotesAtOnce, walk->due_left_ + walk->waiting_left_);
  notes.reserve(notes.size() + room);
  walk->due_left_ = std::min(walk->due_left_, due_.size());
  for (; walk->due_left_ > 0 && room > 0; --room) {
    notes.push_back(NoteOf(At(due_[--walk->due_left_])));
  }
  walk->waiting_left_ = std::min(walk->waiting_left_, waiting_.size());
  if (walk->waiting_left_ == 0) return notes;
  for (; walk->waiting_left_ > 0 && room > 0; --room) {
    const Place place = waiting_[--walk->waiting_left_];
    waiting_[walk->waiting_left_] = waiting_.back();
    waiting_.pop_back();
    At(place).waits = 0;
    due_.push_back(place);
    notes.push_back(NoteOf(At(place)));
  }
  // Those that are left began to wait after the walk did.
  if (walk->waiting_left_ == 0 && !waiting_.empty()) {
    waiting_since_micros_ = At(waiting_.front()).last_seen_micros;
  }
  return notes;
}

void SessionSegment::Saved(absl::Span<const Activity> notes) {
  MutexLock lock(&mutex_);
  ++voided_;
  for (const Activity& note : notes) {
    if (!index_.empty()) {
      const Place place = index_[Seek(note.key)].place;
      if (place != kNoPlace &&
          At(place).last_seen_micros == absl::ToUnixMicros(note.seen)) {
        Unlist(place);
      }
    }
    const auto found = unsaved_.find(note.key);
    if (found != unsaved_.end() && found->second.seen == note.seen) {
      unsaved_.erase(found);
    }
  }
}

SessionSegment::Counts SessionSegment::counts() const {
  MutexLock lock(&mutex_);
  return counts_;
}

size_t SessionSegment::Size() const {
  MutexLock lock(&mutex_);
  return used_;
}

size_t SessionSegment::Places() const {
  MutexLock lock(&mutex_);
  return chunks_.size() * kChunkSlots;
}

SessionSegment::Slot& SessionSegment::At(Place place) const {
  SessionChunk& chunk = *memory_->At(chunks_[place / kChunkSlots]);
  return chunk.slots[place % kChunkSlots];
}

size_t SessionSegment::Seek(const SessionKey& key) const {
  const size_t mask = index_.size() - 1;
  const uint16_t tag = TagOf(key);
  for (size_t position = tag & mask;; position = (position + 1) & mask) {
    const IndexEntry& entry = index_[position];
    if (entry.place == kNoPlace) return position;
    if (entry.tag != tag) continue;
    if (At(entry.place).key == key) return position;
  }
}

SessionSegment::Slot* SessionSegment::Lookup(const SessionKey& key) const {
  if (index_.empty()) return nullptr;
  const Place place = index_[Seek(key)].place;
  return place == kNoPlace ? nullptr : &At(place);
}

SessionSegment::Place SessionSegment::TakePlace() {
  if (free_.empty()) {
    const size_t first = chunks_.size() * kChunkSlots;
    chunks_.push_back(memory_->Take());
    signpost_->SetChunks(chunks_.data(), chunks_.size() * sizeof(chunks_[0]));
    new (memory_->At(chunks_.back())) SessionChunk();
    for (size_t i = kChunkSlots; i > 0; --i) {
      free_.push_back(static_cast<Place>(first + i - 1));
    }
  }
  const Place place = free_.back();
  free_.pop_back();
  return place;
}

// The clock hand passes those that were asked for since it came last.
SessionSegment::Profile SessionSegment::EvictOne() {
  const size_t places = chunks_.size() * kChunkSlots;
  for (size_t steps = 0;; ++steps) {
    hand_ = (hand_ + 1) % places;
    Slot& slot = At(static_cast<Place>(hand_));
    if (!slot.taken) continue;
    if (slot.referenced && steps < kMaxHandSteps) {
      slot.referenced = 0;
      continue;
    }
    KeepNote(slot);
    ++counts_.evicted;
    return Vacate(Seek(slot.key));
  }
}

// Frees the slot at `position` of the index, and moves those behind it up that
// are nearer to where they belong there.
SessionSegment::Profile SessionSegment::Vacate(size_t position) {
  const Place place = index_[position].place;
  Unlist(place);
  Profile profile = profiles_->Reclaim(index_[position].profile);
  At(place) = Slot();
  free_.push_back(place);
  --used_;
  const size_t mask = index_.size() - 1;
  size_t hole = position;
  for (size_t next = (hole + 1) & mask; index_[next].place != kNoPlace;
       next = (next + 1) & mask) {
    const size_t home = index_[next].tag & mask;
    if (((next - home) & mask) >= ((next - hole) & mask)) {
      index_[hole] = index_[next];
      hole = next;
    }
  }
  index_[hole] = IndexEntry();
  return profile;
}

// The entries of the last chunk go with it.
std::vector<SessionSegment::Profile> SessionSegment::DropLastChunk() {
  std::vector<Profile> dropped;
  dropped.reserve(kChunkSlots);
  const size_t first = (chunks_.size() - 1) * kChunkSlots;
  for (size_t i = 0; i < kChunkSlots; ++i) {
    Slot& slot = At(static_cast<Place>(first + i));
    if (!slot.taken) continue;
    KeepNote(slot);
    dropped.push_back(Vacate(Seek(slot.key)));
  }
  std::erase_if(free_, [first](Place place) { return place >= first; });
  memory_->GiveBackPages(chunks_.back());
  chunks_.pop_back();
  return dropped;
}

// Notes outlive entries.
void SessionSegment::KeepNote(const Slot& slot) {
  if (slot.unsaved) unsaved_.insert_or_assign(slot.key, NoteOf(slot));
}

void SessionSegment::GrowIndex() {
  const size_t size = std::max(kFirstIndexSize, index_.size() * 2);
  const Index old = std::exchange(index_, Index(size, index_.get_allocator()));
  for (const IndexEntry& entry : old) {
    if (entry.place == kNoPlace) continue;
    size_t position = entry.tag & (size - 1);
    while (index_[position].place != kNoPlace) {
      position = (position + 1) & (size - 1);
    }
    index_[position] = entry;
  }
  signpost_->SetIndex(index_.data(), size);
}

void SessionSegment::MarkDue(Place place) {
  At(place).unsaved = 1;
  due_.push_back(place);
}

// `ahead_micros` is how far the note is ahead of what the base has.
void SessionSegment::MarkUnsaved(const IndexEntry& entry,
                                 int64_t ahead_micros) {
  const Place place = entry.place;
  Slot& slot = At(place);
  const absl::Duration may_be_behind =
      profiles_->At(entry.profile).idle_ttl / 20;
  if (may_be_behind < kMaxNoteWait ||
      absl::Microseconds(ahead_micros) >= may_be_behind) {
    MarkDue(place);
    return;
  }
  if (waiting_.empty()) waiting_since_micros_ = slot.last_seen_micros;
  slot.unsaved = 1;
  slot.waits = 1;
  waiting_.push_back(place);
}

// Takes a place out of the list that it is in, if it is in one. Those that are
// taken out soon were put in last, or looked at last by DueNotes.
void SessionSegment::Unlist(Place place) {
  Slot& slot = At(place);
  if (!slot.unsaved) return;
  std::vector<Place>& list = slot.waits ? waiting_ : due_;
  *std::find(list.rbegin(), list.rend(), place) = list.back();
  list.pop_back();
  slot.unsaved = 0;
  slot.waits = 0;
}

Activity SessionSegment::NoteOf(const Slot& slot) {
  return {.key = slot.key,
          .seen = absl::FromUnixMicros(slot.last_seen_micros),
          .expire_time = absl::FromUnixMicros(slot.expire_micros),
          // An entry begins with what the base has, and only rises.
          .is_newest = true};
}

}  // namespace latchkey
