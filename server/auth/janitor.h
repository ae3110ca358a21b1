#ifndef LATCHKEY_SERVER_AUTH_JANITOR_H_
#define LATCHKEY_SERVER_AUTH_JANITOR_H_

#include <functional>
#include <thread>

#include "absl/time/time.h"

#include "client/base/clock.h"
#include "client/base/mutex.h"
#include "server/base/audit_log.h"
#include "server/base/log.h"
#include "server/credential/key_ring.h"
#include "server/session/session_cache.h"

namespace latchkey {

// Janitor does what no call waits for, on a thread of its own: it saves noted
// activity, frees dead sessions, and gives the key ring its turn. It changes
// no answer of any verb.
class Janitor {
 public:
  struct Options {
    // Between two saves of activity; what a crash may cost an idle timeout.
    absl::Duration flush_interval = absl::Seconds(15);
    // Between two sweeps, of at most `sweep_limit` sessions looked at as dead.
    absl::Duration sweep_interval = absl::Seconds(10);
    int sweep_limit = 1000;
    // Between two sweeps while there is a backlog, which is when the last one
    // has freed its whole limit: thousands a second, with room between them
    // for whoever else wants the disk and a processor.
    absl::Duration backlog_interval = absl::Milliseconds(100);
    // Between two turns of the key ring.
    absl::Duration key_interval = absl::Minutes(1);
  };

  // FlushIntervalFor returns 15 s or a tenth of the idle timeout, whichever is
  // less, and at least 100 ms.
  static absl::Duration FlushIntervalFor(absl::Duration idle_ttl);

  // All must outlive the janitor.
  Janitor(SessionCache& sessions, KeyRing& keys, const ForwardClock& clock,
          Log& log, AuditLog& audit, Options options);
  // Calls Stop.
  ~Janitor();

  // Start starts the thread.
  void Start();
  // Stop ends and joins it; a turn under way is finished first.
  void Stop();

  // RunDue does what is due at `since_boot`, on the calling thread, and
  // returns when to call again. The thread does nothing else.
  absl::Duration RunDue(absl::Duration since_boot);

 private:
  void Work();
  void Flush();
  // Returns how long until the next one.
  absl::Duration Sweep();
  void TurnKeys();
  void WatchClock();

  SessionCache& sessions_;
  KeyRing& keys_;
  const ForwardClock& clock_;
  Log& log_;
  AuditLog& audit_;
  const Options options_;

  // Touched by RunDue only.
  absl::Duration flush_due_;
  absl::Duration sweep_due_;
  absl::Duration keys_due_;
  bool clock_held_ = false;

  Mutex mutex_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_AUTH_JANITOR_H_
