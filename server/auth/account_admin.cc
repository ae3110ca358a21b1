#include "server/auth/account_admin.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_join.h"

#include "client/base/status_macros.h"
#include "client/verify/key_set.h"
#include "server/auth/audited.h"
#include "server/auth/hash_answer.h"
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
  if (account->kind == AccountKind::kService) {
    NoteFailure(parts_.audit, std::move(event), WrongAccountKind());
    done(WrongAccountKind());
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

absl::StatusOr<AccountChange> AccountAdmin::CreateService(
    std::string name, std::vector<std::string> roles, const Origin& origin) {
  Account account;
  account.kind = AccountKind::kService;
  account.name = std::move(name);
  account.uid = RandomBytes<AccountUid>();
  account.roles = Sorted(std::move(roles));
  account.create_time = parts_.clock.Now();
  account.update_time = account.create_time;
  AuditEvent event = MakeAuditEvent(AuditKind::kCreateAccount, origin,
                                    AuditTarget(account.name));
  event.details.emplace_back("roles", absl::StrJoin(account.roles, ","));
  return AuditedGiving<AccountChange>(
      parts_.audit, event, [&]() -> absl::StatusOr<AccountChange> {
        LATCHKEY_ASSIGN_OR_RETURN(const uint64_t revision,
                                  parts_.accounts.Create(account));
        return AccountChange{.account = account, .revision = revision};
      });
}

absl::StatusOr<AccountAdmin::NewSecret> AccountAdmin::AddClientSecret(
    absl::string_view name, const Origin& origin) {
  const absl::Time now = parts_.clock.Now();
  MintedCredential minted = MintOpaque(OpaqueKind::kClientSecret);
  NewSecret made;
  made.secret = {.id = RandomBytes<ClientSecretId>(),
                 .digest = ClientSecretDigest(minted.digest.array()),
                 .create_time = now};
  AuditEvent event =
      MakeAuditEvent(AuditKind::kAddClientSecret, origin, AuditTarget(name));
  event.details.emplace_back("client_secret", made.secret.id.ToHex());
  LATCHKEY_ASSIGN_OR_RETURN(
      const AccountChange change,
      AuditedGiving<AccountChange>(parts_.audit, event, [&] {
        return parts_.accounts.Edit(name, {.add_secret = made.secret}, now);
      }));
  made.text = std::move(minted.text);
  made.revision = change.revision;
  return made;
}

absl::StatusOr<AccountChange> AccountAdmin::RemoveClientSecret(
    absl::string_view name, const ClientSecretId& id, bool end_sessions,
    const Origin& origin) {
  AuditEvent event =
      MakeAuditEvent(AuditKind::kRemoveClientSecret, origin, AuditTarget(name));
  event.details.emplace_back("client_secret", id.ToHex());
  return AuditedTaking<AccountChange>(parts_.audit, event, [&] {
    return parts_.accounts.Edit(
        name, {.remove_secret = id, .end_sessions = end_sessions},
        parts_.clock.Now());
  });
}

absl::StatusOr<AccountChange> AccountAdmin::SetJwks(absl::string_view name,
                                                    absl::string_view jwks,
                                                    const Origin& origin) {
  LATCHKEY_ASSIGN_OR_RETURN(std::string kept, ReadAccountJwks(jwks));
  const AuditEvent event =
      MakeAuditEvent(AuditKind::kSetJwks, origin, AuditTarget(name));
  return AuditedGiving<AccountChange>(parts_.audit, event, [&] {
    return parts_.accounts.Edit(name, {.jwks = std::move(kept)},
                                parts_.clock.Now());
  });
}

absl::StatusOr<AccountChange> AccountAdmin::SetCertificateNames(
    absl::string_view name, std::vector<std::string> certificate_names,
    const Origin& origin) {
  std::vector<std::string> names = Sorted(std::move(certificate_names));
  AuditEvent event = MakeAuditEvent(AuditKind::kSetCertificateNames, origin,
                                    AuditTarget(name));
  event.details.emplace_back("certificate_names", absl::StrJoin(names, ","));
  return AuditedGiving<AccountChange>(parts_.audit, event, [&] {
    return parts_.accounts.Edit(name, {.certificate_names = std::move(names)},
                                parts_.clock.Now());
  });
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
  const auto answer = [this, work](const absl::Status& why) {
    AnswerOnWorker(parts_.workers, [work, why] { work->done(why); });
  };
  const auto hash = [this, work, answer] {
    absl::StatusOr<std::string> phc = parts_.passwords.Hash(work->password);
    if (!phc.ok()) {
      answer(phc.status());
      return;
    }
    const bool taken = parts_.workers.TrySubmit(
        [work, phc = *std::move(phc)] { work->done(work->store(phc)); });
    if (!taken) answer(Overloaded());
  };
  const absl::Status taken = parts_.hashes.Submit({
      .abandoned = std::move(abandoned),
      .run = hash,
      .drop = answer,
  });
  if (!taken.ok()) work->done(taken);
}

}  // namespace latchkey
