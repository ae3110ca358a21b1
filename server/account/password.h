#ifndef LATCHKEY_SERVER_ACCOUNT_PASSWORD_H_
#define LATCHKEY_SERVER_ACCOUNT_PASSWORD_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "client/base/secret_bytes.h"
#include "server/account/hasher.h"
#include "server/account/phc.h"

namespace latchkey {

// PasswordVerdict is what a check found.
struct PasswordVerdict {
  bool matches = false;
  // The same password at the configured cost, if it matched and what is stored
  // is weaker: to be stored instead (AccountStore::UpgradeHash).
  std::optional<std::string> upgraded_phc;
};

// PasswordChecker makes and checks password hashes at one configured cost, so
// that how long a refusal takes tells nothing of the account:
//
//   account                  password   work done
//   unknown                  any        the configured cost (a dummy hash)
//   stored hash unreadable   any        the configured cost (a dummy hash)
//   stored at a lower cost   wrong      the stored cost, then what is missing
//   stored at this or more   any        the stored cost
//   stored at a lower cost   right      the stored cost, then the upgrade
//
// (After the configured cost was lowered, accounts stored at the higher one do
// take longer than unknown ones.)
//
// Every call hashes on the calling thread: HashPool's, never an RPC thread.
// Passwords are bytes; their limits are the edge's to check. Safe from any
// thread. Movable.
class PasswordChecker {
 public:
  // Create makes the dummy hash, of a random password at `cost`, and checks
  // that it reads and matches as a stored one does.
  //   kInvalidArgument    `cost` is out of bounds (see CheckHashCost)
  //   kResourceExhausted  the memory for one hash cannot be had
  //   kInternal           libsodium cannot be used, or computes wrongly
  static absl::StatusOr<PasswordChecker> Create(const HashCost& cost);
  // The same with a hasher of the caller's choice.
  static absl::StatusOr<PasswordChecker> Create(
      const HashCost& cost, std::unique_ptr<const Hasher> hasher);

  // Hash returns the PHC string of a new password at the configured cost.
  //   kInvalidArgument    empty, or over kMaxPasswordBytes
  //   kResourceExhausted  the memory could not be had
  absl::StatusOr<std::string> Hash(const SecretBytes& password) const;

  // Check checks `password` against the stored `phc`, which never matches if
  // ParsePhc refuses it.
  PasswordVerdict Check(const SecretBytes& password,
                        absl::string_view phc) const;

  // CheckUnknown does the work of a check where there is no account.
  void CheckUnknown(const SecretBytes& password) const;

 private:
  PasswordChecker(const HashCost& cost, std::unique_ptr<const Hasher> hasher,
                  PhcHash dummy);
  void PayMissing(const SecretBytes& password, const HashCost& paid) const;

  HashCost cost_;
  std::unique_ptr<const Hasher> hasher_;
  PhcHash dummy_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_ACCOUNT_PASSWORD_H_
