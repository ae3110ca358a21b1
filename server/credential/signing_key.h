#ifndef LATCHKEY_SERVER_CREDENTIAL_SIGNING_KEY_H_
#define LATCHKEY_SERVER_CREDENTIAL_SIGNING_KEY_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "client/base/secret_bytes.h"
#include "client/verify/public_key.h"
#include "server/credential/key_store.h"
#include "server/credential/sealer.h"

namespace latchkey {

// SigningKey is the private half of a key that JWTs are signed with; the
// public half is what verifiers hold, ours among them.
//
// Immutable. Safe from any thread; signing takes no lock. The private half is
// wiped with the object and leaves it only sealed.
class SigningKey {
 public:
  virtual ~SigningKey() = default;
  SigningKey(const SigningKey&) = delete;
  SigningKey& operator=(const SigningKey&) = delete;

  // Generate makes a new key from the kernel's generator.
  //   kInternal  OpenSSL or libsodium failed
  static absl::StatusOr<std::shared_ptr<const SigningKey>> Generate(
      KeyAlgorithm algorithm);

  // Unseal opens the private half in `record` and makes the key of it. The
  // public half is computed from it and must be the one in `record`.
  //   kDataLoss  it does not open, or does not fit (kCorruptRecord); names the
  //              kid
  static absl::StatusOr<std::shared_ptr<const SigningKey>> Unseal(
      const KeyRecord& record, const Sealer& sealer);

  // Seal returns the private half sealed for this kid and algorithm alone: 32
  // bytes, the ES256 scalar big-endian or the Ed25519 seed.
  absl::StatusOr<std::string> Seal(const Sealer& sealer) const;

  // Sign returns the signature over `input` as a JWS carries it: 64 bytes.
  //   kInternal  OpenSSL failed
  virtual absl::StatusOr<std::string> Sign(absl::string_view input) const = 0;

  KeyAlgorithm algorithm() const { return algorithm_; }
  const PublicKey& public_key() const { return public_key_; }
  // kid returns the RFC 7638 thumbprint of the public half.
  const std::string& kid() const { return public_key_.kid(); }

 protected:
  SigningKey(KeyAlgorithm algorithm, SecretBytes private_bytes,
             PublicKey public_key)
      : algorithm_(algorithm),
        private_bytes_(std::move(private_bytes)),
        public_key_(std::move(public_key)) {}

 private:
  const KeyAlgorithm algorithm_;
  const SecretBytes private_bytes_;
  const PublicKey public_key_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_CREDENTIAL_SIGNING_KEY_H_
