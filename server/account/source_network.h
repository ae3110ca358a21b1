#ifndef LATCHKEY_SERVER_ACCOUNT_SOURCE_NETWORK_H_
#define LATCHKEY_SERVER_ACCOUNT_SOURCE_NETWORK_H_

#include <array>
#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace latchkey {

// SourceNetwork is where a login comes from, as coarse as an attacker can
// change it for nothing: the /24 of an IPv4 address, the /64 of an IPv6 one.
// Addresses of 127.0.0.0/8 are told apart, since that network is one machine
// whose programs are given their addresses on purpose. A value.
class SourceNetwork {
 public:
  // Parse reads an IP address without port; nullopt for all else. An IPv4
  // address that is written as an IPv6 one (::ffff:192.0.2.1) is the IPv4 one.
  static std::optional<SourceNetwork> Parse(absl::string_view address);

  // OfPeer returns the network of a peer as Origin::address tells it: empty is
  // the Unix socket; all that is no address is one network of its own.
  static SourceNetwork OfPeer(absl::string_view address);

  // is_local tells whether this is the Unix socket.
  bool is_local() const { return bytes_[0] == kLocal; }
  // The network in bytes, two of them equal if and only if it is the same.
  absl::string_view bytes() const {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }

  friend bool operator==(const SourceNetwork&, const SourceNetwork&) = default;

 private:
  enum Kind : uint8_t { kLocal, kUnknown, kIpv4, kIpv6 };

  explicit SourceNetwork(Kind kind) : bytes_{kind} {}

  // The kind, then the network, then zeros.
  std::array<uint8_t, 9> bytes_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_ACCOUNT_SOURCE_NETWORK_H_
