#include "server/auth/account_admin.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "client/base/status_macros.h"
#include "client/verify/key_set.h"
#include "server/base/error.h"
#include "server/base/random.h"
#include "server/credential/opaque_id.h"

namespace latchkey {
namespace {

std::vector<std::string> Sorted(std::vector<std::string> texts) {
  std::sort(texts.begin(), texts.end());
  return texts;
}

absl::Status WrongAccountKind() {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   Reason::kWrongAccountKind,
                   "not for an account of this kind");
}

// Reads what an operator registers, more strictly than a set that others
// publish: a key that could not be used would be found out at its first login.
// Returns the set as it is kept, without what nobody reads.
absl::StatusOr<std::string> ReadAccountJwks(absl::string_view jwks) {
  if (jwks.empty()) return std::string();
  const absl::StatusOr<KeySet> keys = KeySet::FromJwks(jwks);
  if (absl::IsFailedPrecondition(keys.status())) {
    return InvalidField("jwks",
                        "holds a private key; it is disclosed now, and must "
                        "not be used any more");
  }
  if (!keys.ok()) return InvalidField("jwks", keys.status().message());
  if (!keys->left_out().empty()) {
    return InvalidField("jwks", keys->left_out().front());
  }
  if (keys->size() > kMaxAccountKeys) {
    return InvalidField("jwks", "must have at most 8 keys");
  }
  if (keys->size() == 0) return std::string();
  std::string kept = keys->ToJwks();
  if (kept.size() > kMaxAccountJwksBytes) {
    return InvalidField("jwks", "must be at most 16,384 bytes");
  }
  return kept;
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
  if (account->kind == AccountKind::kService) {
    done(WrongAccountKind());
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

absl::StatusOr<AccountChange> AccountAdmin::CreateService(
    std::string name, std::vector<std::string> roles) {
  Account account;
  account.kind = AccountKind::kService;
  account.name = std::move(name);
  account.uid = RandomBytes<AccountUid>();
  account.roles = Sorted(std::move(roles));
  account.create_time = parts_.clock.Now();
  account.update_time = account.create_time;
  LATCHKEY_ASSIGN_OR_RETURN(const uint64_t revision,
                            parts_.accounts.Create(account));
  return AccountChange{.account = std::move(account), .revision = revision};
}

absl::StatusOr<AccountAdmin::NewSecret> AccountAdmin::AddClientSecret(
    absl::string_view name) {
  const absl::Time now = parts_.clock.Now();
  MintedCredential minted = MintOpaque(OpaqueKind::kClientSecret);
  NewSecret made;
  made.secret = {.id = RandomBytes<ClientSecretId>(),
                 .digest = ClientSecretDigest(minted.digest.array()),
                 .create_time = now};
  LATCHKEY_ASSIGN_OR_RETURN(
      const AccountChange change,
      parts_.accounts.Edit(name, {.add_secret = made.secret}, now));
  made.text = std::move(minted.text);
  made.revision = change.revision;
  return made;
}

absl::StatusOr<AccountChange> AccountAdmin::RemoveClientSecret(
    absl::string_view name, const ClientSecretId& id, bool end_sessions) {
  return parts_.accounts.Edit(
      name, {.remove_secret = id, .end_sessions = end_sessions},
      parts_.clock.Now());
}

absl::StatusOr<AccountChange> AccountAdmin::SetJwks(absl::string_view name,
                                                    absl::string_view jwks) {
  LATCHKEY_ASSIGN_OR_RETURN(std::string kept, ReadAccountJwks(jwks));
  return parts_.accounts.Edit(name, {.jwks = std::move(kept)},
                              parts_.clock.Now());
}

absl::StatusOr<AccountChange> AccountAdmin::SetCertificateNames(
    absl::string_view name, std::vector<std::string> certificate_names) {
  return parts_.accounts.Edit(
      name, {.certificate_names = Sorted(std::move(certificate_names))},
      parts_.clock.Now());
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
