#include "server/storage/session_sweep.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "client/base/status_macros.h"
#include "server/session/session_store.h"
#include "server/storage/records.h"
#include "server/storage/session_rows.h"

namespace latchkey {
namespace {

// Accounts kept in mind by one run; past it, it forgets and reads again.
constexpr size_t kMaxAccounts = 10'000;

// Past its absolute end nothing can bring a session back. Past its idle end a
// note of activity that is still in memory can; kSweepGrace gives it time.
bool DeadByTime(const Session& session, absl::Time now) {
  return now >= session.expire_time ||
         now >= session.idle_expire_time() + kSweepGrace;
}

}  // namespace

SessionSweep::SessionSweep(const RocksDb& db, Committer& committer, Log& log)
    : db_(db), committer_(committer), log_(log) {}

absl::StatusOr<int> SessionSweep::Run(absl::Time now, int limit) {
  LATCHKEY_RETURN_IF_ERROR(db_.Ready());
  Walk walk;
  walk.now = now;
  walk.limit = limit;
  {
    MutexLock lock(&mutex_);
    walk.cursor = cursor_;
  }
  const std::string start = walk.cursor;
  absl::Status walked = WalkRange(start, "", &walk);
  if (walked.ok() && !walk.Spent() && !start.empty()) {
    walked = WalkRange("", start, &walk);
  }
  {
    MutexLock lock(&mutex_);
    cursor_ = walk.cursor;
  }
  LATCHKEY_RETURN_IF_ERROR(walked);
  return walk.freed;
}

absl::Status SessionSweep::WalkRange(absl::string_view from,
                                     absl::string_view to, Walk* walk) {
  const std::unique_ptr<rocksdb::Iterator> row =
      db_.Scan(Family::kSessions, to);
  row->Seek(ToSlice(from));
  std::vector<SessionKey> candidates;
  while (row->Valid() && !walk->Spent()) {
    const size_t wanted =
        std::min(kMaxChange, static_cast<size_t>(walk->limit - walk->freed));
    for (; row->Valid() && candidates.size() < wanted && !walk->Spent();
         row->Next(), ++walk->scanned) {
      const auto key = SessionKey::FromBytes(ToView(row->key()));
      const absl::StatusOr<bool> dead =
          key.has_value() ? LooksDead(*key, ToView(row->value()), walk)
                          : absl::StatusOr<bool>(false);
      // A damaged row answers no Find either; it must not stop the walk.
      if (!dead.ok())
        log_.Warning("sweep skips a row", {{"why", dead.status()}});
      if (dead.ok() && *dead) candidates.push_back(*key);
    }
    walk->cursor = row->Valid() ? row->key().ToString() : std::string(to);
    LATCHKEY_RETURN_IF_ERROR(Free(candidates, walk));
    candidates.clear();
  }
  return db_.ScanEnd(*row);
}

absl::StatusOr<bool> SessionSweep::LooksDead(const SessionKey& key,
                                             absl::string_view row,
                                             Walk* walk) const {
  LATCHKEY_ASSIGN_OR_RETURN(Session session, DecodeSession(row));
  if (DeadByTime(session, walk->now)) {
    rocksdb::PinnableSlice activity;
    LATCHKEY_ASSIGN_OR_RETURN(
        const bool noted, db_.Read(Family::kActivity, key.view(), &activity));
    if (noted) {
      LATCHKEY_RETURN_IF_ERROR(ApplyActivity(ToView(activity), &session));
    }
    if (DeadByTime(session, walk->now)) return true;
  }
  return LooksLeftBehind(session, walk);
}

absl::StatusOr<bool> SessionSweep::LooksLeftBehind(const Session& session,
                                                   Walk* walk) const {
  auto it = walk->accounts.find(session.account);
  if (it == walk->accounts.end()) {
    rocksdb::PinnableSlice row;
    LATCHKEY_ASSIGN_OR_RETURN(
        const bool found, db_.Read(Family::kAccounts, session.account, &row));
    std::optional<Account> account;
    if (found) {
      LATCHKEY_ASSIGN_OR_RETURN(account,
                                DecodeAccount(session.account, ToView(row)));
    }
    if (walk->accounts.size() >= kMaxAccounts) walk->accounts.clear();
    it = walk->accounts.emplace(session.account, std::move(account)).first;
  }
  return !it->second.has_value() ||
         !SessionsHold(*it->second, session.account_uid, session.generation);
}

absl::Status SessionSweep::Free(const std::vector<SessionKey>& candidates,
                                Walk* walk) {
  if (candidates.empty()) return absl::OkStatus();
  int freed = 0;
  const auto decide = [&](ChangeView& view) -> absl::Status {
    for (const SessionKey& key : candidates) {
      LATCHKEY_ASSIGN_OR_RETURN(const std::optional<Session> session,
                                ReadSession(view, key));
      if (!session.has_value()) continue;
      LATCHKEY_ASSIGN_OR_RETURN(const bool left_behind,
                                LeftBehind(view, *session));
      if (!left_behind && !DeadByTime(*session, walk->now)) continue;
      // No revocation: no token outlives its session's own end, and of an
      // account that left its sessions behind the revocation is written.
      DeleteSession(view, key, *session);
      ++freed;
    }
    return absl::OkStatus();
  };
  const absl::StatusOr<uint64_t> committed = committer_.Commit(decide);
  LATCHKEY_RETURN_IF_ERROR(committed.status());
  walk->freed += freed;
  return absl::OkStatus();
}

}  // namespace latchkey
