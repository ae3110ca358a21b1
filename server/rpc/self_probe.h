#ifndef LATCHKEY_SERVER_RPC_SELF_PROBE_H_
#define LATCHKEY_SERVER_RPC_SELF_PROBE_H_

#include <sys/socket.h>

#include "absl/status/status.h"
#include "absl/time/time.h"

#include "server/base/file_descriptor.h"

namespace latchkey {

// AskHealth makes a health call over `connection`, the client's end of a
// plaintext connection to the server. OK if there is an answer, NOT_SERVING
// and errors of the service among them.
//   kUnavailable  no answer within `limit`, or the connection broke
absl::Status AskHealth(FileDescriptor connection, absl::Duration limit);

// ConnectTo connects to `address` and closes the connection by a reset. OK if
// the system took it, whatever became of it then.
//   kUnavailable        refused, or not taken within `limit`
//   kResourceExhausted  no descriptor or port left to try it with
absl::Status ConnectTo(const sockaddr_storage& address, absl::Duration limit);

// NearAddressOf returns where a listening TCP socket is reached from this
// machine: its own address, or loopback for one that listens on all.
sockaddr_storage NearAddressOf(const FileDescriptor& listener);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_SELF_PROBE_H_
