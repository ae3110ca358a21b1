#ifndef LATCHKEY_CLIENT_FOLLOW_FOLLOWER_H_
#define LATCHKEY_CLIENT_FOLLOW_FOLLOWER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

#include "client/base/clock.h"
#include "client/follow/leased_view.h"
#include "client/verify/revocation_message.h"

namespace latchkey {

// Follower is the verifier's half of the lease protocol: it keeps a LeasedView
// up to date from one stream at a time. It knows nothing of what carries the
// stream: the owner asks it what to send, and when, and hands it what came.
//
//   Connected -> Take: Subscribe -> Receive: Welcome, batches ...
//             -> Take: Heartbeat, each interval and after each batch
//             -> Receive: Lease -> the view may be relied on
//   Disconnected; a lease that runs goes on to its end, since the server
//   waits for it; the next stream resumes from what was applied.
//
// One thread at a time. Never blocks.
class Follower {
 public:
  struct Options {
    // Between heartbeats; the server's, as its welcome tells, if that is less:
    // it gives a lease only to who has applied what is older than that.
    absl::Duration heartbeat_interval = absl::Milliseconds(500);
  };
  // Whatever a server says, heartbeats are no closer than this.
  static constexpr absl::Duration kMinInterval = absl::Milliseconds(10);
  // Heartbeats whose answer is still awaited; what answers an older one is
  // ignored.
  static constexpr size_t kMaxUnanswered = 64;

  // `view` and `clock` must outlive it. Nobody else writes the view.
  Follower(const Options& options, LeasedView& view, const Clock& clock);
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;

  // Connected says that a new stream is there. The one before is over: nothing
  // that it carried may be handed in any more.
  void Connected();
  void Disconnected();

  // Take returns what is to be sent next, or nullopt: nothing now. A lease
  // counts from here: send at once, and what is not sent cost only time.
  std::optional<VerifierMessage> Take();
  // NextTake returns from when on, by the boot clock, Take has something,
  // unless something comes before; InfiniteDuration if there is no stream.
  absl::Duration NextTake() const;

  // Receive takes what came from the server.
  //   kFailedPrecondition  out of order, or something before it was lost:
  //                        end the stream and begin another
  //   kResourceExhausted, kInvalidArgument  as RevocationSet::Add: likewise,
  //                        and no lease runs any more
  [[nodiscard]] absl::Status Receive(const ServerMessage& message);

  // bad_key_sets returns how many sets could not be read: the one before was
  // kept, and what newer keys sign is not accepted.
  uint64_t bad_key_sets() const { return bad_key_sets_; }

  // welcomed tells whether there is a stream on which the server has answered.
  bool welcomed() const { return stream_ == Stream::kWelcomed; }

  // activity_interval returns the server's, of its latest welcome; zero if it
  // named none.
  absl::Duration activity_interval() const { return activity_interval_; }

  // view_time returns when the heartbeat was sent, by the boot clock, that the
  // newest lease in use answered: all that was committed before is known. In
  // the infinite past if there was none in this epoch.
  absl::Duration view_time() const { return view_time_; }

  // applied returns the revision up to which the view holds everything.
  uint64_t applied() const { return applied_; }

 private:
  struct Unanswered {
    uint64_t nonce;
    absl::Duration sent;  // by the boot clock
  };
  struct Pending {
    uint64_t revision;
    absl::Duration sent;
    absl::Duration end;
    absl::Time server_time;
  };

  absl::Status ReceiveOne(const Welcome& welcome);
  absl::Status ReceiveOne(const KeySetUpdate& update);
  absl::Status ReceiveOne(const RevocationBatch& batch);
  absl::Status ReceiveOne(const Lease& lease);
  // Puts the lease that waits to use, if what it needs has been applied.
  void UsePending();

  const Options options_;
  LeasedView& view_;
  const Clock& clock_;

  enum class Stream { kNone, kConnected, kSubscribed, kWelcomed };
  Stream stream_ = Stream::kNone;
  uint64_t applied_ = 0;
  std::string jwks_;  // what the view has
  uint64_t bad_key_sets_ = 0;
  uint64_t last_nonce_ = 0;
  absl::Duration interval_;
  absl::Duration activity_interval_;
  absl::Duration view_time_ = -absl::InfiniteDuration();
  absl::Duration next_heartbeat_;  // by the boot clock
  std::deque<Unanswered> unanswered_;
  std::optional<Pending> pending_;
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_FOLLOW_FOLLOWER_H_
