#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "latchkey/v1/account.grpc.pb.h"
#include "tools/latchkey/commands.h"
#include "tools/latchkey/options.h"
#include "tools/latchkey/server.h"
#include "tools/latchkey/show.h"
#include "tools/latchkey/table.h"
#include "tools/latchkey/wait.h"

namespace latchkey {
namespace {

using Accounts = v1::AccountService;

struct AccountOptions {
  std::string account;
  SecretSource password;
  std::vector<std::string> roles;
  bool no_roles = false;
  bool service = false;
  WaitOptions wait;
};

ExitCode Create(const Invocation& invocation, const AccountOptions& options) {
  v1::CreateAccountRequest request;
  request.set_account_id(options.account);
  if (options.service) {
    request.set_kind(v1::ACCOUNT_KIND_SERVICE);
  } else {
    const auto password = ReadPassword(options.password, /*repeat=*/true);
    if (!password.ok()) return Complain(password.status());
    request.set_password(std::string(password->Reveal()));
  }
  request.mutable_roles()->Assign(options.roles.begin(), options.roles.end());
  v1::CreateAccountResponse response;
  const ExitCode code =
      Server(invocation)
          .Call<Accounts>(&Accounts::StubInterface::CreateAccount, request,
                          &response);
  if (code != ExitCode::kYes) return code;
  return Show(invocation, response, AccountText(response.account()));
}

ExitCode List(const Invocation& invocation, const AccountOptions&) {
  Server server(invocation);
  v1::ListAccountsRequest request;
  v1::ListAccountsResponse all;
  Table table({"ACCOUNT", "STATE", "ROLES", "CREATED"});
  do {
    v1::ListAccountsResponse page;
    const ExitCode code = server.Call<Accounts>(
        &Accounts::StubInterface::ListAccounts, request, &page);
    if (code != ExitCode::kYes) return code;
    for (const v1::Account& account : page.accounts()) {
      table.AddRow({account.name(), StateText(account), Joined(account.roles()),
                    TimeText(account.create_time())});
    }
    request.set_page_token(page.next_page_token());
    page.clear_next_page_token();
    all.MergeFrom(page);
  } while (!request.page_token().empty());
  return Show(invocation, all, table.Text());
}

ExitCode SetPassword(const Invocation& invocation,
                     const AccountOptions& options) {
  const auto password = ReadPassword(options.password, /*repeat=*/true);
  if (!password.ok()) return Complain(password.status());
  v1::SetPasswordRequest request;
  request.set_name(AccountResource(options.account));
  request.set_password(std::string(password->Reveal()));
  ApplyWait(options.wait, &request);
  v1::SetPasswordResponse response;
  const ExitCode code =
      Server(invocation)
          .Call<Accounts>(&Accounts::StubInterface::SetPassword, request,
                          &response);
  if (code != ExitCode::kYes) return code;
  return ShowTaken(invocation, options.wait, response,
                   AccountText(response.account()));
}

ExitCode Update(const Invocation& invocation, const AccountOptions& options) {
  v1::UpdateAccountRequest request;
  request.set_name(AccountResource(options.account));
  request.mutable_roles()->Assign(options.roles.begin(), options.roles.end());
  ApplyWait(options.wait, &request);
  v1::UpdateAccountResponse response;
  const ExitCode code =
      Server(invocation)
          .Call<Accounts>(&Accounts::StubInterface::UpdateAccount, request,
                          &response);
  if (code != ExitCode::kYes) return code;
  return ShowTaken(invocation, options.wait, response,
                   AccountText(response.account()));
}

ExitCode Delete(const Invocation& invocation, const AccountOptions& options) {
  v1::DeleteAccountRequest request;
  request.set_name(AccountResource(options.account));
  ApplyWait(options.wait, &request);
  v1::DeleteAccountResponse response;
  const ExitCode code =
      Server(invocation)
          .Call<Accounts>(&Accounts::StubInterface::DeleteAccount, request,
                          &response);
  if (code != ExitCode::kYes) return code;
  return ShowTaken(invocation, options.wait, response,
                   absl::StrCat("deleted  ", request.name(), "\n"));
}

// ByName makes the action of an RPC that takes a name and gives an account.
template <typename Request, typename Response>
std::function<ExitCode(const Invocation&, const AccountOptions&)> ByName(
    grpc::Status (Accounts::StubInterface::*method)(grpc::ClientContext*,
                                                    const Request&,
                                                    Response*)) {
  return [method](const Invocation& invocation, const AccountOptions& options) {
    Request request;
    request.set_name(AccountResource(options.account));
    Response response;
    const ExitCode code =
        Server(invocation).Call<Accounts>(method, request, &response);
    if (code != ExitCode::kYes) return code;
    return Show(invocation, response, AccountText(response.account()));
  };
}

ExitCode Disable(const Invocation& invocation, const AccountOptions& options) {
  v1::DisableAccountRequest request;
  request.set_name(AccountResource(options.account));
  ApplyWait(options.wait, &request);
  v1::DisableAccountResponse response;
  const ExitCode code =
      Server(invocation)
          .Call<Accounts>(&Accounts::StubInterface::DisableAccount, request,
                          &response);
  if (code != ExitCode::kYes) return code;
  return ShowTaken(invocation, options.wait, response,
                   AccountText(response.account()));
}

void DefineAccount(CLI::App* command, AccountOptions* options) {
  command->add_option("account", options->account, "Its name, e.g. alice")
      ->required();
}

// Of a command that ends sessions.
void DefineTaking(CLI::App* command, AccountOptions* options) {
  DefineAccount(command, options);
  AddWaitOptions(command, &options->wait);
}

void DefinePassword(CLI::App* command, AccountOptions* options) {
  DefineAccount(command, options);
  AddPasswordOption(command, &options->password);
}

void DefineCreate(CLI::App* command, AccountOptions* options) {
  DefinePassword(command, options);
  command
      ->add_flag("--service", options->service,
                 "Of a service: without a password; see `account secret`, "
                 "`account jwks` and `account certificate`")
      ->excludes("--password-stdin");
  AddList(command, "--role", &options->roles,
          "A role that its sessions carry; may be given many times");
}

void DefineUpdate(CLI::App* command, AccountOptions* options) {
  DefineAccount(command, options);
  CLI::Option_group* roles = command->add_option_group("roles");
  AddList(roles, "--role", &options->roles,
          "A role that it has from now on; may be given many times");
  roles->add_flag("--no-roles", options->no_roles, "It has none from now on");
  roles->require_option(1);
  AddWaitOptions(command, &options->wait);
}

}  // namespace

void AddAccountCommands(CLI::App* app, Invocation* invocation) {
  CLI::App* account = app->add_subcommand(
      "account", "Make, show and change accounts (admin socket)");
  account->require_subcommand(1);
  const auto add = [account, invocation](
                       const std::string& name, const std::string& help,
                       const std::string& examples, auto define, auto run) {
    AddCommand<AccountOptions>(account, invocation, name, help, examples,
                               define, run);
  };
  add("create", "Make an account",
      "example:\n  latchkey --server unix:DIR/admin.sock account create alice "
      "--role admin\n  pass show alice | latchkey account create alice "
      "--password-stdin\n  latchkey account create billing --service",
      DefineCreate, Create);
  add(
      "list", "List the accounts", "example:\n  latchkey account list --json",
      [](CLI::App*, AccountOptions*) {}, List);
  add("show", "Show one account", "example:\n  latchkey account show alice",
      DefineAccount, ByName(&Accounts::StubInterface::GetAccount));
  add("update", "Replace its roles; other roles end its sessions",
      "example:\n  latchkey account update alice --role admin --role billing\n"
      "  latchkey account update alice --no-roles",
      DefineUpdate, Update);
  add("disable", "End its sessions and refuse its logins",
      "example:\n  latchkey account disable alice --wait", DefineTaking,
      Disable);
  add("enable", "Let it log in again; ended sessions stay ended",
      "example:\n  latchkey account enable alice", DefineAccount,
      ByName(&Accounts::StubInterface::EnableAccount));
  add("delete", "Remove it and end its sessions",
      "example:\n  latchkey account delete alice", DefineTaking, Delete);
  add(
      "set-password", "Give it another password and end its sessions",
      "example:\n  latchkey account set-password alice",
      [](CLI::App* command, AccountOptions* options) {
        DefinePassword(command, options);
        AddWaitOptions(command, &options->wait);
      },
      SetPassword);
  AddServiceCommands(account, invocation);
}

}  // namespace latchkey
