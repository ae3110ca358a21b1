#ifndef LATCHKEY_CLIENT_FOLLOW_LEASED_VIEW_H_
#define LATCHKEY_CLIENT_FOLLOW_LEASED_VIEW_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

#include "client/base/clock.h"
#include "client/base/ids.h"
#include "client/base/reader_gate.h"
#include "client/verify/key_set.h"
#include "client/verify/revocation.h"
#include "client/verify/revocation_set.h"

namespace latchkey {

// LeasedView is what checks read: by which keys tokens are judged, what has
// been revoked, and until when one may rely on that. A Follower writes it.
//
//   const LeasedView::Look look(view);   the lease, then the set
//   if (look.Refuses(facts)) -> refused
//   const auto reading = look.ReadClocks();   last
//   if (!reading.leased) -> ask the server, or refuse
//   judge expiry at reading.now
//
// The order is the promise. A look takes the end of the lease *before* it
// reads the set, so that it never relies on a lease that was granted for more
// than it has seen; and it reads the clock *after* it has decided, so that,
// however long it was held up in between, an answer was right when the clock
// was read.
//
// Looks: from any thread, without a lock or a shared counter. The rest belongs
// to one thread at a time. All looks must have ended before it is destroyed.
class LeasedView {
 private:
  struct State;

 public:
  // `clock` must outlive the view. Its boot clock must include the time that
  // the machine was suspended.
  LeasedView(const Clock& clock, const RevocationSet::Options& options);
  ~LeasedView();
  LeasedView(const LeasedView&) = delete;
  LeasedView& operator=(const LeasedView&) = delete;

  // Look is one check of one credential. Keep it short.
  class Look {
   public:
    explicit Look(const LeasedView& view);
    Look(const Look&) = delete;
    Look& operator=(const Look&) = delete;

    // Refuses tells whether a credential of these facts has been revoked, or
    // is of another epoch than the server's.
    bool Refuses(const RevocableFacts& facts) const;

    // keys returns the set by which tokens are judged; null if none is known.
    // It lives as long as the look, or as a copy of the pointer.
    const std::shared_ptr<const KeySet>& keys() const;

    // epoch returns the one that the look is about; nullopt: none yet.
    const std::optional<Epoch>& epoch() const;
    // applied returns up to which revision, at least, Refuses knows all if it
    // is asked afterwards.
    uint64_t applied() const;

    struct Reading {
      // Whether the lease still runs. If not, nothing that the look found may
      // let anybody in.
      bool leased = false;
      // What expiry is judged by: the later of the wall clock and what the
      // server's must be by now.
      absl::Time now;
      absl::Duration since_boot;
    };
    // ReadClocks ends the look: call it after everything was decided.
    Reading ReadClocks() const;

   private:
    const LeasedView& view_;
    const ReaderGate::Visit visit_;
    const State& state_;
    // Read before anything of the set.
    const int64_t lease_end_nanos_;
  };

  // --- of the Follower ---

  // Restart begins another epoch, or the first: nothing that was known counts
  // (keys neither), no lease runs, and what belongs to any other epoch is
  // refused.
  void Restart(const Epoch& epoch);

  // Add takes up `revocations`; every look that begins afterwards sees them.
  //   as RevocationSet::Add  do not renew the view any more: EndLease
  [[nodiscard]] absl::Status Add(absl::Span<const Revocation> revocations);

  // NoteApplied says that all up to `revision` has been added.
  void NoteApplied(uint64_t revision);

  // SetKeys makes `keys` those of looks that ask from now on.
  void SetKeys(std::shared_ptr<const KeySet> keys);

  // Renew lets looks that begin from now on rely on the set until `end` by the
  // boot clock, if that is later than before.
  // REQUIRES: all that the lease was granted for has been added
  void Renew(absl::Duration end);
  // EndLease ends it for looks that begin from now on.
  void EndLease();

  // NoteServerTime says what the server's wall clock showed when it granted
  // the lease that has just come; cut to 1970 to 9999. What may be dropped by
  // it is.
  void NoteServerTime(absl::Time server_time);

  // Retire destroys `object`, to which no pointer leads any more, when no look
  // that has begun can see it: so what is looked up during a look can be kept
  // beside the view.
  void Retire(std::shared_ptr<const void> object);
  // Collect destroys what has waited long enough.
  void Collect();

  // epoch returns the one of the latest Restart.
  std::optional<Epoch> epoch() const;
  // lease_end returns until when a look may rely on the view, by the boot
  // clock; in the past, if not at all. From any thread.
  absl::Duration lease_end() const;
  size_t size() const;
  size_t Bytes() const;

 private:
  const Clock& clock_;
  const RevocationSet::Options options_;
  mutable ReaderGate gate_;
  std::atomic<State*> state_;  // never null
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_FOLLOW_LEASED_VIEW_H_
