#ifndef LATCHKEY_SERVER_STORAGE_SESSION_SWEEP_H_
#define LATCHKEY_SERVER_STORAGE_SESSION_SWEEP_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "client/base/mutex.h"
#include "server/account/account.h"
#include "server/base/log.h"
#include "server/session/session.h"
#include "server/storage/committer.h"
#include "server/storage/rocks_db.h"

namespace latchkey {

// SessionSweep walks the sessions and ends, as ordinary changes, those that
// nobody can use any more. The walk only finds candidates; whether one is dead
// is decided again by the committer, against the state it writes to, so a
// session that was used meanwhile stays.
//
// Safe from any thread. Two runs at once do no harm, only double work.
class SessionSweep {
 public:
  // The most rows one run looks at: a tenth of a second of reading, which every
  // ten seconds takes a hundredth of a core.
  static constexpr size_t kMaxScan = 10'000;
  // The most sessions that one change ends: other changes of its batch wait
  // for its reads.
  static constexpr size_t kMaxChange = 100;

  // `db`, `committer` and `log` must outlive it.
  SessionSweep(const RocksDb& db, Committer& committer, Log& log);

  // Run frees at most `limit` sessions; see SessionStore::Sweep. It begins
  // where the last run stopped, goes on from the first session when it has met
  // the last one, and ends when it has seen each once or kMaxScan of them.
  [[nodiscard]] absl::StatusOr<int> Run(absl::Time now, int limit);

 private:
  // What one run keeps in mind.
  struct Walk {
    absl::Time now;
    int limit = 0;
    int freed = 0;
    size_t scanned = 0;
    std::string cursor;  // where the next run begins; empty: the first row
    // Accounts that were looked up. May be out of date: only for candidates.
    absl::flat_hash_map<std::string, std::optional<Account>> accounts;

    bool Spent() const { return freed >= limit || scanned >= kMaxScan; }
  };

  // Walks the rows from `from` up to, not including, `to` (empty: the end).
  absl::Status WalkRange(absl::string_view from, absl::string_view to,
                         Walk* walk);
  absl::StatusOr<bool> LooksDead(const SessionKey& key, absl::string_view row,
                                 Walk* walk) const;
  absl::StatusOr<bool> LooksLeftBehind(const Session& session,
                                       Walk* walk) const;
  absl::Status Free(const std::vector<SessionKey>& candidates, Walk* walk);

  const RocksDb& db_;
  Committer& committer_;
  Log& log_;

  Mutex mutex_;
  std::string cursor_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORAGE_SESSION_SWEEP_H_
