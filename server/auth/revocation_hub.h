#ifndef LATCHKEY_SERVER_AUTH_REVOCATION_HUB_H_
#define LATCHKEY_SERVER_AUTH_REVOCATION_HUB_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "client/base/clock.h"
#include "client/base/ids.h"
#include "client/base/mutex.h"
#include "server/auth/published_keys.h"
#include "server/base/metrics.h"
#include "server/credential/key_ring.h"
#include "server/session/commit_listener.h"
#include "server/session/lease_store.h"
#include "server/session/lease_table.h"
#include "server/session/revocation_archive.h"
#include "server/session/revocation_feed.h"
#include "server/session/revocation_log.h"
#include "server/session/revocation_stream.h"

namespace latchkey {

// Watcher is a verifier's stream, as the hub knows it.
class Watcher {
 public:
  virtual ~Watcher() = default;

  // Wake says that there may be something to write: ask RevocationStream::Next.
  // Called on the hub's thread, which many wait for.
  virtual void Wake() = 0;

  // End ends the stream with `why`. May be called more than once.
  virtual void End(const absl::Status& why) = 0;

  // LastHeard returns when the verifier last said something, by the boot clock.
  virtual absl::Duration LastHeard() const = 0;
};

// RevocationHub is where what is taken back goes out from: it hears of each
// change from the committer, wakes the streams of verifiers, and tells those
// who wait when no verifier accepts any more by what was before.
//
//   committer --> RevocationFeed --> log, leases --> wake --> streams
//   Logout    --> Wait ------------> leases ----------------> report
//
// One thread of its own does what somebody must do in time. Safe from any
// thread; nothing but Open blocks.
class RevocationHub {
 public:
  struct Options {
    LeaseTable::Options leases;
    RevocationLog::Options log;
    // How often the use of one session is worth a report.
    absl::Duration activity_interval = absl::Seconds(15);
    // A stream that says nothing for this long is ended.
    absl::Duration silence_limit = absl::Seconds(30);
  };

  // What it stands on; all of it outlives the hub.
  struct Base {
    const Epoch& epoch;
    const RevocationArchive& archive;
    LeaseStore& lease_store;
    const KeyRing& keys;
    const Clock& clock;
  };

  // Open stores that leases of that length are granted. `revision` returns the
  // newest that is durable; nobody else commits until `listener()` listens.
  //   as LeaseTable::Open
  static absl::StatusOr<std::unique_ptr<RevocationHub>> Open(
      const Options& options, absl::FunctionRef<uint64_t()> revision,
      const Base& base);
  // Calls Stop. Waits that have not ended end, incomplete.
  ~RevocationHub();
  RevocationHub(const RevocationHub&) = delete;
  RevocationHub& operator=(const RevocationHub&) = delete;

  CommitListener& listener() { return feed_; }

  // Start starts the thread; Stop ends and joins it.
  void Start();
  void Stop();

  // RunDue does what is due at `since_boot`, on the calling thread, and returns
  // when to call again, if nothing comes before. The thread does nothing else.
  absl::Duration RunDue(absl::Duration since_boot);

  // --- streams ---

  // OpenStream returns the server's half of a new stream.
  //   kResourceExhausted  kTooManyVerifiers, with a retry delay
  absl::StatusOr<std::unique_ptr<RevocationStream>> OpenStream();

  // Add has `watcher` woken from now on, until Remove.
  //   kUnavailable  kShuttingDown: EndStreams was called
  absl::Status Add(std::shared_ptr<Watcher> watcher);
  void Remove(const std::shared_ptr<Watcher>& watcher);

  // EndStreams ends all streams and lets none be added: before the gRPC server
  // waits for what is under way.
  void EndStreams();

  absl::Duration heartbeat_interval() const {
    return leases_->heartbeat_interval();
  }
  absl::Duration activity_interval() const {
    return options_.activity_interval;
  }

  // --- waiting ---

  // Wait calls `done` once, when no verifier accepts any more by what was
  // before `revision`, or after `timeout`, or, absent that, after as long as it
  // takes. See LeaseTable::Wait.
  void Wait(uint64_t revision, std::optional<absl::Duration> timeout,
            LeaseTable::Done done);

  // --- for a person ---

  LeaseTable::Figures leases() const { return leases_->figures(); }
  const DurationHistogram& propagation() const {
    return leases_->propagation();
  }
  size_t LogEntries() const { return log_.Entries(); }
  // AcceptedStaleness is what verifiers reported of the views they answered by.
  DurationHistogram& accepted_staleness() { return accepted_staleness_; }
  const DurationHistogram& accepted_staleness() const {
    return accepted_staleness_;
  }

 private:
  using Watchers = std::set<std::shared_ptr<Watcher>>;

  RevocationHub(const Options& options, uint64_t revision, const Base& base,
                std::unique_ptr<LeaseTable> leases);

  void Work();
  std::vector<std::shared_ptr<Watcher>> AllWatchers() const;
  void EndSilent(absl::Duration since_boot);

  const Options options_;
  const Epoch epoch_;
  const Clock& clock_;
  const PublishedKeys keys_;
  const std::unique_ptr<LeaseTable> leases_;
  RevocationLog log_;
  RevocationFeed feed_;
  DurationHistogram accepted_staleness_;

  // Touched by RunDue only.
  std::shared_ptr<const std::string> told_keys_;
  absl::Duration look_due_;

  mutable Mutex mutex_;
  CondVar wake_;
  // Something was published since the streams were last woken.
  bool published_ ABSL_GUARDED_BY(mutex_) = false;
  bool poked_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  Watchers watchers_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;  // touched by Start and Stop only
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_AUTH_REVOCATION_HUB_H_
