#ifndef LATCHKEY_CLIENT_VERIFY_EVP_VERIFIER_H_
#define LATCHKEY_CLIENT_VERIFY_EVP_VERIFIER_H_

#include <memory>
#include <openssl/evp.h>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "client/base/mutex.h"

namespace latchkey {

// EvpKey owns an OpenSSL key.
struct EvpKeyFree {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using EvpKey = std::unique_ptr<EVP_PKEY, EvpKeyFree>;

// EvpVerifier checks ES256 and RS256 signatures by one public key.
//
// OpenSSL 3 looks an algorithm up by name each time a check is set up, which
// costs a sixth of an RS256 check. So the contexts of a finished check are kept
// for the next one, for the life of this object: as many as there ever were
// checks at the same time.
//
// Safe to call from any thread; the lock is held only to take and to put back.
class EvpVerifier {
 public:
  // Create takes an EC key on P-256 or an RSA key (then PKCS #1 v1.5), already
  // judged sound.
  //   kInternal  OpenSSL would not set up a check
  static absl::StatusOr<std::unique_ptr<EvpVerifier>> Create(EvpKey key);

  EvpVerifier(const EvpVerifier&) = delete;
  EvpVerifier& operator=(const EvpVerifier&) = delete;

  // Verify tells whether `signature`, as OpenSSL spells it (ECDSA in DER), is
  // right over SHA-256 of `input`. false also if OpenSSL fails. Leaves the
  // thread's OpenSSL error queue empty.
  bool Verify(absl::string_view input, absl::string_view signature) const;

 private:
  struct Contexts;
  struct ContextsFree {
    void operator()(Contexts* contexts) const;
  };
  using ContextsPtr = std::unique_ptr<Contexts, ContextsFree>;
  struct DigestFree {
    void operator()(EVP_MD* digest) const { EVP_MD_free(digest); }
  };

  EvpVerifier(EvpKey key, EVP_MD* sha256);

  ContextsPtr MakeContexts() const;
  ContextsPtr TakeContexts() const;

  const EvpKey key_;
  const std::unique_ptr<EVP_MD, DigestFree> sha256_;
  mutable Mutex mutex_;
  mutable std::vector<ContextsPtr> idle_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_VERIFY_EVP_VERIFIER_H_
