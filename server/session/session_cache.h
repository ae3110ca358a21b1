#ifndef LATCHKEY_SERVER_SESSION_SESSION_CACHE_H_
#define LATCHKEY_SERVER_SESSION_SESSION_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

#include "client/base/mutex.h"
#include "server/session/session.h"
#include "server/session/session_store.h"

namespace latchkey {

// SessionCache is a SessionStore in memory over another one: what is asked
// often is answered without the base, and activity is noted in memory and
// saved to the base by Flush.
//
// It keeps every promise of SessionStore, by three rules:
//   Removal wins. A fill that began before a removal in its shard is dropped:
//     the shard's counter is read before the base is asked and compared before
//     the insert. So after End returned, no Find brings the session back.
//   Notes outlive entries. A note stays in the shard until the base has it,
//     evicted or not, and is saved before the base is asked about its session.
//   The cache says yes only to what the base said yes to, and judges time anew
//     at each hit.
//
// Safe from any thread. No lock is held while the base is asked.
class SessionCache final : public SessionStore {
 public:
  struct Options {
    // Entries over all shards; about 500 bytes each with short strings.
    size_t max_entries = 200000;
    // A power of two; more shards, less waiting.
    size_t shards = 64;
  };

  // `base` must outlive the cache. Call Flush before the base closes.
  SessionCache(SessionStore& base, Options options);
  ~SessionCache() override;

  absl::StatusOr<uint64_t> Create(const SessionKey& key, const Session& session,
                                  absl::Time now) override;
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
  // SaveActivity notes in memory only; never blocks on the base.
  absl::Status SaveActivity(absl::Span<const Activity> notes) override;
  absl::StatusOr<int> Sweep(absl::Time now, int limit) override;
  uint64_t Revision() const override;
  absl::StatusOr<uint64_t> Count() const override;

  // Flush saves the notes made since the last Flush to the base. What could
  // not be saved is kept for the next one. May block on the disk.
  absl::Status Flush() const;

  // CachedEntries returns how many sessions are in memory now.
  size_t CachedEntries() const;

 private:
  struct Slot;
  class Shard;

  Shard& ShardOf(const SessionKey& key) const;
  // Saves the notes of `keys` that the base does not have yet.
  absl::Status SaveNotesOf(absl::Span<const SessionKey> keys) const;

  SessionStore& base_;
  const size_t shard_mask_;
  const std::unique_ptr<Shard[]> shards_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SESSION_SESSION_CACHE_H_
