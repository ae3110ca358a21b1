#ifndef LATCHKEY_CLIENT_HIGHEST_REVISION_H_
#define LATCHKEY_CLIENT_HIGHEST_REVISION_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

#include "client/base/mutex.h"
#include "client/verify/revision.h"

namespace latchkey {

// HighestRevision keeps the newest revision that was seen, so that what is
// asked next is answered by nobody who knows less. Safe from any thread.
class HighestRevision {
 public:
  // Saw takes a token from an answer of the server, or from metadata of a
  // caller who is trusted: a forged one makes every check fail that is bound to
  // it. Of another epoch than before it is the newest, since the server was
  // restored. What is no token is ignored.
  void Saw(absl::string_view token);

  // Token returns it; empty if none was seen.
  std::string Token() const;

 private:
  mutable Mutex mutex_;
  std::optional<RevisionPoint> highest_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_HIGHEST_REVISION_H_
