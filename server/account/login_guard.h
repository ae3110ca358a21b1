#ifndef LATCHKEY_SERVER_ACCOUNT_LOGIN_GUARD_H_
#define LATCHKEY_SERVER_ACCOUNT_LOGIN_GUARD_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "client/base/mutex.h"
#include "server/account/source_network.h"
#include "server/account/tally.h"
#include "server/account/tally_table.h"

namespace latchkey {

// LoginTicket stands for one try that was let in; for the guard alone to read.
struct LoginTicket {
  uint64_t pair = 0;  // 0: not counted
  uint64_t source = 0;
  uint64_t account = 0;
  float cost = 1;
};

// LoginOutcome is how a try ended.
enum class LoginOutcome {
  kSucceeded,
  kFailed,   // the proof was bad, or there is no such account
  kUnknown,  // nothing was found out: cancelled, overloaded, no store
};

// LoginGuard slows down who guesses: it is asked before a proof is looked at,
// whatever kind of proof it is, and told how the try ended. It knows names, not
// accounts: a name that does not exist is counted and refused like any other.
//
// What it counts are failures not yet forgiven (see Tally), and tries under
// way, which may become failures, so that many at once are no way around it:
//
//   of an account from one    after `burst`, waits that double. A success
//   source network            takes them all back.
//   of a network, over all    after `source_burst`, waits that double. Each
//   accounts                  account that gets in takes back one a window.
//   of an account, over all   after `account_burst`, or `global_burst`, no
//   networks; and of all      waits that somebody else could keep up, but
//   there are                 turns: each network has one of 5 s in each
//                             30 s, at a time of its own, and a failure
//                             costs it its whole burst. After `global_burst`
//                             that is spared networks from which somebody got
//                             in within a day.
//
// So the owner of an account is never locked out by what others do elsewhere:
// a try in the turn that the refusal names is let in. From the network that
// the attack comes from, the owner waits like the attacker.
// A try that is refused counts as nothing, and says when the next one will be
// let in.
//
// Memory is taken once, in full: see TallyTable for what it may forget, and
// what that costs whom. Safe from any thread; one short lock.
class LoginGuard {
 public:
  struct Options {
    bool enabled = true;
    // A person who has forgotten which of the old passwords it was.
    int burst = 5;
    // One place of many people behind one address.
    int source_burst = 50;
    // More than one network can cause (some 14), so that it takes two.
    int account_burst = 20;
    int global_burst = 1000;
    // In which each of the bursts is forgiven.
    absl::Duration window = absl::Minutes(15);
    // More would be as good as a lock for those who share a network with an
    // attacker.
    absl::Duration max_delay = absl::Minutes(5);
    // Powers of two, of 42 bytes each. Within a window so many are known one by
    // one: of pairs some 290 a second that fail, which is more than machines
    // hash.
    size_t pairs = size_t{1} << 18;
    size_t sources = size_t{1} << 17;
    size_t accounts = size_t{1} << 16;
  };

  // Counters since the start. Refusals are counted where the wait was longest.
  struct Counts {
    uint64_t admitted = 0;
    uint64_t succeeded = 0;
    uint64_t failed = 0;
    uint64_t refused_pair = 0;
    uint64_t refused_source = 0;
    uint64_t refused_account = 0;  // told to wait for their turn
    uint64_t refused_global = 0;   // likewise
    uint64_t evicted = 0;          // tallies with failures not yet forgiven
    double global_score = 0;       // failures not yet forgiven, at the last try
  };

  static constexpr int64_t kRoundMs = 30'000;
  static constexpr int64_t kTurnMs = 5'000;
  static constexpr int64_t kKnownForMs = 24 * 3'600'000;

  // Draws the key of the tables' hashes; takes the memory.
  explicit LoginGuard(const Options& options);
  LoginGuard(const LoginGuard&) = delete;
  LoginGuard& operator=(const LoginGuard&) = delete;

  // Admit lets a try to log in as `account` in, or says when to try again.
  // `now` is the boot clock's. Who was let in is settled, once. Never blocks.
  //   kResourceExhausted  kLoginThrottled, with a retry delay
  absl::StatusOr<LoginTicket> Admit(absl::string_view account,
                                    const SourceNetwork& source,
                                    absl::Duration now);

  // Settle notes how the try ended.
  void Settle(const LoginTicket& ticket, LoginOutcome outcome,
              absl::Duration now);

  Counts counts() const;

  // BytesFor returns the memory of a guard's tables.
  static size_t BytesFor(const Options& options);

 private:
  using HashKey = std::array<uint8_t, 16>;
  // What a try is counted under.
  enum class Kind : char { kPair = 'p', kSource = 's', kAccount = 'a' };
  // Where a try must wait, and how long; refused_* of Counts by its pointer.
  struct Wait {
    int64_t ms = 0;
    uint64_t Counts::*why = nullptr;
  };

  uint64_t Hash(Kind kind, absl::string_view account,
                const SourceNetwork& source) const;
  // Counts the tries and decides; fills in the ticket's cost.
  Wait Decide(LoginTicket* ticket, bool local, int64_t now_ms) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void NoteSuccess(const LoginTicket& ticket, int64_t now_ms)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void NoteFailure(const LoginTicket& ticket, int64_t now_ms)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void GiveBack(const LoginTicket& ticket)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const bool enabled_;
  const HashKey hash_key_;
  const TallyLimit global_limit_;

  mutable Mutex mutex_;
  TallyTable pairs_ ABSL_GUARDED_BY(mutex_);
  TallyTable sources_ ABSL_GUARDED_BY(mutex_);
  TallyTable accounts_ ABSL_GUARDED_BY(mutex_);
  Tally global_ ABSL_GUARDED_BY(mutex_);
  Counts counts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_ACCOUNT_LOGIN_GUARD_H_
