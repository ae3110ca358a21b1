#include "server/credential/sealer.h"

#include <cstdint>
#include <memory>
#include <openssl/evp.h>
#include <utility>

#include "server/base/error.h"
#include "server/base/random.h"

namespace latchkey {
namespace {

// First byte on disk: never reuse a number.
constexpr char kVersion = 1;
constexpr size_t kNonceSize = 12;
constexpr size_t kTagSize = 16;
constexpr size_t kHeaderSize = 1 + kNonceSize;

struct CipherFree {
  void operator()(EVP_CIPHER_CTX* context) const {
    EVP_CIPHER_CTX_free(context);
  }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, CipherFree>;

const uint8_t* Bytes(absl::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}
uint8_t* Bytes(char* text) { return reinterpret_cast<uint8_t*>(text); }

// Runs the cipher one way up to, and without, the tag. `out` has the size of
// `in`, which may be empty.
bool Run(EVP_CIPHER_CTX* cipher, bool encrypt, const SecretBytes& key,
         const uint8_t* nonce, absl::string_view associated_data,
         absl::string_view in, uint8_t* out) {
  int size = 0;
  // The nonce's default size in GCM is the 12 bytes that we use.
  return cipher != nullptr &&
         EVP_CipherInit_ex(cipher, EVP_aes_256_gcm(), nullptr, key.data(),
                           nonce, encrypt ? 1 : 0) == 1 &&
         EVP_CipherUpdate(cipher, nullptr, &size, Bytes(associated_data),
                          static_cast<int>(associated_data.size())) == 1 &&
         (in.empty() || EVP_CipherUpdate(cipher, out, &size, Bytes(in),
                                         static_cast<int>(in.size())) == 1);
}

}  // namespace

absl::StatusOr<Sealer> Sealer::FromKey(SecretBytes key) {
  if (key.size() != kKeyBytes) {
    return absl::InvalidArgumentError("a master key has 32 bytes");
  }
  return Sealer(std::move(key));
}

Sealer::Sealer(SecretBytes key) : key_(std::move(key)) {}

absl::StatusOr<std::string> Sealer::Seal(
    absl::string_view plaintext, absl::string_view associated_data) const {
  if (plaintext.size() > kMaxPlaintextBytes) {
    return absl::InvalidArgumentError("too long to be sealed");
  }
  std::string sealed(kHeaderSize + plaintext.size() + kTagSize, '\0');
  sealed[0] = kVersion;
  uint8_t* const nonce = Bytes(sealed.data() + 1);
  uint8_t* const ciphertext = Bytes(sealed.data() + kHeaderSize);
  uint8_t* const tag = ciphertext + plaintext.size();
  FillRandom(nonce, kNonceSize);
  const Cipher cipher(EVP_CIPHER_CTX_new());
  int size = 0;
  if (!Run(cipher.get(), /*encrypt=*/true, key_, nonce, associated_data,
           plaintext, ciphertext) ||
      EVP_CipherFinal_ex(cipher.get(), tag, &size) != 1 ||
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTagSize, tag) !=
          1) {
    return absl::InternalError("sealing failed");
  }
  return sealed;
}

absl::StatusOr<SecretBytes> Sealer::Open(
    absl::string_view sealed, absl::string_view associated_data) const {
  if (sealed.size() < kHeaderSize + kTagSize || sealed[0] != kVersion ||
      sealed.size() > kHeaderSize + kMaxPlaintextBytes + kTagSize) {
    return MakeError(absl::StatusCode::kDataLoss, Reason::kCorruptRecord,
                     "not a sealed text");
  }
  const absl::string_view ciphertext =
      sealed.substr(kHeaderSize, sealed.size() - kHeaderSize - kTagSize);
  std::string tag(sealed.substr(sealed.size() - kTagSize));
  SecretBytes plaintext(ciphertext.size());
  const Cipher cipher(EVP_CIPHER_CTX_new());
  uint8_t rest;
  int size = 0;
  if (!Run(cipher.get(), /*encrypt=*/false, key_, Bytes(sealed.substr(1)),
           associated_data, ciphertext, plaintext.data()) ||
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTagSize,
                          tag.data()) != 1 ||
      EVP_CipherFinal_ex(cipher.get(), &rest, &size) != 1) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     Reason::kMasterKeyWrong,
                     "sealed under another master key, or damaged");
  }
  return plaintext;
}

}  // namespace latchkey
