#ifndef LATCHKEY_SERVER_ACCOUNT_ACCOUNT_STORE_H_
#define LATCHKEY_SERVER_ACCOUNT_ACCOUNT_STORE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "server/account/account.h"

namespace latchkey {

// AccountEdit says what to change; what is absent stays.
struct AccountEdit {
  std::optional<std::vector<std::string>> roles;  // sorted, no duplicates
  std::optional<bool> disabled;
  std::optional<std::string> password_phc;
  // The proofs of a service account. What is taken away is refused from then
  // on; sessions that it opened go on, unless end_sessions is said.
  std::optional<ClientSecret> add_secret;
  std::optional<ClientSecretId> remove_secret;
  std::optional<std::string> jwks;                            // empty: none
  std::optional<std::vector<std::string>> certificate_names;  // sorted
  // Ends the account's sessions although nothing else changes.
  bool end_sessions = false;
  // Refuse the edit unless the account still has this uid, and this
  // generation: guards for callers that read before they write.
  std::optional<AccountUid> expected_uid;
  std::optional<uint64_t> expected_generation;
};

// IsExpected tells whether `account` is what the edit expects it to be.
bool IsExpected(const AccountEdit& edit, const Account& account);

// EditProofs applies what `edit` says about the proofs of `account`, and tells
// whether that changed anything. Nothing is changed if it is refused:
//   kFailedPrecondition  kWrongAccountKind: a password for a service account,
//                        or another proof for a person
//   kFailedPrecondition  kTooManySecrets: it has kMaxClientSecrets
//   kNotFound            kSecretNotFound
[[nodiscard]] absl::StatusOr<bool> EditProofs(const AccountEdit& edit,
                                              Account* account);

// AccountChange is what a committed edit made of the account.
struct AccountChange {
  Account account;              // as it is now
  uint64_t revision = 0;        // the change's place in the order of changes
  bool ended_sessions = false;  // the generation went up
};

// AccountStore keeps accounts by name.
//
// A call that returned OK survives a crash that follows it. Every change that
// must end sessions (other roles, disabling, a new password, deleting,
// end_sessions) adds one to the generation and appends the revocation of all
// older generations in the same write. An edit that changes nothing writes
// nothing. Safe from any thread; values are copies. Calls may block on the
// disk: never on an RPC thread, unless said otherwise.
//
// A missing account is kNotFound with Reason::kAccountNotFound, a name that is
// taken kAlreadyExists with kAccountExists, an unexpected one kAborted with
// kAccountChanged.
//
// Besides the codes named, every call may return kUnavailable (the store is
// closing or stopped after a failed write) and kDataLoss (bad bytes on disk).
class AccountStore {
 public:
  virtual ~AccountStore() = default;

  // Create stores a new account and returns its revision.
  //   kAlreadyExists  the name is taken; nothing changed
  [[nodiscard]] virtual absl::StatusOr<uint64_t> Create(
      const Account& account) = 0;

  // Find returns the account called `name`.
  //   kNotFound  no such account
  [[nodiscard]] virtual absl::StatusOr<Account> Find(
      absl::string_view name) const = 0;

  // FindInMemory is Find for RPC threads: it answers only if no disk is
  // needed. kUnavailable if it would be; then ask Find from a worker.
  [[nodiscard]] virtual absl::StatusOr<Account> FindInMemory(
      absl::string_view name) const = 0;

  // List returns at most `limit` accounts in byte order of their names, those
  // after `after` (empty: from the first).
  [[nodiscard]] virtual absl::StatusOr<std::vector<Account>> List(
      absl::string_view after, int limit) const = 0;

  // Edit changes the account called `name`.
  //   kNotFound  no such account
  //   kAborted   it has not the expected uid or generation
  //   as EditProofs refuses it
  [[nodiscard]] virtual absl::StatusOr<AccountChange> Edit(
      absl::string_view name, const AccountEdit& edit, absl::Time now) = 0;

  // UpgradeHash replaces the PHC string `old_phc` by `new_phc` of the same
  // password, at a higher cost. Sessions stay; if the account has another uid
  // or PHC string by now, nothing happens and the answer is OK.
  [[nodiscard]] virtual absl::Status UpgradeHash(absl::string_view name,
                                                 const AccountUid& uid,
                                                 absl::string_view old_phc,
                                                 absl::string_view new_phc) = 0;

  // Delete removes the account; its uid is never used again. Returns what it
  // was, and the revision.
  //   kNotFound  no such account
  [[nodiscard]] virtual absl::StatusOr<AccountChange> Delete(
      absl::string_view name, absl::Time now) = 0;

  // Count returns how many accounts there are; an estimate is allowed for
  // more than 10,000.
  [[nodiscard]] virtual absl::StatusOr<uint64_t> Count() const = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_ACCOUNT_ACCOUNT_STORE_H_
