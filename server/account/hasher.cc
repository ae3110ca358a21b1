#include "server/account/hasher.h"

#include <cstddef>
#include <sodium.h>

#include "absl/memory/memory.h"

#include "server/base/random.h"

namespace latchkey {
namespace {

constexpr size_t kTagBytes = 32;

// An empty SecretBytes has no address; libsodium wants one.
const char* PasswordData(const SecretBytes& password) {
  return password.empty() ? "" : password.Reveal().data();
}

}  // namespace

absl::StatusOr<std::unique_ptr<SodiumHasher>> SodiumHasher::Create() {
  // Also picks the fastest code for this processor: without it hashes work
  // too, and take longer.
  if (sodium_init() < 0) return absl::InternalError("libsodium does not start");
  return absl::WrapUnique(new SodiumHasher());
}

absl::StatusOr<std::string> SodiumHasher::Hash(const SecretBytes& password,
                                               const HashCost& cost) const {
  PhcHash hash{.cost = cost,
               .lanes = 1,
               .salt = std::string(crypto_pwhash_argon2id_SALTBYTES, '\0'),
               .tag = std::string(kTagBytes, '\0')};
  FillRandom(reinterpret_cast<uint8_t*>(hash.salt.data()), hash.salt.size());
  if (crypto_pwhash_argon2id(reinterpret_cast<uint8_t*>(hash.tag.data()),
                             hash.tag.size(), PasswordData(password),
                             password.size(),
                             reinterpret_cast<const uint8_t*>(hash.salt.data()),
                             cost.time, size_t{cost.memory_kib} * 1024,
                             crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0) {
    return absl::ResourceExhaustedError("no memory for a password hash");
  }
  return FormatPhc(hash);
}

bool SodiumHasher::Matches(const SecretBytes& password,
                           const PhcHash& hash) const {
  // By string, since only so does libsodium take other salts and lanes.
  const std::string phc = FormatPhc(hash);
  return crypto_pwhash_argon2id_str_verify(phc.c_str(), PasswordData(password),
                                           password.size()) == 0;
}

}  // namespace latchkey
