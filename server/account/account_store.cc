#include "server/account/account_store.h"

#include <algorithm>

#include "server/base/error.h"

namespace latchkey {
namespace {

// Whether a client secret can be added or removed as asked.
absl::Status CheckSecrets(const AccountEdit& edit, const Account& account) {
  if (edit.add_secret.has_value() &&
      account.secrets.size() >= kMaxClientSecrets) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     Reason::kTooManySecrets,
                     "the account has two client secrets; remove one first");
  }
  if (edit.remove_secret.has_value() &&
      std::none_of(account.secrets.begin(), account.secrets.end(),
                   [&](const ClientSecret& secret) {
                     return secret.id == *edit.remove_secret;
                   })) {
    return MakeError(absl::StatusCode::kNotFound, Reason::kSecretNotFound,
                     "no such client secret");
  }
  return absl::OkStatus();
}

}  // namespace

bool IsExpected(const AccountEdit& edit, const Account& account) {
  return edit.expected_uid.value_or(account.uid) == account.uid &&
         edit.expected_generation.value_or(account.generation) ==
             account.generation;
}

absl::StatusOr<bool> EditProofs(const AccountEdit& edit, Account* account) {
  const bool of_service =
      edit.add_secret.has_value() || edit.remove_secret.has_value() ||
      edit.jwks.has_value() || edit.certificate_names.has_value();
  const bool is_service = account->kind == AccountKind::kService;
  if (is_service ? edit.password_phc.has_value() : of_service) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     Reason::kWrongAccountKind,
                     "not for an account of this kind");
  }
  const absl::Status secrets = CheckSecrets(edit, *account);
  if (!secrets.ok()) return secrets;
  bool taken_away = false;
  if (edit.remove_secret.has_value()) {
    std::erase_if(account->secrets, [&](const ClientSecret& secret) {
      return secret.id == *edit.remove_secret;
    });
    taken_away = true;
  }
  if (edit.jwks.has_value() && *edit.jwks != account->jwks) {
    account->jwks = *edit.jwks;
    taken_away = true;
  }
  if (edit.certificate_names.has_value() &&
      *edit.certificate_names != account->certificate_names) {
    account->certificate_names = *edit.certificate_names;
    taken_away = true;
  }
  if (taken_away) ++account->proof_generation;
  if (edit.add_secret.has_value()) {
    account->secrets.push_back(*edit.add_secret);
  }
  return taken_away || edit.add_secret.has_value();
}

}  // namespace latchkey
