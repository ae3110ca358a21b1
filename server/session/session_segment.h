#ifndef LATCHKEY_SERVER_SESSION_SESSION_SEGMENT_H_
#define LATCHKEY_SERVER_SESSION_SESSION_SEGMENT_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

#include "client/base/mutex.h"
#include "server/session/block_pool.h"
#include "server/session/live_session.h"
#include "server/session/session.h"
#include "server/session/session_profile.h"
#include "server/session/session_slot.h"

namespace latchkey {

// SessionSegment is one part of a SessionCache: its own lock, its entries, and
// the notes of activity that the base does not have yet.
//
// An entry is a slot of 72 bytes in a chunk, and a profile, which others may
// share; both are found by an index of eight bytes a place:
//
//   index   [ . 7 . . 2 0 . 5 ... ]      open addressing by bits of the key,
//               |  \                     which stand beside the two
//               |   profile 4
//   chunks  [ key 32 | id 16 | times and flags 24 ] x 170, ...
//
// Among millions of sessions nothing of one that is asked for is in the
// processor's caches, and a wait for memory is a few percent of a whole call.
// So memory is asked for ahead: FetchIndex, then FetchEntry, since one look at
// the index names all other memory that a check needs. And segments are few and
// chunks large, so that what is common to their entries stays in the caches.
//
// Chunks are added and dropped one at a time and never moved, growing does not
// look at the slots, and profiles are let go without the lock; so no lock is
// held for much longer than some tens of microseconds.
//
// Safe from any thread.
class alignas(64) SessionSegment {
 public:
  // The most entries of one segment: its index then still grows quickly.
  static constexpr size_t kMaxEntries = 16 * 1024;
  // How many notes are looked at, or forgotten, under the lock at a time.
  static constexpr size_t kNotesAtOnce = 256;
  // How long a note may wait that is not far ahead of what the base has. A
  // session that is in steady use costs the base one note in this time.
  static constexpr absl::Duration kMaxNoteWait = absl::Seconds(90);

  SessionSegment();
  ~SessionSegment();

  // Signpost tells where the index of a segment lies, and the list of its
  // chunks. They are kept apart from the segments, close together, since all
  // else of a segment may have to be waited for. What it tells may be out of
  // date, and may be asked for all the same: it is not looked at.
  class Signpost {
   public:
    // Fetch asks for the memory of the index that tells of `key`, and for the
    // list.
    void Fetch(const SessionKey& key) const;

   private:
    friend class SessionSegment;
    void SetIndex(const void* index, size_t size);
    void SetChunks(const void* chunks, size_t bytes);
    // An address each, with the logarithm of the index's size, or the lines of
    // the list, in the lowest bits; 0: none.
    std::atomic<uint64_t> index_ = 0;
    std::atomic<uint64_t> chunks_ = 0;
  };

  // Open is called once, before all else. Index and entries are in `memory`,
  // profiles in `profiles`, and `signpost` is kept up to date; all must outlive
  // this.
  void Open(SessionMemory& memory, Signpost& signpost,
            InternTable<SessionProfile>& profiles);

  // FetchIndex and FetchEntry ask for memory that Get will look at, and wait
  // for none of it: FetchEntry has nothing to wait for if FetchIndex was called
  // a while ago, and Get if both were. Neither is needed. FetchIndex takes no
  // lock; `signpost` is that of Open.
  void FetchIndex(const Signpost& signpost, const SessionKey& key) const {
    signpost.Fetch(key);
    __builtin_prefetch(this);
  }
  void FetchEntry(const SessionKey& key) const;

  // Ticket is the count of what voids a fill; taken before the base is asked.
  uint64_t Ticket() const;

  // Get returns the entry under `key` and marks it as asked for.
  std::optional<LiveSession> Get(const SessionKey& key);

  // Insert adds an entry, unless something was removed since `ticket` or it is
  // there already. Entries that were not asked for lately make room until
  // there are at most `capacity`, which is at least 1. If not `may_evict`, it
  // only takes room that is free, and tells whether there was any.
  bool Insert(const SessionKey& key, const LiveSession& session,
              uint64_t ticket, size_t capacity, bool may_evict = true);

  // Block drops the entry and its note, voids the fills under way and refuses
  // new ones until Unblock, which voids those begun meanwhile: so that while a
  // session is being ended, whoever asks sees what the base says.
  void Block(const SessionKey& key);
  void Unblock();

  // Note raises the last activity of a session, whether it has an entry or
  // not, until the base has it. The note is due at once, or, if it is less than
  // a twentieth of the idle timeout ahead of what the base has, and that is at
  // least kMaxNoteWait, after kMaxNoteWait. So the base is never further behind
  // than a tenth of an idle timeout, once what was due has been saved.
  void Note(const Activity& note);

  // UnsavedNote returns the note of `key` that the base does not have.
  std::optional<Activity> UnsavedNote(const SessionKey& key) const;

  // NoteWalk is a look at all notes, in steps.
  class NoteWalk {
   public:
    bool done() const { return begun_ && due_left_ == 0 && waiting_left_ == 0; }

   private:
    friend class SessionSegment;
    bool begun_ = false;
    size_t due_left_ = 0;
    size_t waiting_left_ = 0;
  };
  // DueNotes returns some of the notes that are to be saved at `now`: until
  // `walk` is done all that there were when it began, and perhaps one twice.
  std::vector<Activity> DueNotes(absl::Time now, NoteWalk* walk);

  // Saved forgets notes that the base has, unless they were renewed meanwhile.
  // A fill under way may have read the base before: it is voided. It is quick
  // with kNotesAtOnce.
  void Saved(absl::Span<const Activity> notes);

  // Counters since the start, kept under the lock that is held anyway.
  struct Counts {
    uint64_t hits = 0;     // of Get
    uint64_t evicted = 0;  // entries that made room
  };
  Counts counts() const;

  size_t Size() const;
  // Places returns for how many entries there is memory now.
  size_t Places() const;

 private:
  using Slot = SessionSlot;
  using Place = uint16_t;
  struct IndexEntry;
  using Index = std::vector<IndexEntry, BlockAllocator<IndexEntry>>;
  using Profiles = InternTable<SessionProfile>;
  using Profile = Interned<SessionProfile>;

  Slot& At(Place place) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The position in the index of the entry under `key`, or of the free
  // position where it would be.
  size_t Seek(const SessionKey& key) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Slot* Lookup(const SessionKey& key) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Place TakePlace() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // These return what is to be let go without the lock.
  Profile EvictOne() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Profile Vacate(size_t position) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::vector<Profile> DropLastChunk() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void KeepNote(const Slot& slot) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void GrowIndex() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void MarkDue(Place place) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void MarkUnsaved(const IndexEntry& entry, int64_t ahead_micros)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Unlist(Place place) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static Activity NoteOf(const Slot& slot);

  // What a hit touches is in the first two lines.
  mutable Mutex mutex_;
  Index index_ ABSL_GUARDED_BY(mutex_);
  std::vector<SessionChunks::Number> chunks_ ABSL_GUARDED_BY(mutex_);
  Counts counts_ ABSL_GUARDED_BY(mutex_);
  // Set once, before use.
  SessionChunks* memory_ = nullptr;
  Profiles* profiles_ = nullptr;
  Signpost* signpost_ = nullptr;
  std::vector<Place> free_ ABSL_GUARDED_BY(mutex_);
  // Places whose note the base does not have; each once, in one of the two.
  std::vector<Place> due_ ABSL_GUARDED_BY(mutex_);
  std::vector<Place> waiting_ ABSL_GUARDED_BY(mutex_);
  // The time of the first note among those that wait.
  int64_t waiting_since_micros_ ABSL_GUARDED_BY(mutex_) = 0;
  // The notes of sessions that have no entry. Its size is bounded by the
  // sessions used between two flushes.
  absl::flat_hash_map<SessionKey, Activity> unsaved_ ABSL_GUARDED_BY(mutex_);
  size_t used_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t hand_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t voided_ ABSL_GUARDED_BY(mutex_) = 0;
  int blocked_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SESSION_SESSION_SEGMENT_H_
