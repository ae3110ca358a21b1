#ifndef LATCHKEY_CLIENT_AGENT_AGENT_SOCKET_H_
#define LATCHKEY_CLIENT_AGENT_AGENT_SOCKET_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace latchkey {

// AgentSocket is the right to listen on one path, for one process at a time:
// gRPC itself takes the path of a running server over. Who holds it holds a
// lock on PATH.lock, a file that stays; so two that begin at once cannot both
// find the path free.
class AgentSocket {
 public:
  // The most bytes that the system takes for a path.
  static constexpr size_t kMaxPathBytes = 107;

  // Claim takes the right, and removes the socket of one that is gone.
  //   kFailedPrecondition  somebody listens there; there is something else than
  //                        a socket; the lock cannot be made
  static absl::StatusOr<std::unique_ptr<AgentSocket>> Claim(
      const std::string& path);

  // Removes the socket, if it is there still.
  ~AgentSocket();
  AgentSocket(const AgentSocket&) = delete;
  AgentSocket& operator=(const AgentSocket&) = delete;

 private:
  AgentSocket(std::string path, int lock);

  const std::string path_;
  const int lock_;
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_AGENT_AGENT_SOCKET_H_
