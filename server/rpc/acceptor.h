#ifndef LATCHKEY_SERVER_RPC_ACCEPTOR_H_
#define LATCHKEY_SERVER_RPC_ACCEPTOR_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <poll.h>
#include <sys/socket.h>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "client/base/clock.h"
#include "server/base/file_descriptor.h"
#include "server/base/log.h"
#include "server/rpc/connection_count.h"
#include "server/rpc/connection_source.h"
#include "server/rpc/listening.h"

namespace latchkey {

// Acceptor owns the listening sockets and accepts from them on a thread of its
// own, since gRPC's own listener is dead for good once descriptors ran out, and
// counts nothing. What is beyond a limit is closed at once, by a reset that
// leaves nothing behind in the system; all else is handed over.
//
// When descriptors run out a spare one is given up to accept and refuse with.
// What even that cannot help is tried again after kPause.
class Acceptor {
 public:
  // Takes a connection: nonblocking, close-on-exec, the callee's to close.
  // Called on the acceptor's thread, before Stop returns.
  using HandOver = std::function<void(FileDescriptor)>;
  // Tells what the limit per source counts a peer under; nothing: no limit.
  using FindSource =
      std::function<std::optional<ConnectionSource>(const sockaddr_storage&)>;

  // One listener, with a count of its own.
  struct Door {
    Listening listening;
    ConnectionLimits limits;
    FindSource find_source = SourceOf;
    HandOver hand_over;
  };

  // Counters since the start, but for `open`. Of all doors together.
  struct Counts {
    uint64_t open = 0;  // as of the last sweep, with what came since
    uint64_t taken = 0;
    uint64_t refused_full = 0;
    uint64_t refused_source = 0;
    uint64_t refused_descriptors = 0;  // none were left
    uint64_t rounds = 0;               // see below
  };

  // How long accepting rests where it cannot go on.
  static constexpr absl::Duration kPause = absl::Milliseconds(100);
  // The thread turns at least this often, also when nobody connects: a thread
  // whose `rounds` stand still for longer is stuck.
  static constexpr absl::Duration kRound = absl::Seconds(1);

  // Start begins to accept. `clock` and `log` must outlive the acceptor.
  //   kFailedPrecondition  no descriptor is left for what Stop wakes it with
  static absl::StatusOr<std::unique_ptr<Acceptor>> Start(
      std::vector<Door> doors, const Clock& clock, Log& log);
  // Calls Stop.
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  // Stop closes the listening sockets and joins the thread; connections that
  // were handed over stay. May be called again.
  void Stop();

  // counts may be called from any thread.
  Counts counts() const;

 private:
  struct CountedDoor {
    explicit CountedDoor(Door door_in)
        : door(std::move(door_in)), count(door.limits) {}
    Door door;
    ConnectionCount count;
  };
  // What became of one attempt to accept.
  enum class Outcome { kAccepted, kNothingWaits, kPauseFirst };

  Acceptor(std::vector<Door> doors, const Clock& clock, Log& log);

  void Run();
  void SweepSometimes();
  // Makes sure of the spare descriptor. Before anything is accepted: what is
  // free goes to it first, since a connection would keep it for long.
  bool HasSpare();
  // Accepts what waits at a listener, up to a limit; false: pause first.
  bool AcceptSome(CountedDoor& counted, int listener);
  Outcome AcceptOne(CountedDoor& counted, int listener);
  Outcome AcceptFailed(int listener, int why);
  bool RefuseWithSpare(int listener);
  void LogRefusals(absl::Duration now);

  const Clock& clock_;
  Log& log_;
  FileDescriptor wake_;  // an eventfd: readable once Stop was called

  std::atomic<uint64_t> open_{0};
  std::atomic<uint64_t> taken_{0};
  std::atomic<uint64_t> refused_full_{0};
  std::atomic<uint64_t> refused_source_{0};
  std::atomic<uint64_t> refused_descriptors_{0};
  std::atomic<uint64_t> rounds_{0};

  // Of the thread.
  std::vector<CountedDoor> doors_;
  FileDescriptor spare_;
  absl::Duration last_sweep_ = -absl::InfiniteDuration();
  absl::Duration last_logged_ = -absl::InfiniteDuration();
  uint64_t logged_refusals_ = 0;

  std::thread thread_;  // touched by Start and Stop only
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_ACCEPTOR_H_
