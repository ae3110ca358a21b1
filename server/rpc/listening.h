#ifndef LATCHKEY_SERVER_RPC_LISTENING_H_
#define LATCHKEY_SERVER_RPC_LISTENING_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "server/base/file_descriptor.h"

namespace latchkey {

// Listening is sockets that listen, not yet accepted from. Accepted ones
// inherit what is set on them.
struct Listening {
  std::vector<FileDescriptor> sockets;
  int port = 0;  // of the network; all sockets have the same
};

// ListenOnNetwork listens on `listen`, host:port, IPv6 in brackets: on every
// address that the host has here. [::] takes IPv4 as well. Port 0 becomes any
// free one.
//   kFailedPrecondition  bad or taken; one line says which
absl::StatusOr<Listening> ListenOnNetwork(const std::string& listen);

// ListenOnPath listens on a Unix socket at `path`, made with mode 0600. What
// was there is replaced: the caller knows that it is a dead server's.
//   kFailedPrecondition  the path is too long or cannot be made
absl::StatusOr<Listening> ListenOnPath(const std::string& path);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_LISTENING_H_
