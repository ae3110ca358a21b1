#include "server/session/session_cache.h"

#include <algorithm>
#include <bit>
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

SessionCache::SessionCache(SessionStore& base, Options options)
    : base_(base),
      options_({.max_entries = options.max_entries,
                .segments = options.segments != 0
                                ? std::bit_ceil(options.segments)
                                : SegmentsFor(options.max_entries)}),
      signposts_(new SessionSegment::Signpost[options_.segments]),
      segments_(new SessionSegment[options_.segments]) {
  for (size_t i = 0; i < options_.segments; ++i) {
    segments_[i].Open(memory_, signposts_[i], profiles_.profiles());
  }
}

SessionCache::~SessionCache() = default;

void SessionCache::StartCreate(std::shared_ptr<const NewSession> session,
                               absl::Time now, Created created) {
  SessionSegment& segment = SegmentOf(session->key);
  base_.StartCreate(
      session, now,
      [this, &segment, ticket = segment.Ticket(), session,
       created = std::move(created)](absl::StatusOr<uint64_t> revision) {
        if (revision.ok()) {
          segment.Insert(session->key, Share(session->session), ticket,
                         Capacity());
        }
        created(std::move(revision));
      });
}

absl::StatusOr<Session> SessionCache::Find(const SessionKey& key,
                                           absl::Time now) const {
  LATCHKEY_ASSIGN_OR_RETURN(const LiveSession session,
                            FindLive(key, now, Reach::kDisk));
  return session.ToSession();
}

absl::StatusOr<Session> SessionCache::FindInMemory(const SessionKey& key,
                                                   absl::Time now) const {
  LATCHKEY_ASSIGN_OR_RETURN(const LiveSession session,
                            FindLive(key, now, Reach::kMemory));
  return session.ToSession();
}

absl::StatusOr<LiveSession> SessionCache::FindLive(const SessionKey& key,
                                                   absl::Time now,
                                                   Reach reach) const {
  SessionSegment& segment = SegmentOf(key);
  if (std::optional<LiveSession> hit = segment.Get(key)) {
    if (!IsAlive(*hit, now)) return NoSuchSession();
    return *std::move(hit);
  }
  if (reach == Reach::kDisk) {
    LATCHKEY_RETURN_IF_ERROR(SaveNotesOf({&key, 1}));
  } else if (segment.UnsavedNote(key).has_value()) {
    return absl::UnavailableError("a note must be saved first");
  }
  const uint64_t ticket = segment.Ticket();
  const absl::StatusOr<Session> session = reach == Reach::kDisk
                                              ? base_.Find(key, now)
                                              : base_.FindInMemory(key, now);
  if (!absl::IsUnavailable(session.status())) misses_.Add();
  LATCHKEY_RETURN_IF_ERROR(session.status());
  LiveSession live = Share(*session);
  segment.Insert(key, live, ticket, Capacity());
  return live;
}

absl::StatusOr<SessionKey> SessionCache::FindKey(const SessionId& id) const {
  return base_.FindKey(id);
}

absl::StatusOr<SessionKey> SessionCache::FindKeyInMemory(
    const SessionId& id) const {
  return base_.FindKeyInMemory(id);
}

// The base judges idleness by the notes it has: right, after a Flush. When
// they were last seen, memory knows better.
absl::StatusOr<std::vector<StoredSession>> SessionCache::List(
    const AccountUid& account, const std::optional<SessionId>& after, int limit,
    absl::Time now) const {
  LATCHKEY_RETURN_IF_ERROR(Flush(now));
  LATCHKEY_ASSIGN_OR_RETURN(std::vector<StoredSession> page,
                            base_.List(account, after, limit, now));
  ApplyNotes(&page);
  return page;
}

absl::StatusOr<WalkPage> SessionCache::Walk(
    const std::optional<SessionKey>& after, int limit, absl::Time now) const {
  LATCHKEY_RETURN_IF_ERROR(Flush(now));
  LATCHKEY_ASSIGN_OR_RETURN(WalkPage page, base_.Walk(after, limit, now));
  ApplyNotes(&page.sessions);
  return page;
}

absl::StatusOr<EndResult> SessionCache::End(absl::Span<const SessionKey> keys,
                                            absl::Time now) {
  LATCHKEY_RETURN_IF_ERROR(SaveNotesOf(keys));
  // Before the base has it, since with the base's revision every reader must
  // see it. And out of memory also if it fails: it may be on disk all the
  // same, and the cache must not say yes to what the base does not.
  for (const SessionKey& key : keys) SegmentOf(key).Block(key);
  absl::StatusOr<EndResult> result = base_.End(keys, now);
  for (const SessionKey& key : keys) SegmentOf(key).Unblock();
  return result;
}

absl::Status SessionCache::SaveActivity(absl::Span<const Activity> notes) {
  for (const Activity& note : notes) NoteActivity(note);
  return absl::OkStatus();
}

absl::StatusOr<int> SessionCache::Sweep(absl::Time now, int limit) {
  LATCHKEY_RETURN_IF_ERROR(Flush(now));
  return base_.Sweep(now, limit);
}

uint64_t SessionCache::Revision() const { return base_.Revision(); }

absl::StatusOr<uint64_t> SessionCache::Count() const { return base_.Count(); }

absl::Status SessionCache::Flush(absl::Time now) const {
  for (size_t i = 0; i < options_.segments; ++i) {
    for (SessionSegment::NoteWalk walk; !walk.done();) {
      MutexLock lock(&saving_);
      const std::vector<Activity> notes = segments_[i].DueNotes(now, &walk);
      if (notes.empty()) continue;
      LATCHKEY_RETURN_IF_ERROR(base_.SaveActivity(notes));
      // More than one step's where entries with notes made room for others.
      constexpr size_t kStep = SessionSegment::kNotesAtOnce;
      for (size_t at = 0; at < notes.size(); at += kStep) {
        segments_[i].Saved(absl::MakeConstSpan(notes).subspan(at, kStep));
      }
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<SessionCache::WarmStep> SessionCache::WarmSome(
    const std::optional<SessionKey>& after, int limit, absl::Time now) const {
  // A page is read as of one point in time: what is removed in any segment
  // after that must not come back.
  std::vector<uint64_t> tickets(options_.segments);
  for (size_t i = 0; i < options_.segments; ++i) {
    tickets[i] = segments_[i].Ticket();
  }
  LATCHKEY_ASSIGN_OR_RETURN(const WalkPage page, base_.Walk(after, limit, now));
  const size_t capacity = Capacity();
  size_t without_room = 0;
  for (const StoredSession& stored : page.sessions) {
    SessionSegment& segment = SegmentOf(stored.key);
    const uint64_t ticket = tickets[&segment - segments_.get()];
    if (!segment.Insert(stored.key, Share(stored.session), ticket, capacity,
                        /*may_evict=*/false)) {
      ++without_room;
    }
  }
  return WarmStep{.next = page.next,
                  .full = without_room * 2 > page.sessions.size()};
}

size_t SessionCache::CachedEntries() const {
  size_t total = 0;
  for (size_t i = 0; i < options_.segments; ++i) total += segments_[i].Size();
  return total;
}

SessionCache::Counts SessionCache::counts() const {
  Counts counts{.misses = misses_.Value()};
  for (size_t i = 0; i < options_.segments; ++i) {
    const SessionSegment::Counts segment = segments_[i].counts();
    counts.hits += segment.hits;
    counts.evicted += segment.evicted;
  }
  return counts;
}

// Keys are digests: any of their bits are as good as a hash. Not the first
// ones, in whose order Walk goes, or a page would fall into a few segments; nor
// those that a segment's index takes.
size_t SessionCache::IndexOfSegment(const SessionKey& key) const {
  uint32_t bits;
  std::memcpy(&bits, key.array().data() + 16, sizeof(bits));
  return bits & (options_.segments - 1);
}

LiveSession SessionCache::Share(const Session& session) const {
  return {.id = session.id,
          .create_time = session.create_time,
          .expire_time = session.expire_time,
          .last_seen_time = session.last_seen_time,
          .profile = profiles_.Share(session)};
}

// Of one segment. Profiles beyond their allowance are paid for with entries.
size_t SessionCache::Capacity() const {
  // A few large ones are no reason to forget sessions.
  constexpr size_t kFreeProfileBytes = size_t{1} << 20;
  const size_t allowed =
      options_.max_entries * kProfileAllowance + kFreeProfileBytes;
  const size_t bytes = profiles_.Bytes();
  size_t entries = options_.max_entries;
  if (bytes > allowed) {
    entries -= std::min(entries, (bytes - allowed) / kEntryBytes);
  }
  return std::max<size_t>(1, entries / options_.segments);
}

void SessionCache::ApplyNotes(std::vector<StoredSession>* sessions) const {
  for (StoredSession& stored : *sessions) {
    const std::optional<Activity> note =
        SegmentOf(stored.key).UnsavedNote(stored.key);
    if (!note.has_value()) continue;
    stored.session.last_seen_time =
        std::max(stored.session.last_seen_time, note->seen);
  }
}

absl::Status SessionCache::SaveNotesOf(
    absl::Span<const SessionKey> keys) const {
  std::vector<Activity> notes;
  const bool any = std::any_of(keys.begin(), keys.end(), [this](auto& key) {
    return SegmentOf(key).UnsavedNote(key).has_value();
  });
  if (!any) return absl::OkStatus();
  MutexLock lock(&saving_);
  for (const SessionKey& key : keys) {
    if (std::optional<Activity> note = SegmentOf(key).UnsavedNote(key)) {
      notes.push_back(*note);
    }
  }
  if (notes.empty()) return absl::OkStatus();
  LATCHKEY_RETURN_IF_ERROR(base_.SaveActivity(notes));
  for (const Activity& note : notes) SegmentOf(note.key).Saved({&note, 1});
  return absl::OkStatus();
}

}  // namespace latchkey
