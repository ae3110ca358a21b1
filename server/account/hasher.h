#ifndef LATCHKEY_SERVER_ACCOUNT_HASHER_H_
#define LATCHKEY_SERVER_ACCOUNT_HASHER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"

#include "client/base/secret_bytes.h"
#include "server/account/phc.h"

namespace latchkey {

// Hasher computes Argon2id. Every call takes the whole cost, in time and in
// memory, on the calling thread: HashPool's, never an RPC thread.
//
// Passwords are bytes; NUL is an ordinary one. Safe from any thread.
class Hasher {
 public:
  virtual ~Hasher() = default;

  // Hash returns the PHC string of `password` with a new random salt.
  // REQUIRES: CheckHashCost(cost) is OK.
  //   kResourceExhausted  the memory could not be had
  virtual absl::StatusOr<std::string> Hash(const SecretBytes& password,
                                           const HashCost& cost) const = 0;

  // Matches tells whether `hash` is of `password`. Memory that cannot be had
  // is a no: not knowing is a refusal.
  // REQUIRES: `hash` came from ParsePhc.
  virtual bool Matches(const SecretBytes& password,
                       const PhcHash& hash) const = 0;
};

// SodiumHasher is libsodium's. It writes one lane, a salt of 16 bytes and a
// tag of 32; it computes whatever ParsePhc accepts, several lanes one after
// another.
class SodiumHasher final : public Hasher {
 public:
  // Create readies libsodium.
  //   kInternal  libsodium cannot be used on this machine
  static absl::StatusOr<std::unique_ptr<SodiumHasher>> Create();

  absl::StatusOr<std::string> Hash(const SecretBytes& password,
                                   const HashCost& cost) const override;
  bool Matches(const SecretBytes& password, const PhcHash& hash) const override;

 private:
  SodiumHasher() = default;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_ACCOUNT_HASHER_H_
