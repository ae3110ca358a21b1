#include "server/credential/eddsa_key.h"

#include <array>
#include <cstdint>
#include <sodium.h>
#include <string>
#include <utility>

#include "client/base/status_macros.h"

namespace latchkey {
namespace {

class EdDsaKey final : public SigningKey {
 public:
  EdDsaKey(SecretBytes seed, PublicKey public_key, SecretBytes expanded)
      : SigningKey(KeyAlgorithm::kEdDsa, std::move(seed),
                   std::move(public_key)),
        expanded_(std::move(expanded)) {}

  absl::StatusOr<std::string> Sign(absl::string_view input) const override {
    std::string signature(crypto_sign_BYTES, '\0');
    if (crypto_sign_detached(reinterpret_cast<uint8_t*>(signature.data()),
                             nullptr,
                             reinterpret_cast<const uint8_t*>(input.data()),
                             input.size(), expanded_.data()) != 0) {
      return absl::InternalError("libsodium failed to sign");
    }
    return signature;
  }

 private:
  const SecretBytes expanded_;  // seed and public key, as libsodium wants them
};

}  // namespace

absl::StatusOr<std::shared_ptr<const SigningKey>> MakeEdDsaKey(
    SecretBytes seed) {
  if (seed.size() != crypto_sign_SEEDBYTES) {
    return absl::InvalidArgumentError("not a seed of Ed25519");
  }
  std::array<uint8_t, crypto_sign_PUBLICKEYBYTES> point;
  SecretBytes expanded(size_t{crypto_sign_SECRETKEYBYTES});
  if (sodium_init() < 0 ||
      crypto_sign_seed_keypair(point.data(), expanded.data(), seed.data()) !=
          0) {
    return absl::InternalError("libsodium failed on an EdDSA key");
  }
  LATCHKEY_ASSIGN_OR_RETURN(
      PublicKey public_key,
      PublicKey::FromEd25519(absl::string_view(
          reinterpret_cast<const char*>(point.data()), point.size())));
  return std::make_shared<const EdDsaKey>(
      std::move(seed), std::move(public_key), std::move(expanded));
}

}  // namespace latchkey
