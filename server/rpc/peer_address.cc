#include "server/rpc/peer_address.h"

#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

namespace latchkey {

std::string PeerAddress(absl::string_view peer) {
  const bool is_ipv4 = absl::ConsumePrefix(&peer, "ipv4:");
  if (!is_ipv4 && !absl::ConsumePrefix(&peer, "ipv6:")) return "";
  const absl::string_view::size_type colon = peer.rfind(':');
  if (colon == absl::string_view::npos) return "";
  const std::string host = absl::StrReplaceAll(
      peer.substr(0, colon),
      {{"%5B", "["}, {"%5b", "["}, {"%5D", "]"}, {"%5d", "]"}});
  absl::string_view address = host;
  absl::ConsumePrefix(&address, "[");
  absl::ConsumeSuffix(&address, "]");
  return std::string(address);
}

}  // namespace latchkey
