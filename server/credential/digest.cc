#include "server/credential/digest.h"

#include <cstdlib>
#include <memory>
#include <openssl/evp.h>

namespace latchkey {
namespace {

struct ContextFree {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

// Looking SHA-256 up by name, as EVP_sha256() makes OpenSSL 3 do for every
// digest, takes longer than the digest. Never freed: threads may end after
// static objects do.
const EVP_MD* Sha256() {
  static const EVP_MD* const md = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return md;
}

}  // namespace

CredentialDigest DigestOf(absl::string_view text) {
  thread_local const std::unique_ptr<EVP_MD_CTX, ContextFree> context(
      EVP_MD_CTX_new());
  CredentialDigest digest;
  // Fails only without memory or with a broken OpenSSL; a wrong digest would
  // be taken for an answer.
  if (EVP_DigestInit_ex2(context.get(), Sha256(), nullptr) != 1 ||
      EVP_DigestUpdate(context.get(), text.data(), text.size()) != 1 ||
      EVP_DigestFinal_ex(context.get(), digest.array().data(), nullptr) != 1) {
    std::abort();
  }
  return digest;
}

}  // namespace latchkey
