#include "server/storage/rocks_account_store.h"

#include <memory>
#include <optional>
#include <utility>

#include "client/base/status_macros.h"
#include "server/base/error.h"
#include "server/storage/records.h"
#include "server/storage/revocation_rows.h"

namespace latchkey {
namespace {

absl::Status NoSuchAccount() {
  return MakeError(absl::StatusCode::kNotFound, Reason::kAccountNotFound,
                   "no such account");
}

// Applies `edit` to `account`; tells whether anything changed, and adds one to
// the generation if the account's sessions must end with it.
absl::StatusOr<bool> Apply(const AccountEdit& edit, Account* account) {
  LATCHKEY_ASSIGN_OR_RETURN(bool changed, EditProofs(edit, account));
  changed = changed || edit.end_sessions;
  bool ends_sessions = edit.end_sessions;
  if (edit.roles.has_value() && *edit.roles != account->roles) {
    account->roles = *edit.roles;
    changed = ends_sessions = true;
  }
  if (edit.password_phc.has_value() &&
      *edit.password_phc != account->password_phc) {
    account->password_phc = *edit.password_phc;
    changed = ends_sessions = true;
  }
  if (edit.disabled.has_value() && *edit.disabled != account->disabled) {
    account->disabled = *edit.disabled;
    changed = true;
    // Enabling ends nothing: disabling has ended them.
    ends_sessions = ends_sessions || account->disabled;
  }
  if (ends_sessions) ++account->generation;
  return changed;
}

}  // namespace

RocksAccountStore::RocksAccountStore(const RocksDb& db, Committer& committer,
                                     absl::Duration max_session_ttl)
    : db_(db), committer_(committer), max_session_ttl_(max_session_ttl) {}

absl::StatusOr<uint64_t> RocksAccountStore::Create(const Account& account) {
  return committer_.Commit([&](ChangeView& view) -> absl::Status {
    LATCHKEY_ASSIGN_OR_RETURN(const std::optional<std::string> existing,
                              view.Get(Family::kAccounts, account.name));
    if (existing.has_value()) {
      return MakeError(absl::StatusCode::kAlreadyExists, Reason::kAccountExists,
                       "the account exists");
    }
    view.Put(Family::kAccounts, account.name, EncodeAccount(account));
    return absl::OkStatus();
  });
}

absl::StatusOr<Account> RocksAccountStore::Find(absl::string_view name) const {
  return FindWithin(name, Reach::kDisk);
}

absl::StatusOr<Account> RocksAccountStore::FindInMemory(
    absl::string_view name) const {
  return FindWithin(name, Reach::kMemory);
}

absl::StatusOr<Account> RocksAccountStore::FindWithin(absl::string_view name,
                                                      Reach reach) const {
  rocksdb::PinnableSlice row;
  LATCHKEY_ASSIGN_OR_RETURN(const bool found,
                            db_.Read(Family::kAccounts, name, &row, reach));
  if (!found) return NoSuchAccount();
  return DecodeAccount(name, ToView(row));
}

absl::StatusOr<std::vector<Account>> RocksAccountStore::List(
    absl::string_view after, int limit) const {
  LATCHKEY_RETURN_IF_ERROR(db_.Ready());
  std::vector<Account> accounts;
  const std::unique_ptr<rocksdb::Iterator> row =
      db_.Scan(Family::kAccounts, "");
  row->Seek(ToSlice(after));
  for (; row->Valid() && static_cast<int>(accounts.size()) < limit;
       row->Next()) {
    const absl::string_view name = ToView(row->key());
    if (name == after) continue;
    LATCHKEY_ASSIGN_OR_RETURN(Account account,
                              DecodeAccount(name, ToView(row->value())));
    accounts.push_back(std::move(account));
  }
  LATCHKEY_RETURN_IF_ERROR(db_.ScanEnd(*row));
  return accounts;
}

absl::StatusOr<AccountChange> RocksAccountStore::Edit(absl::string_view name,
                                                      const AccountEdit& edit,
                                                      absl::Time now) {
  AccountChange change;
  const auto decide = [&](ChangeView& view) -> absl::Status {
    LATCHKEY_ASSIGN_OR_RETURN(Account account, ReadAccount(view, name));
    if (!IsExpected(edit, account)) {
      return MakeError(absl::StatusCode::kAborted, Reason::kAccountChanged,
                       "the account changed meanwhile");
    }
    const uint64_t generation = account.generation;
    LATCHKEY_ASSIGN_OR_RETURN(const bool changed, Apply(edit, &account));
    if (changed) {
      account.update_time = now;
      view.Put(Family::kAccounts, name, EncodeAccount(account));
      change.ended_sessions = account.generation != generation;
      if (change.ended_sessions) Revoke(view, account, now);
    }
    change.account = std::move(account);
    return absl::OkStatus();
  };
  LATCHKEY_ASSIGN_OR_RETURN(change.revision, committer_.Commit(decide));
  return change;
}

absl::Status RocksAccountStore::UpgradeHash(absl::string_view name,
                                            const AccountUid& uid,
                                            absl::string_view old_phc,
                                            absl::string_view new_phc) {
  return committer_
      .Commit([&](ChangeView& view) -> absl::Status {
        absl::StatusOr<Account> account = ReadAccount(view, name);
        if (absl::IsNotFound(account.status())) return absl::OkStatus();
        LATCHKEY_RETURN_IF_ERROR(account.status());
        if (account->uid != uid || account->password_phc != old_phc) {
          return absl::OkStatus();
        }
        account->password_phc = std::string(new_phc);
        view.Put(Family::kAccounts, name, EncodeAccount(*account));
        return absl::OkStatus();
      })
      .status();
}

absl::StatusOr<AccountChange> RocksAccountStore::Delete(absl::string_view name,
                                                        absl::Time now) {
  AccountChange change;
  const auto decide = [&](ChangeView& view) -> absl::Status {
    LATCHKEY_ASSIGN_OR_RETURN(change.account, ReadAccount(view, name));
    view.Delete(Family::kAccounts, name);
    // No generation of this uid is good any more, nor will the uid be used
    // again: the next one stands for none.
    Account none_left = change.account;
    ++none_left.generation;
    Revoke(view, none_left, now);
    return absl::OkStatus();
  };
  LATCHKEY_ASSIGN_OR_RETURN(change.revision, committer_.Commit(decide));
  change.ended_sessions = true;
  return change;
}

absl::StatusOr<uint64_t> RocksAccountStore::Count() const {
  return db_.Count(Family::kAccounts);
}

void RocksAccountStore::Revoke(ChangeView& view, const Account& account,
                               absl::Time now) const {
  PutRevocations(view, {Revocation::OfAccount(account.uid, account.generation,
                                              now + max_session_ttl_)});
}

absl::StatusOr<Account> ReadAccount(const ChangeView& view,
                                    absl::string_view name) {
  LATCHKEY_ASSIGN_OR_RETURN(const std::optional<std::string> row,
                            view.Get(Family::kAccounts, name));
  if (!row.has_value()) return NoSuchAccount();
  return DecodeAccount(name, *row);
}

}  // namespace latchkey
