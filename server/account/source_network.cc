#include "server/account/source_network.h"

#include <algorithm>
#include <arpa/inet.h>
#include <iterator>
#include <string>

namespace latchkey {
namespace {

constexpr int kIpv4NetworkBytes = 3;
constexpr int kIpv4Bytes = 4;
constexpr int kIpv6NetworkBytes = 8;
constexpr uint8_t kLoopback = 127;
// What an IPv6 address begins with that stands for an IPv4 one (RFC 4291).
constexpr uint8_t kMapped[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

std::optional<SourceNetwork> SourceNetwork::Parse(absl::string_view address) {
  // A scope ("fe80::1%eth0") is an affair of the receiving machine.
  const std::string text(address.substr(0, address.find('%')));
  std::array<uint8_t, 16> raw = {};
  const uint8_t* ipv4 = nullptr;
  // What holds a NUL would be read up to it only.
  if (text.find('\0') != std::string::npos) return std::nullopt;
  if (inet_pton(AF_INET, text.c_str(), raw.data()) == 1) {
    ipv4 = raw.data();
  } else if (inet_pton(AF_INET6, text.c_str(), raw.data()) != 1) {
    return std::nullopt;
  } else if (std::equal(std::begin(kMapped), std::end(kMapped), raw.begin())) {
    ipv4 = raw.data() + sizeof(kMapped);
  }
  SourceNetwork network(ipv4 != nullptr ? kIpv4 : kIpv6);
  if (ipv4 != nullptr) {
    const int size = ipv4[0] == kLoopback ? kIpv4Bytes : kIpv4NetworkBytes;
    std::copy_n(ipv4, size, network.bytes_.begin() + 1);
  } else {
    std::copy_n(raw.begin(), kIpv6NetworkBytes, network.bytes_.begin() + 1);
  }
  return network;
}

SourceNetwork SourceNetwork::OfPeer(absl::string_view address) {
  if (address.empty()) return SourceNetwork(kLocal);
  return Parse(address).value_or(SourceNetwork(kUnknown));
}

}  // namespace latchkey
