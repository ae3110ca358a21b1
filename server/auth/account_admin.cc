#include "server/auth/account_admin.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "client/base/status_macros.h"
#include "server/base/error.h"
#include "server/base/random.h"

namespace latchkey {
namespace {

std::vector<std::string> Sorted(std::vector<std::string> roles) {
  std::sort(roles.begin(), roles.end());
  return roles;
}

}  // namespace

void AccountAdmin::Create(NewAccount request, Done done) {
  Account account;
  account.name = std::move(request.name);
  account.uid = RandomBytes<AccountUid>();
  account.roles = Sorted(std::move(request.roles));
  HashThen(
      std::move(request.password), std::move(request.abandoned),
      [this, account = std::move(account)](
          std::string phc) mutable -> absl::StatusOr<AccountChange> {
        account.password_phc = std::move(phc);
        account.create_time = parts_.clock.Now();
        account.update_time = account.create_time;
        LATCHKEY_ASSIGN_OR_RETURN(const uint64_t revision,
                                  parts_.accounts.Create(account));
        return AccountChange{.account = account, .revision = revision};
      },
      std::move(done));
}

void AccountAdmin::SetPassword(std::string name, SecretBytes password,
                               std::function<bool()> abandoned, Done done) {
  // The account that was meant, should the name go to another meanwhile.
  absl::StatusOr<Account> account = parts_.accounts.Find(name);
  if (!account.ok()) {
    done(account.status());
    return;
  }
  HashThen(
      std::move(password), std::move(abandoned),
      [this, name = std::move(name), uid = account->uid](std::string phc) {
        return parts_.accounts.Edit(
            name, {.password_phc = std::move(phc), .expected_uid = uid},
            parts_.clock.Now());
      },
      std::move(done));
}

absl::StatusOr<Account> AccountAdmin::Get(absl::string_view name) const {
  return parts_.accounts.Find(name);
}

absl::StatusOr<std::vector<Account>> AccountAdmin::List(absl::string_view after,
                                                        int limit) const {
  return parts_.accounts.List(after, limit);
}

absl::StatusOr<AccountChange> AccountAdmin::SetRoles(
    absl::string_view name, std::vector<std::string> roles) {
  return parts_.accounts.Edit(name, {.roles = Sorted(std::move(roles))},
                              parts_.clock.Now());
}

absl::StatusOr<AccountChange> AccountAdmin::SetDisabled(absl::string_view name,
                                                        bool disabled) {
  return parts_.accounts.Edit(name, {.disabled = disabled}, parts_.clock.Now());
}

absl::StatusOr<AccountChange> AccountAdmin::Delete(absl::string_view name) {
  return parts_.accounts.Delete(name, parts_.clock.Now());
}

void AccountAdmin::HashThen(
    SecretBytes password, std::function<bool()> abandoned,
    std::function<absl::StatusOr<AccountChange>(std::string phc)> store,
    Done done) {
  struct Work {
    SecretBytes password;
    std::function<absl::StatusOr<AccountChange>(std::string phc)> store;
    Done done;
  };
  auto work = std::make_shared<Work>();
  work->password = std::move(password);
  work->store = std::move(store);
  work->done = std::move(done);
  const auto hash = [this, work] {
    absl::StatusOr<std::string> phc = parts_.passwords.Hash(work->password);
    if (!phc.ok()) {
      work->done(phc.status());
      return;
    }
    const bool taken = parts_.workers.TrySubmit(
        [work, phc = *std::move(phc)] { work->done(work->store(phc)); });
    if (!taken) work->done(Overloaded());
  };
  const absl::Status taken = parts_.hashes.Submit({
      .abandoned = std::move(abandoned),
      .run = hash,
      .drop = [work](absl::Status why) { work->done(std::move(why)); },
  });
  if (!taken.ok()) work->done(taken);
}

}  // namespace latchkey
