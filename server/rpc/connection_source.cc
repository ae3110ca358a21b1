#include "server/rpc/connection_source.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <netinet/in.h>

namespace latchkey {
namespace {

constexpr uint8_t kMappedPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255};
constexpr int kLoopbackNet = 127;

uint64_t ReadBytes(const uint8_t* bytes, int count) {
  uint64_t number = 0;
  for (int i = 0; i < count; ++i) number = number << 8 | bytes[i];
  return number;
}

ConnectionSource Ipv4(const uint8_t* address) {
  return {.is_ipv4 = true, .network = ReadBytes(address, 4)};
}

// The 16 bytes of an IPv6 address; null for another kind.
const uint8_t* Ipv6Bytes(const sockaddr_storage& address, sockaddr_in6* copy) {
  if (address.ss_family != AF_INET6) return nullptr;
  std::memcpy(copy, &address, sizeof(*copy));
  return copy->sin6_addr.s6_addr;
}

}  // namespace

std::optional<ConnectionSource> AnySourceOf(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &address, sizeof(v4));
    return Ipv4(reinterpret_cast<const uint8_t*>(&v4.sin_addr));
  }
  sockaddr_in6 v6;
  const uint8_t* const bytes = Ipv6Bytes(address, &v6);
  if (bytes == nullptr) return std::nullopt;
  if (std::equal(std::begin(kMappedPrefix), std::end(kMappedPrefix), bytes)) {
    return Ipv4(bytes + sizeof(kMappedPrefix));
  }
  return ConnectionSource{.is_ipv4 = false, .network = ReadBytes(bytes, 8)};
}

std::optional<ConnectionSource> SourceOf(const sockaddr_storage& address) {
  const std::optional<ConnectionSource> source = AnySourceOf(address);
  if (!source.has_value()) return std::nullopt;
  if (source->is_ipv4) {
    if (source->network >> 24 == kLoopbackNet) return std::nullopt;
    return source;
  }
  sockaddr_in6 v6;
  const uint8_t* const bytes = Ipv6Bytes(address, &v6);
  if (std::memcmp(bytes, &in6addr_loopback, sizeof(in6addr_loopback)) == 0) {
    return std::nullopt;
  }
  return source;
}

}  // namespace latchkey
