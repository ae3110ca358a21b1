#ifndef LATCHKEY_TOOLS_BENCH_TOKEN_MINT_H_
#define LATCHKEY_TOOLS_BENCH_TOKEN_MINT_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "client/verify/key_set.h"
#include "server/credential/jwt_issuer.h"
#include "server/credential/key_ring.h"
#include "server/session/session.h"

namespace latchkey::bench {

// TokenMint makes JWTs as the server under test makes them, with the server's
// own key: a benchmark needs more of them than it could log in for.
//
// Safe from any thread.
class TokenMint {
 public:
  // FromStore takes a copy of the keys in `store`, which is not needed any
  // more then. If it holds none, the first one is made there, and the master
  // key with it.
  static absl::StatusOr<std::unique_ptr<TokenMint>> FromStore(
      KeyStore& store, const std::string& master_key_file, absl::Time now);
  ~TokenMint();

  // Mint makes a token over `session` as if at `now`, good for `life`. Each
  // is another one.
  absl::StatusOr<std::string> Mint(const Session& session, absl::Duration life,
                                   absl::Time now) const;

  // Keys returns what verifies them.
  std::shared_ptr<const KeySet> Keys(absl::Time now) const;

 private:
  TokenMint();

  std::unique_ptr<KeyStore> copy_;
  std::unique_ptr<KeyRing> ring_;
};

}  // namespace latchkey::bench

#endif  // LATCHKEY_TOOLS_BENCH_TOKEN_MINT_H_
