#ifndef LATCHKEY_SERVER_AUTH_ACCOUNT_ADMIN_H_
#define LATCHKEY_SERVER_AUTH_ACCOUNT_ADMIN_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "client/base/secret_bytes.h"
#include "server/account/account.h"
#include "server/account/account_store.h"
#include "server/auth/parts.h"
#include "server/base/origin.h"

namespace latchkey {

// AccountAdmin is the verbs of an operator on accounts, without a wire. Names,
// roles and passwords were checked at the edge.
//
// Safe from any thread. What changes something is on disk when it answers, and
// in the audit log (see audited.h for how the two go together). Errors in
// common: kNotFound with kAccountNotFound, kUnavailable with kAuditUnavailable.
class AccountAdmin {
 public:
  // Takes the answer of a verb that hashes; called once, from any thread.
  using Done = std::function<void(absl::StatusOr<AccountChange>)>;

  struct NewAccount {
    std::string name;
    SecretBytes password;
    std::vector<std::string> roles;
    Origin origin;
    std::function<bool()> abandoned;  // as LoginCommand::abandoned
  };

  // `parts` must outlive this object and its pools' tasks.
  explicit AccountAdmin(const AuthParts& parts) : parts_(parts) {}

  // Create hashes the password on the hash pool and stores the account.
  //   kAlreadyExists      kAccountExists
  //   kResourceExhausted  kHashQueueFull
  void Create(NewAccount request, Done done);

  // SetPassword replaces the password of `name` and ends its sessions. Reads
  // the account first, so it may block: for workers.
  //   kResourceExhausted  kHashQueueFull
  //   kAborted            kAccountChanged: deleted and made anew meanwhile
  void SetPassword(std::string name, SecretBytes password, Origin origin,
                   std::function<bool()> abandoned, Done done);

  // The rest blocks, for workers.
  absl::StatusOr<Account> Get(absl::string_view name) const;
  absl::StatusOr<std::vector<Account>> List(absl::string_view after,
                                            int limit) const;
  absl::StatusOr<AccountChange> SetRoles(absl::string_view name,
                                         std::vector<std::string> roles,
                                         const Origin& origin);
  absl::StatusOr<AccountChange> SetDisabled(absl::string_view name,
                                            bool disabled,
                                            const Origin& origin);
  absl::StatusOr<AccountChange> Delete(absl::string_view name,
                                       const Origin& origin);

 private:
  // Hashes `password` on the hash pool, then runs `store` on a worker.
  void HashThen(
      SecretBytes password, std::function<bool()> abandoned,
      std::function<absl::StatusOr<AccountChange>(std::string phc)> store,
      Done done);

  const AuthParts& parts_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_AUTH_ACCOUNT_ADMIN_H_
