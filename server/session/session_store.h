#ifndef LATCHKEY_SERVER_SESSION_SESSION_STORE_H_
#define LATCHKEY_SERVER_SESSION_SESSION_STORE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

#include "client/base/fixed_bytes.h"
#include "server/session/session.h"

namespace latchkey {

// StoredSession is a session with the key it is stored under.
struct StoredSession {
  SessionKey key;
  Session session;
};

// AssertionId is SHA-256 of the `jti` of a signed assertion.
using AssertionId = FixedBytes<32, struct AssertionIdTag>;

// ProofUse is what becomes of the proof by which a service account opens a
// session.
struct ProofUse {
  // The account's, as read before the proof was checked.
  uint64_t proof_generation = 0;
  // Of an assertion: it is used up, for as long as it would be good.
  struct Assertion {
    AssertionId id;
    absl::Time expire_time;
  };
  std::optional<Assertion> assertion;
};

// NewSession is a session to be stored, and under which key.
struct NewSession {
  SessionKey key;
  Session session;
  // How a service account proved itself, which the same write uses up: of many
  // logins by one assertion one gets a session.
  std::optional<ProofUse> use;
};

// EndResult says what a call that ends sessions did.
struct EndResult {
  int ended = 0;          // live sessions that this call ended
  uint64_t revision = 0;  // the point in the order of changes after which
                          // every reader sees them ended
};

// WalkPage is one step of a walk over all sessions.
struct WalkPage {
  std::vector<StoredSession> sessions;  // in order of their keys
  // Behind which key the next step begins; absent at the end.
  std::optional<SessionKey> next;
};

// SessionStore keeps sessions by their key, a digest of the credential.
//
// Answers depend on `now`, never on whether anything was swept: a session that
// is not alive at `now` (see IsAlive) is absent from every answer. Whether its
// account still stands behind it is asked elsewhere, except by StartCreate.
// A call that returned OK survives a crash that follows it, SaveActivity
// excepted. A session's index, its id and its revocation are written together
// with it. Safe from any thread; values are copies. Calls may block on the
// disk: never on an RPC thread, unless said otherwise.
//
// A missing session is kNotFound with Reason::kSessionNotFound; a login that
// lost is kUnauthenticated with kLoginRefused.
//
// Besides the codes named, every call may return kUnavailable (the store is
// closing or stopped after a failed write) and kDataLoss (bad bytes on disk).
class SessionStore {
 public:
  virtual ~SessionStore() = default;

  // StartCreate stores a session, for whose write it does not wait, and hands
  // its revision to `created`, once: on a thread where that may block as long
  // as a worker's task may, or before it returns, so it is called on such a
  // thread, too. Decided against the account as it is then: the login that
  // raced a disable loses.
  //   kAlreadyExists    the key or the id is taken; nothing changed
  //   kUnauthenticated  the account is gone, disabled, or not any more of the
  //                     session's uid and generation; or, with a proof, the
  //                     account has not that proof_generation any more, the
  //                     assertion has expired at `now`, or one of its id was
  //                     used that has not; nothing changed
  using Created = std::function<void(absl::StatusOr<uint64_t>)>;
  virtual void StartCreate(std::shared_ptr<const NewSession> session,
                           absl::Time now, Created created) = 0;

  // Find returns the live session under `key`, with its newest activity.
  //   kNotFound  never existed, ended, or not alive at `now`; not told apart
  [[nodiscard]] virtual absl::StatusOr<Session> Find(const SessionKey& key,
                                                     absl::Time now) const = 0;

  // FindInMemory is Find for RPC threads: it answers only if no disk is
  // needed. kUnavailable if it would be; then ask Find from a worker.
  [[nodiscard]] virtual absl::StatusOr<Session> FindInMemory(
      const SessionKey& key, absl::Time now) const = 0;

  // FindKey returns the key of the session whose public id is `id`. It may
  // still know a session that is dead: the session under the key decides.
  //   kNotFound  no such session
  [[nodiscard]] virtual absl::StatusOr<SessionKey> FindKey(
      const SessionId& id) const = 0;
  [[nodiscard]] virtual absl::StatusOr<SessionKey> FindKeyInMemory(
      const SessionId& id) const = 0;

  // List returns at most `limit` live sessions of `account`, in order of their
  // ids, those after `after`.
  [[nodiscard]] virtual absl::StatusOr<std::vector<StoredSession>> List(
      const AccountUid& account, const std::optional<SessionId>& after,
      int limit, absl::Time now) const = 0;

  // Walk returns the live sessions, with their newest activity, among the next
  // `limit` stored ones (at least 1) behind `after`, in order of their keys: to
  // fill a cache with. What changes during a walk may be met or not; a record
  // that cannot be read is left out, as it answers no Find either.
  [[nodiscard]] virtual absl::StatusOr<WalkPage> Walk(
      const std::optional<SessionKey>& after, int limit,
      absl::Time now) const = 0;

  // End removes the sessions under `keys`, live or dead by time, and records
  // the revocation of each, in one write: what was ended stays so, also if the
  // clock was wrong and is put right. It counts the live ones. A key without a
  // session is nothing; if there is none at all, nothing is written and the
  // answer is OK.
  //   kInvalidArgument  more than kMaxEndBatch keys
  [[nodiscard]] virtual absl::StatusOr<EndResult> End(
      absl::Span<const SessionKey> keys, absl::Time now) = 0;

  // SaveActivity notes that sessions were used; Find shows it from then on. A
  // note never moves last_seen_time back, never brings an ended session back,
  // and may be lost by a crash. Notes of absent sessions do nothing.
  [[nodiscard]] virtual absl::Status SaveActivity(
      absl::Span<const Activity> notes) = 0;

  // Sweep frees at most `limit` sessions that are dead at `now`: expired,
  // past their idle end for kSweepGrace, or left behind by their account. It
  // goes on where the last call stopped, and returns how many it freed. It
  // changes no answer about a session whose account stands behind it.
  [[nodiscard]] virtual absl::StatusOr<int> Sweep(absl::Time now,
                                                  int limit) = 0;

  // Ready is OK, or why the store answers nothing any more: what is in some
  // other memory is not to be answered from then either. Never blocks.
  //   kUnavailable  kStoreFailed, kShuttingDown
  [[nodiscard]] virtual absl::Status Ready() const = 0;

  // Revision returns the newest revision that every reader sees. In memory.
  virtual uint64_t Revision() const = 0;

  // Count returns how many sessions are stored, dead ones that were not swept
  // included; an estimate.
  [[nodiscard]] virtual absl::StatusOr<uint64_t> Count() const = 0;
};

// The most keys that one End takes: one write of bounded size.
constexpr size_t kMaxEndBatch = 1000;

// How long Sweep leaves a session alone after its idle end: a note of newer
// activity may still be in memory. Four times the longest flush interval.
constexpr absl::Duration kSweepGrace = absl::Minutes(1);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SESSION_SESSION_STORE_H_
