#ifndef LATCHKEY_SERVER_STORAGE_ROCKS_SESSION_STORE_H_
#define LATCHKEY_SERVER_STORAGE_ROCKS_SESSION_STORE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

#include "client/base/mutex.h"
#include "server/base/log.h"
#include "server/session/session_store.h"
#include "server/storage/committer.h"
#include "server/storage/rocks_db.h"
#include "server/storage/session_sweep.h"

namespace latchkey {

// RocksSessionStore is the SessionStore over the families `sessions`,
// `session_ids`, `sessions_by_account` and `activity`.
//
// Activity is the one thing that does not pass the committer: it is written
// unsynced into a family of its own, so that a late note can only ever lie
// beside a session, never bring it back.
class RocksSessionStore final : public SessionStore {
 public:
  // `db`, `committer` and `log` must outlive the store.
  RocksSessionStore(RocksDb& db, Committer& committer, Log& log);

  void StartCreate(std::shared_ptr<const NewSession> session, absl::Time now,
                   Created created) override;
  absl::StatusOr<Session> Find(const SessionKey& key,
                               absl::Time now) const override;
  absl::StatusOr<Session> FindInMemory(const SessionKey& key,
                                       absl::Time now) const override;
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
  absl::Status SaveActivity(absl::Span<const Activity> notes) override;
  absl::StatusOr<int> Sweep(absl::Time now, int limit) override;
  absl::Status Ready() const override { return db_.Ready(); }
  uint64_t Revision() const override;
  absl::StatusOr<uint64_t> Count() const override;

 private:
  absl::StatusOr<Session> FindWithin(const SessionKey& key, absl::Time now,
                                     Reach reach) const;
  absl::StatusOr<bool> HasNewerActivity(const Activity& note) const;
  absl::StatusOr<SessionKey> FindKeyWithin(const SessionId& id,
                                           Reach reach) const;

  RocksDb& db_;
  Committer& committer_;
  SessionSweep sweep_;
  // Orders those who read an activity row, compare and write it: without it
  // two notes of one session could pass each other and move it back. Held
  // across that unsynced write, which is its whole purpose; nothing that
  // answers a call waits for it.
  Mutex activity_mutex_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORAGE_ROCKS_SESSION_STORE_H_
