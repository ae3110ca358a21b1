#include "server/auth/account_admin.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_join.h"

#include "client/base/status_macros.h"
#include "server/auth/audited.h"
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
  AuditEvent event = MakeAuditEvent(AuditKind::kCreateAccount, request.origin,
                                    AuditTarget(account.name));
  event.details.emplace_back("roles", absl::StrJoin(account.roles, ","));
  HashThen(
      std::move(request.password), std::move(request.abandoned),
      [this, account = std::move(account),
       event = std::move(event)](std::string phc) mutable {
        account.password_phc = std::move(phc);
        account.create_time = parts_.clock.Now();
        account.update_time = account.create_time;
        return AuditedGiving<AccountChange>(
            parts_.audit, event, [&]() -> absl::StatusOr<AccountChange> {
              LATCHKEY_ASSIGN_OR_RETURN(const uint64_t revision,
                                        parts_.accounts.Create(account));
              return AccountChange{.account = account, .revision = revision};
            });
      },
      std::move(done));
}

void AccountAdmin::SetPassword(std::string name, SecretBytes password,
                               Origin origin, std::function<bool()> abandoned,
                               Done done) {
  AuditEvent event =
      MakeAuditEvent(AuditKind::kSetPassword, origin, AuditTarget(name));
  // The account that was meant, should the name go to another meanwhile.
  absl::StatusOr<Account> account = parts_.accounts.Find(name);
  if (!account.ok()) {
    NoteFailure(parts_.audit, std::move(event), account.status());
    done(account.status());
    return;
  }
  HashThen(
      std::move(password), std::move(abandoned),
      [this, name = std::move(name), uid = account->uid,
       event = std::move(event)](std::string phc) {
        return AuditedGiving<AccountChange>(parts_.audit, event, [&] {
          return parts_.accounts.Edit(
              name, {.password_phc = std::move(phc), .expected_uid = uid},
              parts_.clock.Now());
        });
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
    absl::string_view name, std::vector<std::string> roles,
    const Origin& origin) {
  roles = Sorted(std::move(roles));
  AuditEvent event =
      MakeAuditEvent(AuditKind::kUpdateAccount, origin, AuditTarget(name));
  event.details.emplace_back("roles", absl::StrJoin(roles, ","));
  // Other roles may be more, or fewer: as if they were more.
  return AuditedGiving<AccountChange>(parts_.audit, event, [&] {
    return parts_.accounts.Edit(name, {.roles = std::move(roles)},
                                parts_.clock.Now());
  });
}

absl::StatusOr<AccountChange> AccountAdmin::SetDisabled(absl::string_view name,
                                                        bool disabled,
                                                        const Origin& origin) {
  const AuditEvent event = MakeAuditEvent(
      disabled ? AuditKind::kDisableAccount : AuditKind::kEnableAccount, origin,
      AuditTarget(name));
  const auto change = [&] {
    return parts_.accounts.Edit(name, {.disabled = disabled},
                                parts_.clock.Now());
  };
  return disabled ? AuditedTaking<AccountChange>(parts_.audit, event, change)
                  : AuditedGiving<AccountChange>(parts_.audit, event, change);
}

absl::StatusOr<AccountChange> AccountAdmin::Delete(absl::string_view name,
                                                   const Origin& origin) {
  return AuditedTaking<AccountChange>(
      parts_.audit,
      MakeAuditEvent(AuditKind::kDeleteAccount, origin, AuditTarget(name)),
      [&] { return parts_.accounts.Delete(name, parts_.clock.Now()); });
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
