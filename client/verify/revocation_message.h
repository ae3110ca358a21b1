#ifndef LATCHKEY_CLIENT_VERIFY_REVOCATION_MESSAGE_H_
#define LATCHKEY_CLIENT_VERIFY_REVOCATION_MESSAGE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"

#include "client/base/ids.h"
#include "client/verify/revocation.h"

namespace latchkey {

// What a verifier and a server say to each other on one stream, whatever
// carries it. A stream may break at any time; what it carries otherwise
// arrives in the order sent. Should a message be lost or overtaken all the
// same, both sides notice or lose a lease; nobody accepts by it.
//
//   verifier                               server
//     Subscribe(epoch, resume)  -------->
//                               <--------  Welcome(epoch, after)
//                               <--------  KeySetUpdate, also when it changes
//                               <--------  RevocationBatch(after, through] ...
//     Heartbeat(nonce, applied) -------->
//                               <--------  RevocationBatch up to the lease's
//                               <--------  Lease(nonce, revision, ttl)
//
// All that a verifier has to learn first (a snapshot) is the same batches,
// from revision 0 on, as many as it takes.

// Subscribe opens a stream; the first message, once.
struct Subscribe {
  // Whose revisions the verifier has applied; absent: none yet.
  std::optional<Epoch> epoch;
  uint64_t resume = 0;  // the newest it has applied, with all before it
};

// SessionUse is that a session was used, so long before it was told of.
struct SessionUse {
  SessionId session;
  absl::Duration age;  // not negative
};

// Heartbeat asks for a lease, and acknowledges: every check that begins from
// now on sees all up to `applied`.
struct Heartbeat {
  uint64_t nonce = 0;  // the verifier's, of this one heartbeat
  uint64_t applied = 0;
  // Since the one before: what was used, and the oldest view that a check was
  // answered by. For the idle timeout and for metrics; no promise rests on it.
  std::vector<SessionUse> activity;  // at most kMaxHeartbeatUses
  absl::Duration accepted_staleness;
};

// Welcome is the first message of a server: batches follow from `after` on.
// In another epoch than the verifier's nothing that it has applied counts.
struct Welcome {
  Epoch epoch;
  uint64_t after = 0;  // the revision to resume from, or 0: all anew
  absl::Duration heartbeat_interval;  // the server's
  absl::Duration activity_interval;   // of telling of one session's use
};

// RevocationBatch is every revocation of a revision in (after, through] that
// may still matter. There may be none.
struct RevocationBatch {
  uint64_t after = 0;
  uint64_t through = 0;
  std::vector<Revocation> revocations;
};

// KeySetUpdate is the keys by which tokens are to be judged from now on.
struct KeySetUpdate {
  std::string jwks;  // as KeySet::FromJwks reads it
};

// Lease lets the verifier answer by itself for `ttl` from when it sent the
// heartbeat of that nonce, once it has applied `revision`.
struct Lease {
  uint64_t nonce = 0;
  uint64_t revision = 0;
  absl::Duration ttl;
  absl::Time server_time;  // the server's wall clock when it granted
};

using VerifierMessage = std::variant<Subscribe, Heartbeat>;
using ServerMessage =
    std::variant<Welcome, KeySetUpdate, RevocationBatch, Lease>;

// Revocations in one batch: of at most 300 bytes each, far from the 1 MiB of a
// message. One change's are never parted, and may exceed it by kMaxEndBatch.
inline constexpr size_t kMaxBatchRevocations = 1000;

// Uses in one heartbeat, of about 30 bytes each.
inline constexpr size_t kMaxHeartbeatUses = 1000;

// The longest lease that either side takes part in. A verifier cuts a longer
// one down; no server grants it.
inline constexpr absl::Duration kMaxLeaseTtl = absl::Minutes(1);

// LeaseMargin is what a server waits longer than a lease: for clocks that run
// at different rates (1 %) and what lies between two readings of them.
inline absl::Duration LeaseMargin(absl::Duration ttl) {
  return absl::Milliseconds(20) + ttl / 100;
}

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_VERIFY_REVOCATION_MESSAGE_H_
