#ifndef LATCHKEY_SERVER_SESSION_LEASE_TABLE_H_
#define LATCHKEY_SERVER_SESSION_LEASE_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "client/base/clock.h"
#include "client/base/mutex.h"
#include "server/base/metrics.h"
#include "server/session/lease_store.h"

namespace latchkey {

// PropagationReport says how far a change had come when a wait for it ended.
struct PropagationReport {
  // Whether no verifier accepts by what was before the change. If not, the
  // change stands all the same, and verifiers learn of it when they can.
  bool complete = false;
  int verifiers = 0;      // that held a lease when the wait began
  int acknowledged = 0;   // of them: had applied it
  int lease_expired = 0;  // of them: had not, and had lost their lease
  absl::Duration elapsed;
};

// LeaseTable knows which streams of verifiers may rely on what they know, and
// until when; and it tells when nobody any more relies on what was before some
// revision.
//
//   Committed(r) ---+                      one lock, so that each lease was
//   Heartbeat    ---+--> lease(revision)   granted before a commit or knows it
//   Wait(r)      ---+--> report: each stream has applied r, or its lease ended
//
// A verifier counts its lease from when it asked, which is before it was
// granted; this side waits for ttl + LeaseMargin(ttl) from the grant.
//
// A lease is granted only to a stream that has acknowledged all revocations
// committed more than one heartbeat interval ago. So a stream that stops to
// acknowledge has its last lease at the latest an interval after a commit, and
// a Wait completes within interval + ttl + margin, whatever verifiers do.
//
// A stream is known by its number alone, which no client chooses: two streams
// never stand in for each other. Closing one waits its lease out.
//
// What a process before this one granted is waited out too: no Wait completes
// before the longest ttl ever granted has passed since Open.
//
// Safe from any thread; never blocks; reads the boot clock. Reports are given
// without the lock, by the thread whose call brought them about.
class LeaseTable {
 public:
  struct Options {
    absl::Duration ttl = absl::Seconds(2);  // at most kMaxLeaseTtl
    absl::Duration heartbeat_interval = absl::Milliseconds(500);
    // Streams that are open or whose lease is waited out.
    size_t max_streams = 4096;
    // Waits at a time, each a call of somebody.
    size_t max_waits = 10'000;
  };

  using StreamNumber = uint64_t;
  using WaitNumber = uint64_t;
  using Done = std::function<void(const PropagationReport&)>;

  // Open returns a table that grants leases of `options.ttl`, after it was
  // stored that such are granted. `revision` is the newest that is durable.
  // Blocks on the disk. `clock` must outlive the table.
  //   kInvalidArgument  a duration that is not positive, or too long a ttl
  //   as LeaseStore     it cannot be read or written
  static absl::StatusOr<std::unique_ptr<LeaseTable>> Open(
      const Options& options, uint64_t revision, LeaseStore& store,
      const Clock& clock);

  // Waits that have not ended end, incomplete.
  ~LeaseTable();
  LeaseTable(const LeaseTable&) = delete;
  LeaseTable& operator=(const LeaseTable&) = delete;

  // --- streams ---

  // OpenStream returns the number of a new stream, without a lease.
  //   kResourceExhausted  there are max_streams
  [[nodiscard]] absl::StatusOr<StreamNumber> OpenStream();

  // CloseStream says that nothing will come from `stream` any more. Its lease
  // goes on to its end.
  void CloseStream(StreamNumber stream);

  struct Grant {
    uint64_t revision = 0;  // the verifier must have applied it to use this
    absl::Duration ttl;
    absl::Time server_time;  // wall clock
  };
  // Heartbeat says that the verifier of `stream`, an open one, has applied all
  // up to `applied`: every check that begins from now on sees it. Returns the
  // lease that it gets, or nullopt if it lags.
  std::optional<Grant> Heartbeat(StreamNumber stream, uint64_t applied);

  // --- changes ---

  // Committed says that all up to `revision` is durable, and can be read from
  // the RevocationLog; `revokes`: there are revocations among what is new.
  // Called in the order of revisions, before any caller has his answer.
  void Committed(uint64_t revision, bool revokes);

  // Wait calls `done` once: when no verifier relies any more on what was
  // before `revision`, a committed one, or when `timeout` has passed.
  // Perhaps before it returns; then, and if there are too many waits (`done`
  // is told at once: incomplete), the number is of no use.
  WaitNumber Wait(uint64_t revision, absl::Duration timeout, Done done);

  // Cancel forgets a wait; `done` is not called any more once it returned,
  // unless it is being called. Unknown numbers are ignored.
  void Cancel(WaitNumber wait);

  // Bound returns how long a Wait takes at most, but after a start.
  absl::Duration Bound() const;
  // Patience returns how long a Wait that begins now takes at most: Bound, and
  // what is left of waiting out what a process before this one granted.
  absl::Duration Patience() const;

  absl::Duration heartbeat_interval() const {
    return options_.heartbeat_interval;
  }

  // --- time ---

  // Tick ends what has come to its end. Call it at NextDeadline, or later.
  void Tick();
  // NextDeadline returns, by the boot clock, when Tick has something to do for
  // a wait; InfiniteDuration if nobody waits.
  absl::Duration NextDeadline() const;

  // --- for a person ---

  struct Figures {
    size_t streams = 0;  // open
    size_t leased = 0;   // hold a lease, those of closed streams included
    size_t waits = 0;
    uint64_t grants = 0;    // since the start
    uint64_t refusals = 0;  // to streams that lagged, since the start
    // Since the grant to the stream whose lease is the oldest; zero if none.
    absl::Duration oldest_lease;
  };
  Figures figures() const;

  // propagation returns how long it took from a commit to its being applied:
  // for each acknowledgement, of the oldest commit that it is for.
  const DurationHistogram& propagation() const { return propagation_; }

 private:
  struct Stream {
    bool open = true;
    bool leased = false;
    uint64_t applied = 0;
    absl::Duration lease_end;   // boot clock; if leased
    absl::Duration granted;     // likewise: the newest grant
    uint64_t leased_since = 0;  // in the order of waits; if leased
  };
  struct PendingWait {
    WaitNumber number;  // also its place in the order of waits
    int pending = 0;    // streams that it waits for
    absl::Duration begin;
    absl::Duration deadline;
    PropagationReport report;
    Done done;
  };
  // By the revision that is waited for.
  using Waits = std::multimap<uint64_t, PendingWait>;
  // Reports to be given once the lock is let go.
  using Reports = std::vector<std::pair<Done, PropagationReport>>;

  LeaseTable(const Options& options, uint64_t revision, absl::Duration held,
             const Clock& clock);

  static void Give(const Reports& reports);

  // Which revision a verifier must have applied to get a lease.
  uint64_t RequiredAt(absl::Duration now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Acknowledges up to `applied` for `stream`.
  void Acknowledge(Stream& stream, uint64_t applied, absl::Duration now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Times the oldest commit in (before, applied].
  void TimePropagation(uint64_t before, uint64_t applied, absl::Duration now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Ends leases that have come to their end, and forgets closed streams
  // without one.
  void EndLeases(absl::Duration now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Takes out the waits that have ended at `now`.
  void Settle(absl::Duration now, Reports* reports)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  static constexpr size_t kMaxTimed = 4096;

  const Options options_;
  const Clock& clock_;
  DurationHistogram propagation_;
  // What was granted before the start has ended then; by the boot clock.
  const absl::Duration held_until_;

  mutable Mutex mutex_;
  uint64_t head_ ABSL_GUARDED_BY(mutex_);     // newest revision
  uint64_t revoked_ ABSL_GUARDED_BY(mutex_);  // newest that revoked something
  // Newest that revoked something more than an interval ago, and those after.
  uint64_t required_ ABSL_GUARDED_BY(mutex_);
  struct Commit {
    uint64_t revision;
    absl::Duration at;
  };
  std::deque<Commit> recent_ ABSL_GUARDED_BY(mutex_);
  // For the histogram: of commits that revoked something, the newest
  // kMaxTimed.
  std::deque<Commit> timed_ ABSL_GUARDED_BY(mutex_);
  std::map<StreamNumber, Stream> streams_ ABSL_GUARDED_BY(mutex_);
  // No lease ends before; so that not each call looks through all of them.
  absl::Duration next_end_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteDuration();
  Waits waits_ ABSL_GUARDED_BY(mutex_);
  StreamNumber last_stream_ ABSL_GUARDED_BY(mutex_) = 0;
  WaitNumber last_wait_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t grants_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t refusals_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SESSION_LEASE_TABLE_H_
