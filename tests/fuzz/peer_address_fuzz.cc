// What gRPC calls a peer: an address that is spelled into one is read out of
// it; any other text is none, and no text is read beyond its end.
#include <cstdint>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "server/rpc/peer_address.h"
#include "tests/fuzz/fuzz.h"

namespace latchkey {
namespace {

void CheckAsPeer(absl::string_view peer) {
  const std::string address = PeerAddress(peer);
  Require(address.size() <= peer.size());
  if (!absl::StartsWith(peer, "ipv4:") && !absl::StartsWith(peer, "ipv6:")) {
    Require(address.empty());
  }
}

void CheckAsAddress(absl::string_view address) {
  // Brackets and their encodings are no part of an address.
  if (address.find_first_of("[]%") != address.npos) return;
  Require(PeerAddress(absl::StrCat("ipv6:[", address, "]:443")) == address);
  Require(PeerAddress(absl::StrCat("ipv6:%5B", address, "%5D:443")) == address);
  Require(PeerAddress(absl::StrCat("ipv4:", address, ":443")) == address);
}

}  // namespace
}  // namespace latchkey

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  latchkey::CheckAsPeer(latchkey::ViewOf(data, size));
  latchkey::CheckAsAddress(latchkey::ViewOf(data, size));
  return 0;
}
