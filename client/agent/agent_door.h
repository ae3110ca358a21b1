#ifndef LATCHKEY_CLIENT_AGENT_AGENT_DOOR_H_
#define LATCHKEY_CLIENT_AGENT_AGENT_DOOR_H_

#include <functional>
#include <memory>
#include <string>
#include <sys/types.h>
#include <thread>

#include "absl/status/statusor.h"

namespace latchkey {

// AgentDoor listens on a Unix socket and accepts on a thread of its own, since
// gRPC's own listener is dead for good once descriptors ran out, and counts
// nothing. What is beyond the limit is closed at once.
class AgentDoor {
 public:
  // Takes a connection: nonblocking, close-on-exec, the callee's to close.
  // Called on the door's thread.
  using HandOver = std::function<void(int descriptor)>;

  // Open makes the socket at `path` with the rights of `mode`, where nothing is
  // (see AgentSocket). For a process without other threads that make files,
  // since it sets the umask meanwhile.
  //   kFailedPrecondition  it cannot be made; the message says why
  static absl::StatusOr<std::unique_ptr<AgentDoor>> Open(
      const std::string& path, mode_t mode);

  // Closes the socket and joins the thread; connections that were handed over
  // stay. The path is there still.
  ~AgentDoor();
  AgentDoor(const AgentDoor&) = delete;
  AgentDoor& operator=(const AgentDoor&) = delete;

  // Start begins to accept. A connection whose descriptor would be `end` or
  // above is closed: the system gives the lowest that is free, so no more than
  // `end` are in use because of this door. Call once.
  void Start(int end, HandOver hand_over);

 private:
  AgentDoor(int listener, int wake) : listener_(listener), wake_(wake) {}

  void Run(int end, const HandOver& hand_over);
  // Accepts what waits, up to a limit; false if it cannot go on for now.
  bool AcceptSome(int end, const HandOver& hand_over);

  const int listener_;
  const int wake_;  // an eventfd: readable once the door is to close
  std::thread thread_;
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_AGENT_AGENT_DOOR_H_
