#include "server/rpc/account_service.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/base/status_macros.h"
#include "server/rpc/convert.h"
#include "server/rpc/fields.h"
#include "server/rpc/propagation.h"

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

// The same for a change that takes something back: since which revision.
template <typename Response>
absl::StatusOr<uint64_t> FillTaken(const absl::StatusOr<AccountChange>& change,
                                   const Epoch& epoch, Response* response) {
  LATCHKEY_RETURN_IF_ERROR(Fill(change, epoch, response));
  return change->revision;
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
                       RevocationHub& revocations, const Epoch& epoch)
    : door_(door),
      accounts_(accounts),
      revocations_(revocations),
      epoch_(epoch) {}

grpc::ServerUnaryReactor* AccountRpc::CreateAccount(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
    grpc::ByteBuffer* out) {
  return Serve<v1::CreateAccountRequest, v1::CreateAccountResponse>(
      door_, Method::kCreateAccount, context, in, out, [this](auto call) {
        v1::CreateAccountRequest& request = call->request;
        if (request.kind() == v1::ACCOUNT_KIND_SERVICE) {
          CreateService(std::move(call));
          return;
        }
        SecretBytes password = MoveSecret(request.mutable_password());
        FieldChecks checks;
        checks.AccountId("account_id", request.account_id());
        if (!v1::AccountKind_IsValid(request.kind())) {
          checks.Fail("kind", "is not a known value");
        }
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

void AccountRpc::CreateService(
    CallPtr<v1::CreateAccountRequest, v1::CreateAccountResponse> call) {
  OnWorker(std::move(call), [this](auto& one) -> absl::Status {
    FieldChecks checks;
    checks.AccountId("account_id", one.request.account_id());
    if (!one.request.password().empty()) {
      checks.Fail("password", "must be absent: a service has none");
    }
    checks.Roles("roles", one.request.roles());
    LATCHKEY_RETURN_IF_ERROR(checks.status());
    return Fill(accounts_.CreateService(
                    one.request.account_id(),
                    {one.request.roles().begin(), one.request.roles().end()},
                    one.MakeOrigin()),
                epoch_, &one.response);
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
        const auto ask = ReadPropagation(call->request);
        if (!checks.status().ok() || !ask.ok()) {
          call->Finish(checks.status().ok() ? ask.status() : checks.status());
          return;
        }
        const auto start = [this, call, password, account, ask = *ask] {
          accounts_.SetPassword(
              account, std::move(*password), call->MakeOrigin(),
              call->Abandoned(),
              [this, call, ask](absl::StatusOr<AccountChange> change) {
                FinishPropagated(revocations_, call, ask,
                                 FillTaken(change, epoch_, &call->response));
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
        const auto update = [this](auto& one) -> absl::StatusOr<uint64_t> {
          FieldChecks checks;
          const std::string name =
              checks.AccountName("name", one.request.name());
          checks.Roles("roles", one.request.roles());
          LATCHKEY_RETURN_IF_ERROR(checks.status());
          return FillTaken(accounts_.SetRoles(name,
                                              {one.request.roles().begin(),
                                               one.request.roles().end()},
                                              one.MakeOrigin()),
                           epoch_, &one.response);
        };
        OnWorkerPropagated(revocations_, std::move(call), update);
      });
}

grpc::ServerUnaryReactor* AccountRpc::DisableAccount(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
    grpc::ByteBuffer* out) {
  return Serve<v1::DisableAccountRequest, v1::DisableAccountResponse>(
      door_, Method::kDisableAccount, context, in, out, [this](auto call) {
        const auto disable = [this](auto& one) -> absl::StatusOr<uint64_t> {
          FieldChecks checks;
          const std::string name =
              checks.AccountName("name", one.request.name());
          LATCHKEY_RETURN_IF_ERROR(checks.status());
          return FillTaken(accounts_.SetDisabled(name, true, one.MakeOrigin()),
                           epoch_, &one.response);
        };
        OnWorkerPropagated(revocations_, std::move(call), disable);
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
        const auto remove = [this](auto& one) -> absl::StatusOr<uint64_t> {
          FieldChecks checks;
          const std::string name =
              checks.AccountName("name", one.request.name());
          LATCHKEY_RETURN_IF_ERROR(checks.status());
          LATCHKEY_ASSIGN_OR_RETURN(const AccountChange change,
                                    accounts_.Delete(name, one.MakeOrigin()));
          *one.response.mutable_revision() = ToProto(epoch_, change.revision);
          return change.revision;
        };
        OnWorkerPropagated(revocations_, std::move(call), remove);
      });
}

grpc::ServerUnaryReactor* AccountRpc::AddClientSecret(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
    grpc::ByteBuffer* out) {
  return Serve<v1::AddClientSecretRequest, v1::AddClientSecretResponse>(
      door_, Method::kAddClientSecret, context, in, out, [this](auto call) {
        OnWorker(std::move(call), [this](auto& one) -> absl::Status {
          FieldChecks checks;
          const std::string account =
              checks.AccountName("parent", one.request.parent());
          LATCHKEY_RETURN_IF_ERROR(checks.status());
          LATCHKEY_ASSIGN_OR_RETURN(
              const AccountAdmin::NewSecret made,
              accounts_.AddClientSecret(account, one.MakeOrigin()));
          *one.response.mutable_client_secret() = ToProto(account, made.secret);
          one.response.set_secret(std::string(made.text.Reveal()));
          *one.response.mutable_revision() = ToProto(epoch_, made.revision);
          return absl::OkStatus();
        });
      });
}

grpc::ServerUnaryReactor* AccountRpc::ListClientSecrets(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
    grpc::ByteBuffer* out) {
  return Serve<v1::ListClientSecretsRequest, v1::ListClientSecretsResponse>(
      door_, Method::kListClientSecrets, context, in, out, [this](auto call) {
        OnReader(std::move(call), [this](auto& one) -> absl::Status {
          FieldChecks checks;
          const std::string name =
              checks.AccountName("parent", one.request.parent());
          LATCHKEY_RETURN_IF_ERROR(checks.status());
          LATCHKEY_ASSIGN_OR_RETURN(const Account account, accounts_.Get(name));
          for (const ClientSecret& secret : account.secrets) {
            *one.response.add_client_secrets() = ToProto(name, secret);
          }
          return absl::OkStatus();
        });
      });
}

grpc::ServerUnaryReactor* AccountRpc::RemoveClientSecret(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
    grpc::ByteBuffer* out) {
  return Serve<v1::RemoveClientSecretRequest, v1::RemoveClientSecretResponse>(
      door_, Method::kRemoveClientSecret, context, in, out, [this](auto call) {
        const auto remove = [this](auto& one) -> absl::StatusOr<uint64_t> {
          FieldChecks checks;
          const FieldChecks::SecretRef secret =
              checks.SecretName("name", one.request.name());
          LATCHKEY_RETURN_IF_ERROR(checks.status());
          return FillTaken(accounts_.RemoveClientSecret(
                               secret.account, secret.id,
                               one.request.end_sessions(), one.MakeOrigin()),
                           epoch_, &one.response);
        };
        OnWorkerPropagated(revocations_, std::move(call), remove);
      });
}

grpc::ServerUnaryReactor* AccountRpc::SetJwks(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
    grpc::ByteBuffer* out) {
  return Serve<v1::SetJwksRequest, v1::SetJwksResponse>(
      door_, Method::kSetJwks, context, in, out, [this](auto call) {
        OnWorker(std::move(call), [this](auto& one) {
          return Change(one, epoch_, [&](const std::string& account) {
            return accounts_.SetJwks(account, one.request.jwks(),
                                     one.MakeOrigin());
          });
        });
      });
}

grpc::ServerUnaryReactor* AccountRpc::SetCertificateNames(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* in,
    grpc::ByteBuffer* out) {
  return Serve<v1::SetCertificateNamesRequest, v1::SetCertificateNamesResponse>(
      door_, Method::kSetCertificateNames, context, in, out, [this](auto call) {
        OnWorker(std::move(call), [this](auto& one) -> absl::Status {
          FieldChecks checks;
          const std::string account =
              checks.AccountName("name", one.request.name());
          const auto& names = one.request.certificate_names();
          checks.CertificateNames("certificate_names", names);
          LATCHKEY_RETURN_IF_ERROR(checks.status());
          return Fill(
              accounts_.SetCertificateNames(
                  account, {names.begin(), names.end()}, one.MakeOrigin()),
              epoch_, &one.response);
        });
      });
}

}  // namespace latchkey
