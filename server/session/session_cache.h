#ifndef LATCHKEY_SERVER_SESSION_SESSION_CACHE_H_
#define LATCHKEY_SERVER_SESSION_SESSION_CACHE_H_

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

#include "client/base/mutex.h"
#include "server/base/metrics.h"
#include "server/base/reach.h"
#include "server/session/live_session.h"
#include "server/session/session.h"
#include "server/session/session_profile.h"
#include "server/session/session_segment.h"
#include "server/session/session_slot.h"
#include "server/session/session_store.h"

namespace latchkey {

// SessionCache is a SessionStore in memory over another one: what is asked
// often is answered without the base, and activity is noted in memory and
// saved to the base by Flush.
//
// It keeps every promise of SessionStore, by three rules:
//   Removal wins. A fill that began before a removal in its segment is
//     dropped: its counter is read before the base is asked and compared before
//     the insert. So after End returned, no Find brings the session back.
//   Notes outlive entries. A note stays in memory until the base has it,
//     evicted or not, and is saved before the base is asked about its session.
//   The cache says yes only to what the base said yes to, and judges time anew
//     at each hit.
//
// What sessions of an account have in common is kept once (SessionProfile).
//
// Safe from any thread. No lock is held while the base is asked.
class SessionCache final : public SessionStore {
 public:
  struct Options {
    // Entries over all segments, of kEntryBytes each. Where sessions have more
    // of their own than kProfileAllowance (a user agent, say), fewer.
    size_t max_entries = 1'000'000;
    // Rounded up to a power of two; 0: as many as make each a small one, since
    // a segment is locked for its own growth.
    size_t segments = 0;
  };

  // What an entry takes, its place in the index and room to grow included.
  static constexpr size_t kEntryBytes = 94;
  // What its profile may take on the average before it costs entries.
  static constexpr size_t kProfileAllowance = 26;
  // EntriesWithin returns how many entries fit into so much memory.
  static constexpr size_t EntriesWithin(size_t bytes) {
    return bytes / (kEntryBytes + kProfileAllowance);
  }
  // SegmentsFor returns how many segments so many entries are shared out to.
  static constexpr size_t SegmentsFor(size_t max_entries) {
    constexpr size_t kEntriesOfOne = SessionSegment::kMaxEntries;
    return std::max<size_t>(64, std::bit_ceil(max_entries / kEntriesOfOne));
  }

  // `base` must outlive the cache. Call Flush before the base closes.
  SessionCache(SessionStore& base, Options options);
  ~SessionCache() override;

  void StartCreate(std::shared_ptr<const NewSession> session, absl::Time now,
                   Created created) override;
  absl::StatusOr<Session> Find(const SessionKey& key,
                               absl::Time now) const override;
  absl::StatusOr<Session> FindInMemory(const SessionKey& key,
                                       absl::Time now) const override;
  // FindLive is Find, or FindInMemory, without copying what sessions share.
  absl::StatusOr<LiveSession> FindLive(const SessionKey& key, absl::Time now,
                                       Reach reach) const;
  // FetchIndex and FetchEntry, each a while after the other and before
  // FindLive, spare it the wait for memory; see SessionSegment.
  void FetchIndex(const SessionKey& key) const {
    const size_t segment = IndexOfSegment(key);
    segments_[segment].FetchIndex(signposts_[segment], key);
  }
  void FetchEntry(const SessionKey& key) const {
    SegmentOf(key).FetchEntry(key);
  }
  // NoteActivity is SaveActivity for one session.
  void NoteActivity(const Activity& note) { SegmentOf(note.key).Note(note); }

  absl::StatusOr<SessionKey> FindKey(const SessionId& id) const override;
  absl::StatusOr<SessionKey> FindKeyInMemory(
      const SessionId& id) const override;
  absl::StatusOr<std::vector<StoredSession>> List(
      const AccountUid& account, const std::optional<SessionId>& after,
      int limit, absl::Time now) const override;
  absl::StatusOr<WalkPage> Walk(const std::optional<SessionKey>& after,
                                int limit, absl::Time now) const override;
  absl::StatusOr<EndResult> End(absl::Span<const SessionKey> keys,
                                absl::Time now) override;
  // SaveActivity notes in memory only; never blocks on the base.
  absl::Status SaveActivity(absl::Span<const Activity> notes) override;
  absl::StatusOr<int> Sweep(absl::Time now, int limit) override;
  absl::Status Ready() const override { return base_.Ready(); }
  uint64_t Revision() const override;
  absl::StatusOr<uint64_t> Count() const override;

  // Flush saves to the base the notes that are due at `now`, which leaves those
  // of sessions in steady use for a while (see SessionSegment::Note): the base
  // then judges right which sessions are alive, but not when they were last
  // seen. FlushAll saves them all. What could not be saved is kept for the next
  // time. Both may block on the disk.
  absl::Status Flush(absl::Time now) const;
  absl::Status FlushAll() const { return Flush(absl::InfiniteFuture()); }

  // WarmSome reads at most `limit` sessions of the base behind `after` (none:
  // from the first) and adds those that are alive at `now`, as far as there is
  // room: what was asked for stays. Blocks.
  struct WarmStep {
    std::optional<SessionKey> next;  // where to go on; absent at the end
    bool full = false;               // most of them found no room
  };
  absl::StatusOr<WarmStep> WarmSome(const std::optional<SessionKey>& after,
                                    int limit, absl::Time now) const;

  // CachedEntries returns how many sessions are in memory now.
  size_t CachedEntries() const;
  // MaxEntries returns how many it was made for.
  size_t MaxEntries() const { return options_.max_entries; }

  // Counters since the start. A look-up that memory could not answer is
  // counted once, when the base did.
  struct Counts {
    uint64_t hits = 0;
    uint64_t misses = 0;
    uint64_t evicted = 0;
  };
  Counts counts() const;
  // ProfileBytes returns about what the shared part of them takes.
  size_t ProfileBytes() const { return profiles_.Bytes(); }

 private:
  size_t IndexOfSegment(const SessionKey& key) const;
  SessionSegment& SegmentOf(const SessionKey& key) const {
    return segments_[IndexOfSegment(key)];
  }
  LiveSession Share(const Session& session) const;
  size_t Capacity() const;
  // Raises the last activity to what memory knows.
  void ApplyNotes(std::vector<StoredSession>* sessions) const;
  // Saves the notes of `keys` that the base does not have yet.
  absl::Status SaveNotesOf(absl::Span<const SessionKey> keys) const;

  SessionStore& base_;
  const Options options_;
  // Orders those who take notes and save them, or an older one could reach the
  // base last. Held across the save, which is unsynced; what answers from
  // memory does not wait for it.
  mutable Mutex saving_;
  mutable Counter misses_;
  // Before the segments, which are in them.
  SessionMemory memory_;
  mutable ProfileTable profiles_;  // before what has shares in it
  const std::unique_ptr<SessionSegment::Signpost[]> signposts_;
  const std::unique_ptr<SessionSegment[]> segments_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SESSION_SESSION_CACHE_H_
