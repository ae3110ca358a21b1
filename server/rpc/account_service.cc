#include "server/rpc/account_service.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/base/status_macros.h"
#include "server/rpc/convert.h"
#include "server/rpc/fields.h"

namespace latchkey {
namespace {

// Puts a change into any response that shows the account and the revision.
template <typename Response>
absl::Status Fill(const absl::StatusOr<AccountChange>& change,
                  const Epoch& epoch, Response* response) {
  LATCHKEY_RETURN_IF_ERROR(change.status());
  *response->mutable_account() = ToProto(change->account);
  *response->mutable_revision() = ToProto(epoch, change->revision);
  return absl::OkStatus();
}

// Puts as many accounts of `page` into the response as fit, and the token of
// the next page if there may be more.
void FillPage(const std::vector<Account>& page, int limit,
              v1::ListAccountsResponse* response) {
  size_t bytes = 0;
  bool more = page.size() == static_cast<size_t>(limit);
  for (const Account& account : page) {
    v1::Account* proto = response->add_accounts();
    *proto = ToProto(account);
    bytes += proto->ByteSizeLong();
    if (bytes >= kMaxPageBytes) {
      more = true;
      break;
    }
  }
  if (!more) return;
  const Account& last = page[response->accounts_size() - 1];
  response->set_next_page_token(AccountPageToken(last.name));
}

// Reads `name` and runs `verb(account)`, which changes that account.
template <typename OneCall, typename Verb>
absl::Status Change(OneCall& one, const Epoch& epoch, Verb verb) {
  FieldChecks checks;
  const std::string account = checks.AccountName("name", one.request.name());
  LATCHKEY_RETURN_IF_ERROR(checks.status());
  return Fill(verb(account), epoch, &one.response);
}

}  // namespace

AccountRpc::AccountRpc(const CallDoor& door, AccountAdmin& accounts,
                       const Epoch& epoch)
    : door_(door), accounts_(accounts), epoch_(epoch) {}

grpc::ServerUnaryReactor* AccountRpc::CreateAccount(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
    grpc::ByteBuffer* out) {
  return Serve<v1::CreateAccountRequest, v1::CreateAccountResponse>(
      door_, Method::kCreateAccount, context, in, out, [this](auto call) {
        v1::CreateAccountRequest& request = call->request;
        SecretBytes password = MoveSecret(request.mutable_password());
        FieldChecks checks;
        checks.AccountId("account_id", request.account_id());
        checks.Password("password", password);
        checks.Roles("roles", request.roles());
        if (!checks.status().ok()) {
          call->Finish(checks.status());
          return;
        }
        accounts_.Create(
            {.name = request.account_id(),
             .password = std::move(password),
             .roles = {request.roles().begin(), request.roles().end()},
             .origin = call->MakeOrigin(),
             .abandoned = call->Abandoned()},
            [this, call](absl::StatusOr<AccountChange> change) {
              call->Finish(Fill(change, epoch_, &call->response));
            });
      });
}

grpc::ServerUnaryReactor* AccountRpc::SetPassword(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
    grpc::ByteBuffer* out) {
  return Serve<v1::SetPasswordRequest, v1::SetPasswordResponse>(
      door_, Method::kSetPassword, context, in, out, [this](auto call) {
        auto password = std::make_shared<SecretBytes>(
            MoveSecret(call->request.mutable_password()));
        FieldChecks checks;
        std::string account = checks.AccountName("name", call->request.name());
        checks.Password("password", *password);
        if (!checks.status().ok()) {
          call->Finish(checks.status());
          return;
        }
        const auto start = [this, call, password, account] {
          accounts_.SetPassword(
              account, std::move(*password), call->MakeOrigin(),
              call->Abandoned(),
              [this, call](absl::StatusOr<AccountChange> change) {
                call->Finish(Fill(change, epoch_, &call->response));
              });
        };
        if (!door_.workers.TrySubmit(start)) call->Finish(Overloaded());
      });
}

grpc::ServerUnaryReactor* AccountRpc::GetAccount(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
    grpc::ByteBuffer* out) {
  return Serve<v1::GetAccountRequest, v1::GetAccountResponse>(
      door_, Method::kGetAccount, context, in, out, [this](auto call) {
        OnReader(std::move(call), [this](auto& one) -> absl::Status {
          FieldChecks checks;
          const std::string name =
              checks.AccountName("name", one.request.name());
          LATCHKEY_RETURN_IF_ERROR(checks.status());
          LATCHKEY_ASSIGN_OR_RETURN(const Account account, accounts_.Get(name));
          *one.response.mutable_account() = ToProto(account);
          return absl::OkStatus();
        });
      });
}

grpc::ServerUnaryReactor* AccountRpc::ListAccounts(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
    grpc::ByteBuffer* out) {
  return Serve<v1::ListAccountsRequest, v1::ListAccountsResponse>(
      door_, Method::kListAccounts, context, in, out, [this](auto call) {
        OnReader(std::move(call), [this](auto& one) -> absl::Status {
          FieldChecks checks;
          const int limit =
              checks.PageSize("page_size", one.request.page_size());
          std::string after;
          if (!one.request.page_token().empty()) {
            const auto name = ReadAccountPageToken(one.request.page_token());
            if (!name.has_value()) {
              checks.Fail("page_token", "is not from an earlier answer");
            }
            after = name.value_or("");
          }
          LATCHKEY_RETURN_IF_ERROR(checks.status());
          LATCHKEY_ASSIGN_OR_RETURN(const std::vector<Account> page,
                                    accounts_.List(after, limit));
          FillPage(page, limit, &one.response);
          return absl::OkStatus();
        });
      });
}

grpc::ServerUnaryReactor* AccountRpc::UpdateAccount(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
    grpc::ByteBuffer* out) {
  return Serve<v1::UpdateAccountRequest, v1::UpdateAccountResponse>(
      door_, Method::kUpdateAccount, context, in, out, [this](auto call) {
        OnWorker(std::move(call), [this](auto& one) -> absl::Status {
          FieldChecks checks;
          const std::string name =
              checks.AccountName("name", one.request.name());
          checks.Roles("roles", one.request.roles());
          LATCHKEY_RETURN_IF_ERROR(checks.status());
          return Fill(accounts_.SetRoles(name,
                                         {one.request.roles().begin(),
                                          one.request.roles().end()},
                                         one.MakeOrigin()),
                      epoch_, &one.response);
        });
      });
}

grpc::ServerUnaryReactor* AccountRpc::DisableAccount(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
    grpc::ByteBuffer* out) {
  return Serve<v1::DisableAccountRequest, v1::DisableAccountResponse>(
      door_, Method::kDisableAccount, context, in, out, [this](auto call) {
        OnWorker(std::move(call), [this](auto& one) {
          return Change(one, epoch_, [&](const std::string& account) {
            return accounts_.SetDisabled(account, true, one.MakeOrigin());
          });
        });
      });
}

grpc::ServerUnaryReactor* AccountRpc::EnableAccount(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
    grpc::ByteBuffer* out) {
  return Serve<v1::EnableAccountRequest, v1::EnableAccountResponse>(
      door_, Method::kEnableAccount, context, in, out, [this](auto call) {
        OnWorker(std::move(call), [this](auto& one) {
          return Change(one, epoch_, [&](const std::string& account) {
            return accounts_.SetDisabled(account, false, one.MakeOrigin());
          });
        });
      });
}

grpc::ServerUnaryReactor* AccountRpc::DeleteAccount(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
    grpc::ByteBuffer* out) {
  return Serve<v1::DeleteAccountRequest, v1::DeleteAccountResponse>(
      door_, Method::kDeleteAccount, context, in, out, [this](auto call) {
        OnWorker(std::move(call), [this](auto& one) -> absl::Status {
          FieldChecks checks;
          const std::string name =
              checks.AccountName("name", one.request.name());
          LATCHKEY_RETURN_IF_ERROR(checks.status());
          LATCHKEY_ASSIGN_OR_RETURN(const AccountChange change,
                                    accounts_.Delete(name, one.MakeOrigin()));
          *one.response.mutable_revision() = ToProto(epoch_, change.revision);
          return absl::OkStatus();
        });
      });
}

}  // namespace latchkey
