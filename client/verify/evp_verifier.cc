#include "client/verify/evp_verifier.h"

#include <array>
#include <cstddef>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <utility>

#include "absl/status/status.h"

namespace latchkey {
namespace {

constexpr size_t kSha256Size = 32;

const unsigned char* Bytes(absl::string_view view) {
  return reinterpret_cast<const unsigned char*>(view.data());
}

}  // namespace

struct EvpVerifier::Contexts {
  EVP_MD_CTX* digest = nullptr;
  EVP_PKEY_CTX* check = nullptr;
};

void EvpVerifier::ContextsFree::operator()(Contexts* contexts) const {
  EVP_MD_CTX_free(contexts->digest);
  EVP_PKEY_CTX_free(contexts->check);
  delete contexts;
}

EvpVerifier::EvpVerifier(EvpKey key, EVP_MD* sha256)
    : key_(std::move(key)), sha256_(sha256) {}

absl::StatusOr<std::unique_ptr<EvpVerifier>> EvpVerifier::Create(EvpKey key) {
  EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  if (sha256 != nullptr) {
    std::unique_ptr<EvpVerifier> verifier(
        new EvpVerifier(std::move(key), sha256));
    if (ContextsPtr contexts = verifier->MakeContexts()) {
      MutexLock lock(&verifier->mutex_);
      verifier->idle_.push_back(std::move(contexts));
      return verifier;
    }
  }
  ERR_clear_error();
  return absl::InternalError("OpenSSL cannot set up a signature check");
}

EvpVerifier::ContextsPtr EvpVerifier::MakeContexts() const {
  ContextsPtr contexts(new Contexts);
  contexts->digest = EVP_MD_CTX_new();
  contexts->check = EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr);
  if (contexts->digest == nullptr || contexts->check == nullptr ||
      EVP_PKEY_verify_init(contexts->check) != 1) {
    return nullptr;
  }
  if (EVP_PKEY_is_a(key_.get(), "RSA") == 1 &&
      EVP_PKEY_CTX_set_rsa_padding(contexts->check, RSA_PKCS1_PADDING) != 1) {
    return nullptr;
  }
  if (EVP_PKEY_CTX_set_signature_md(contexts->check, sha256_.get()) != 1) {
    return nullptr;
  }
  return contexts;
}

EvpVerifier::ContextsPtr EvpVerifier::TakeContexts() const {
  {
    MutexLock lock(&mutex_);
    if (!idle_.empty()) {
      ContextsPtr contexts = std::move(idle_.back());
      idle_.pop_back();
      return contexts;
    }
  }
  return MakeContexts();
}

bool EvpVerifier::Verify(absl::string_view input,
                         absl::string_view signature) const {
  ContextsPtr contexts = TakeContexts();
  if (contexts == nullptr) {
    ERR_clear_error();
    return false;
  }
  std::array<unsigned char, kSha256Size> digest;
  const bool right =
      EVP_DigestInit_ex2(contexts->digest, sha256_.get(), nullptr) == 1 &&
      EVP_DigestUpdate(contexts->digest, input.data(), input.size()) == 1 &&
      EVP_DigestFinal_ex(contexts->digest, digest.data(), nullptr) == 1 &&
      EVP_PKEY_verify(contexts->check, Bytes(signature), signature.size(),
                      digest.data(), digest.size()) == 1;
  // What a wrong signature leaves in the queue would be taken for an error of
  // the next TLS read on this thread.
  if (!right) ERR_clear_error();
  MutexLock lock(&mutex_);
  idle_.push_back(std::move(contexts));
  return right;
}

}  // namespace latchkey
