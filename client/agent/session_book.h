#ifndef LATCHKEY_CLIENT_AGENT_SESSION_BOOK_H_
#define LATCHKEY_CLIENT_AGENT_SESSION_BOOK_H_

#include <cstddef>
#include <memory>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"

#include "client/base/ids.h"
#include "client/base/mutex.h"
#include "latchkey/v1/session.pb.h"

namespace latchkey {

// SessionBook keeps what the server has told of sessions, so that an answer can
// say what a JWT does not: since when it is, and who its client was. It knows
// nothing of whether a session lives; of one that does, nothing changes but
// when it was used last.
//
// At most some bytes: sessions not asked for longest are forgotten, half of
// them at a time.
// Safe from any thread.
class SessionBook {
 public:
  explicit SessionBook(size_t max_bytes);
  SessionBook(const SessionBook&) = delete;
  SessionBook& operator=(const SessionBook&) = delete;

  // Keep takes down what the server says of the session. What it does not say
  // whole, of an older server, is not kept.
  void Keep(const SessionId& id, const v1::Session& session);

  // Read returns the session as the server would tell of it at `now`; a use is
  // noted, if it is one. nullopt: not known, or at its end as far as is known
  // here, and the server may know more.
  enum class Use { kActive, kPassive };
  std::optional<v1::Session> Read(const SessionId& id, absl::Time now, Use use);

  size_t size() const;

 private:
  struct Entry {
    std::shared_ptr<const v1::Session> told;
    absl::Duration idle_ttl;
    absl::Time last_seen;
    absl::Time expire;
    size_t bytes = 0;
  };
  using Page = absl::flat_hash_map<SessionId, Entry>;

  // Find returns the entry, on the new page, or null.
  Entry* Find(const SessionId& id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Entry* Put(const SessionId& id, Entry entry)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t max_page_bytes_;

  mutable Mutex mutex_;
  // What is asked for goes to the new page; when that is full it becomes the
  // old one, and what was left on the old one is forgotten.
  Page new_page_ ABSL_GUARDED_BY(mutex_);
  Page old_page_ ABSL_GUARDED_BY(mutex_);
  size_t new_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_AGENT_SESSION_BOOK_H_
