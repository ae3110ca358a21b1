#ifndef LATCHKEY_SERVER_RPC_PEER_ADDRESS_H_
#define LATCHKEY_SERVER_RPC_PEER_ADDRESS_H_

#include <string>

#include "absl/strings/string_view.h"

namespace latchkey {

// PeerAddress returns the IP address in what gRPC calls a peer
// ("ipv4:192.0.2.1:4242", "ipv6:[2001:db8::1]:4242", where the brackets may be
// percent-encoded), without port and brackets; empty for what is not one, a
// Unix socket among them.
std::string PeerAddress(absl::string_view peer);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_PEER_ADDRESS_H_
