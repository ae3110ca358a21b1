#include "server/storage/rocks_session_store.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "client/base/status_macros.h"
#include "server/account/account.h"
#include "server/base/error.h"
#include "server/storage/records.h"
#include "server/storage/revocation_rows.h"
#include "server/storage/session_rows.h"

namespace latchkey {
namespace {

// The first key behind all that begin with `uid`; empty if there is none.
std::string EndOfAccount(const AccountUid& uid) {
  std::string end(uid.view());
  while (!end.empty() && end.back() == '\xff') end.pop_back();
  if (!end.empty()) ++end.back();
  return end;
}

// What a walk reads at a time, of the 300 KB or so that a page of it takes:
// few reads, and little that a page leaves unused.
constexpr size_t kWalkReadahead = size_t{128} << 10;

// The lowest row behind that of `key`.
std::string BehindKey(const SessionKey& key) {
  return absl::StrCat(key.view(), absl::string_view("\0", 1));
}

// Decodes a session's row, and adds what `activity` has about its key. Rows of
// both families lie in the same order: `activity` only ever moves on.
absl::StatusOr<Session> WithActivity(const SessionKey& key,
                                     absl::string_view row,
                                     rocksdb::Iterator* activity) {
  while (activity->Valid() && ToView(activity->key()) < key.view()) {
    activity->Next();
  }
  LATCHKEY_ASSIGN_OR_RETURN(Session session, DecodeSession(row));
  if (activity->Valid() && ToView(activity->key()) == key.view()) {
    LATCHKEY_RETURN_IF_ERROR(
        ApplyActivity(ToView(activity->value()), &session));
  }
  return session;
}

// Adds a new session, unless its account does not stand behind it, or not
// behind the proof any more.
absl::Status AddSession(ChangeView& view, const NewSession& added,
                        absl::Time now) {
  const auto& [key, session, use] = added;
  LATCHKEY_ASSIGN_OR_RETURN(const std::optional<Account> account,
                            AccountBehind(view, session));
  if (!account.has_value()) return LoginRefused();
  LATCHKEY_ASSIGN_OR_RETURN(const std::optional<std::string> same_key,
                            view.Get(Family::kSessions, key.view()));
  LATCHKEY_ASSIGN_OR_RETURN(const std::optional<std::string> same_id,
                            view.Get(Family::kSessionIds, session.id.view()));
  if (same_key.has_value() || same_id.has_value()) {
    return absl::AlreadyExistsError("the session exists");
  }
  // A late note about an earlier session of this key is none about this one.
  LATCHKEY_ASSIGN_OR_RETURN(const std::optional<std::string> stray,
                            view.Get(Family::kActivity, key.view()));
  if (stray.has_value()) view.Delete(Family::kActivity, key.view());
  PutSession(view, key, session);
  if (!use.has_value()) return absl::OkStatus();
  return UseProof(view, *account, *use, key, now);
}

}  // namespace

RocksSessionStore::RocksSessionStore(RocksDb& db, Committer& committer,
                                     Log& log)
    : db_(db), committer_(committer), sweep_(db, committer, log) {}

void RocksSessionStore::StartCreate(std::shared_ptr<const NewSession> session,
                                    absl::Time now, Created created) {
  const auto decide = [session = std::move(session), now](ChangeView& view) {
    return AddSession(view, *session, now);
  };
  committer_.Submit(decide, std::move(created));
}

absl::StatusOr<Session> RocksSessionStore::Find(const SessionKey& key,
                                                absl::Time now) const {
  return FindWithin(key, now, Reach::kDisk);
}

absl::StatusOr<Session> RocksSessionStore::FindInMemory(const SessionKey& key,
                                                        absl::Time now) const {
  return FindWithin(key, now, Reach::kMemory);
}

absl::StatusOr<Session> RocksSessionStore::FindWithin(const SessionKey& key,
                                                      absl::Time now,
                                                      Reach reach) const {
  rocksdb::PinnableSlice row;
  LATCHKEY_ASSIGN_OR_RETURN(
      const bool found, db_.Read(Family::kSessions, key.view(), &row, reach));
  if (!found) return NoSuchSession();
  LATCHKEY_ASSIGN_OR_RETURN(Session session, DecodeSession(ToView(row)));
  rocksdb::PinnableSlice activity;
  LATCHKEY_ASSIGN_OR_RETURN(
      const bool noted,
      db_.Read(Family::kActivity, key.view(), &activity, reach));
  if (noted) {
    LATCHKEY_RETURN_IF_ERROR(ApplyActivity(ToView(activity), &session));
  }
  if (!IsAlive(session, now)) return NoSuchSession();
  return session;
}

absl::StatusOr<SessionKey> RocksSessionStore::FindKey(
    const SessionId& id) const {
  return FindKeyWithin(id, Reach::kDisk);
}

absl::StatusOr<SessionKey> RocksSessionStore::FindKeyInMemory(
    const SessionId& id) const {
  return FindKeyWithin(id, Reach::kMemory);
}

absl::StatusOr<SessionKey> RocksSessionStore::FindKeyWithin(const SessionId& id,
                                                            Reach reach) const {
  rocksdb::PinnableSlice row;
  LATCHKEY_ASSIGN_OR_RETURN(
      const bool found, db_.Read(Family::kSessionIds, id.view(), &row, reach));
  if (!found) return NoSuchSession();
  LATCHKEY_ASSIGN_OR_RETURN(const SessionPointer pointer,
                            DecodeSessionPointer(ToView(row)));
  return pointer.key;
}

absl::StatusOr<std::vector<StoredSession>> RocksSessionStore::List(
    const AccountUid& account, const std::optional<SessionId>& after, int limit,
    absl::Time now) const {
  LATCHKEY_RETURN_IF_ERROR(db_.Ready());
  std::vector<StoredSession> sessions;
  const std::string from =
      AccountIndexKey(account, after.value_or(SessionId()));
  const std::unique_ptr<rocksdb::Iterator> row =
      db_.Scan(Family::kSessionsByAccount, EndOfAccount(account));
  row->Seek(from);
  // The very row of `after` is behind us; the lowest id is not, if none is.
  if (after.has_value() && row->Valid() && row->key() == from) row->Next();
  for (; row->Valid() && static_cast<int>(sessions.size()) < limit;
       row->Next()) {
    LATCHKEY_ASSIGN_OR_RETURN(const SessionPointer pointer,
                              DecodeSessionPointer(ToView(row->value())));
    absl::StatusOr<Session> session = Find(pointer.key, now);
    if (absl::IsNotFound(session.status())) continue;
    LATCHKEY_RETURN_IF_ERROR(session.status());
    sessions.push_back({pointer.key, *std::move(session)});
  }
  LATCHKEY_RETURN_IF_ERROR(db_.ScanEnd(*row));
  return sessions;
}

absl::StatusOr<WalkPage> RocksSessionStore::Walk(
    const std::optional<SessionKey>& after, int limit, absl::Time now) const {
  LATCHKEY_RETURN_IF_ERROR(db_.Ready());
  WalkPage page;
  const std::string from = after.has_value() ? BehindKey(*after) : "";
  const std::unique_ptr<rocksdb::Iterator> row =
      db_.Scan(Family::kSessions, "", kWalkReadahead);
  // Behind the sessions, so that it has at least what theirs shows.
  const std::unique_ptr<rocksdb::Iterator> activity =
      db_.Scan(Family::kActivity, "", kWalkReadahead);
  row->Seek(from);
  activity->Seek(from);
  for (int met = 0; met < limit && row->Valid(); ++met, row->Next()) {
    const auto key = SessionKey::FromBytes(ToView(row->key()));
    if (!key.has_value()) continue;
    page.next = *key;
    absl::StatusOr<Session> session =
        WithActivity(*key, ToView(row->value()), activity.get());
    if (session.ok() && IsAlive(*session, now)) {
      page.sessions.push_back({*key, *std::move(session)});
    }
  }
  // An iterator that failed is not valid either: only a walk that went well
  // has come to its end.
  LATCHKEY_RETURN_IF_ERROR(db_.ScanEnd(*row));
  LATCHKEY_RETURN_IF_ERROR(db_.ScanEnd(*activity));
  if (!row->Valid()) page.next.reset();
  return page;
}

absl::StatusOr<EndResult> RocksSessionStore::End(
    absl::Span<const SessionKey> keys, absl::Time now) {
  if (keys.size() > kMaxEndBatch) {
    return absl::InvalidArgumentError("too many sessions for one call");
  }
  EndResult result;
  const auto decide = [&](ChangeView& view) -> absl::Status {
    std::vector<Revocation> revocations;
    for (const SessionKey& key : keys) {
      LATCHKEY_ASSIGN_OR_RETURN(const std::optional<Session> session,
                                ReadSession(view, key));
      if (!session.has_value()) continue;
      // Also what is dead by time: a clock put right must not revive it.
      DeleteSession(view, key, *session);
      if (IsAlive(*session, now)) ++result.ended;
      revocations.push_back(
          Revocation::OfSession(session->id, session->expire_time));
    }
    if (!revocations.empty()) PutRevocations(view, std::move(revocations));
    return absl::OkStatus();
  };
  LATCHKEY_ASSIGN_OR_RETURN(result.revision, committer_.Commit(decide));
  return result;
}

absl::Status RocksSessionStore::SaveActivity(absl::Span<const Activity> notes) {
  // In the order of keys: the memtable looks for the place of a row from that
  // of the one before. Of one session the newest first.
  std::vector<const Activity*> ordered;
  ordered.reserve(notes.size());
  for (const Activity& note : notes) ordered.push_back(&note);
  std::sort(ordered.begin(), ordered.end(),
            [](const Activity* a, const Activity* b) {
              return a->key != b->key ? a->key < b->key : a->seen > b->seen;
            });
  MutexLock lock(&activity_mutex_);
  rocksdb::WriteBatch batch;
  const Activity* before = nullptr;
  for (const Activity* const note : ordered) {
    if (before != nullptr && before->key == note->key) continue;
    before = note;
    if (!note->is_newest) {
      LATCHKEY_ASSIGN_OR_RETURN(const bool newer, HasNewerActivity(*note));
      if (newer) continue;
    }
    const rocksdb::Status put =
        batch.Put(db_.handle(Family::kActivity), ToSlice(note->key.view()),
                  EncodeActivity({note->expire_time, note->seen}));
    if (!put.ok()) return absl::InternalError("activity does not fit");
  }
  if (batch.Count() == 0) return db_.Ready();
  return db_.Write(&batch, RocksDb::Durability::kUnsynced);
}

absl::StatusOr<bool> RocksSessionStore::HasNewerActivity(
    const Activity& note) const {
  rocksdb::PinnableSlice row;
  LATCHKEY_ASSIGN_OR_RETURN(const bool noted,
                            db_.Read(Family::kActivity, note.key.view(), &row));
  if (!noted) return false;
  LATCHKEY_ASSIGN_OR_RETURN(const ActivityNote before,
                            DecodeActivity(ToView(row)));
  return before.seen >= note.seen;
}

absl::StatusOr<int> RocksSessionStore::Sweep(absl::Time now, int limit) {
  return sweep_.Run(now, limit);
}

uint64_t RocksSessionStore::Revision() const { return committer_.Revision(); }

absl::StatusOr<uint64_t> RocksSessionStore::Count() const {
  return db_.Count(Family::kSessions);
}

}  // namespace latchkey
