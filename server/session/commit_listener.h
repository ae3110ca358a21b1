#ifndef LATCHKEY_SERVER_SESSION_COMMIT_LISTENER_H_
#define LATCHKEY_SERVER_SESSION_COMMIT_LISTENER_H_

#include <cstdint>

#include "absl/types/span.h"

#include "server/session/revocation_archive.h"

namespace latchkey {

// CommitListener hears of what became durable, in the order of changes, before
// anybody is answered. Called on the committer's thread: it must not block.
class CommitListener {
 public:
  virtual ~CommitListener() = default;

  // Committed says that all up to `through` is durable, of which `changes`,
  // above what was told before, revoked something.
  virtual void Committed(uint64_t through,
                         absl::Span<const RevocationsAt> changes) = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SESSION_COMMIT_LISTENER_H_
