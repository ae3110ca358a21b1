#ifndef LATCHKEY_SERVER_RPC_CONNECTION_SOURCE_H_
#define LATCHKEY_SERVER_RPC_CONNECTION_SOURCE_H_

#include <cstdint>
#include <optional>
#include <sys/socket.h>
#include <utility>

namespace latchkey {

// ConnectionSource is what one peer can send from: an IPv4 address, or the /64
// of an IPv6 address, since a host is commonly given all of one. An IPv4
// address that came by an IPv6 socket is the IPv4 address.
struct ConnectionSource {
  bool is_ipv4 = false;
  uint64_t network = 0;  // the address or prefix, first byte highest

  friend bool operator==(const ConnectionSource& a, const ConnectionSource& b) {
    return a.is_ipv4 == b.is_ipv4 && a.network == b.network;
  }
  template <typename H>
  friend H AbslHashValue(H state, const ConnectionSource& source) {
    return H::combine(std::move(state), source.is_ipv4, source.network);
  }
};

// SourceOf returns where a peer at `address` comes from; nothing for what is
// not IP, and for loopback: whoever is on this machine may be a front that
// speaks for many.
std::optional<ConnectionSource> SourceOf(const sockaddr_storage& address);

// AnySourceOf is SourceOf without the exception for loopback.
std::optional<ConnectionSource> AnySourceOf(const sockaddr_storage& address);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_RPC_CONNECTION_SOURCE_H_
