#include "server/credential/signing_key.h"

#include <cstddef>

#include "absl/strings/str_cat.h"

#include "client/base/status_macros.h"
#include "server/base/error.h"
#include "server/base/random.h"
#include "server/credential/eddsa_key.h"
#include "server/credential/es256_key.h"

namespace latchkey {
namespace {

// Of both algorithms.
constexpr size_t kPrivateSize = 32;

absl::StatusOr<std::shared_ptr<const SigningKey>> MakeKey(
    KeyAlgorithm algorithm, SecretBytes private_bytes) {
  switch (algorithm) {
    case KeyAlgorithm::kEs256:
      return MakeEs256Key(std::move(private_bytes));
    case KeyAlgorithm::kEdDsa:
      return MakeEdDsaKey(std::move(private_bytes));
  }
  return absl::InvalidArgumentError("no such key algorithm");
}

// What a private half is sealed for, so that records cannot be swapped. On
// disk: never change it.
std::string SealedFor(KeyAlgorithm algorithm, absl::string_view kid) {
  return absl::StrCat("latchkey/signing-key/1/", static_cast<int>(algorithm),
                      "/", kid);
}

absl::Status Corrupt(absl::string_view kid, absl::string_view what) {
  return MakeError(absl::StatusCode::kDataLoss, Reason::kCorruptRecord,
                   absl::StrCat("signing key ", kid, ": ", what));
}

}  // namespace

absl::StatusOr<std::shared_ptr<const SigningKey>> SigningKey::Generate(
    KeyAlgorithm algorithm) {
  while (true) {
    SecretBytes private_bytes(kPrivateSize);
    FillRandom(private_bytes.data(), private_bytes.size());
    auto key = MakeKey(algorithm, std::move(private_bytes));
    // One in 2^32 numbers of 32 bytes is not below the order of P-256. Drawing
    // again, unlike reducing, leaves all scalars equally likely.
    const bool out_of_range = algorithm == KeyAlgorithm::kEs256 &&
                              absl::IsInvalidArgument(key.status());
    if (!out_of_range) return key;
  }
}

absl::StatusOr<std::shared_ptr<const SigningKey>> SigningKey::Unseal(
    const KeyRecord& record, const Sealer& sealer) {
  absl::StatusOr<SecretBytes> private_bytes = sealer.Open(
      record.sealed_private, SealedFor(record.algorithm, record.kid));
  if (!private_bytes.ok()) {
    return Corrupt(record.kid, private_bytes.status().message());
  }
  auto key = MakeKey(record.algorithm, *std::move(private_bytes));
  if (!key.ok()) return Corrupt(record.kid, key.status().message());
  if ((*key)->kid() != record.kid ||
      (*key)->public_key().ToJwk() != record.public_jwk) {
    return Corrupt(record.kid, "its two halves do not fit");
  }
  return key;
}

absl::StatusOr<std::string> SigningKey::Seal(const Sealer& sealer) const {
  return sealer.Seal(private_bytes_.Reveal(), SealedFor(algorithm_, kid()));
}

}  // namespace latchkey
