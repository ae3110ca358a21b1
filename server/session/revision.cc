#include "server/session/revision.h"

#include "client/verify/base64url.h"

namespace latchkey {

std::string RevisionToken(const Epoch& epoch, uint64_t number) {
  std::string bytes(epoch.view());
  for (int shift = 56; shift >= 0; shift -= 8) {
    bytes += static_cast<char>((number >> shift) & 0xff);
  }
  return Base64UrlEncode(bytes);
}

}  // namespace latchkey
