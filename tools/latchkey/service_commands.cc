// What a service account logs in by: `account secret`, `account jwks` and
// `account certificate`.
#include <iostream>
#include <string>
#include <unistd.h>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "latchkey/v1/account.grpc.pb.h"
#include "tools/latchkey/commands.h"
#include "tools/latchkey/options.h"
#include "tools/latchkey/plain_text.h"
#include "tools/latchkey/secret_input.h"
#include "tools/latchkey/server.h"
#include "tools/latchkey/show.h"
#include "tools/latchkey/table.h"
#include "tools/latchkey/wait.h"

namespace latchkey {
namespace {

using Accounts = v1::AccountService;

struct ServiceOptions {
  std::string account;
  std::string secret;
  bool secret_only = false;
  std::string secret_file;
  bool end_sessions = false;
  std::vector<std::string> names;
  bool none = false;
  WaitOptions wait;  // of secret remove
};

// Takes a secret's id, or its whole name.
std::string SecretResource(const ServiceOptions& options) {
  if (absl::StartsWith(options.secret, "accounts/")) return options.secret;
  return absl::StrCat(AccountResource(options.account), "/secrets/",
                      options.secret);
}

ExitCode AddSecret(const Invocation& invocation,
                   const ServiceOptions& options) {
  v1::AddClientSecretRequest request;
  request.set_parent(AccountResource(options.account));
  v1::AddClientSecretResponse response;
  const ExitCode code =
      Server(invocation)
          .Call<Accounts>(&Accounts::StubInterface::AddClientSecret, request,
                          &response);
  if (code != ExitCode::kYes) return code;
  if (!options.secret_file.empty()) {
    const absl::Status kept =
        WriteSecretFile(options.secret_file, response.secret());
    // It cannot be asked for again: what could not be kept is shown below.
    if (kept.ok()) {
      response.clear_secret();
    } else {
      Complain(kept);
    }
  }
  if (options.secret_only) {
    std::cout << PlainText(response.secret()) << "\n";
    return ExitCode::kYes;
  }
  Record record;
  record.Add("client secret", response.secret());
  record.Add("name", response.client_secret().name());
  record.Add("created", TimeText(response.client_secret().create_time()));
  return Show(invocation, response, record.Text());
}

ExitCode ListSecrets(const Invocation& invocation,
                     const ServiceOptions& options) {
  v1::ListClientSecretsRequest request;
  request.set_parent(AccountResource(options.account));
  v1::ListClientSecretsResponse response;
  const ExitCode code =
      Server(invocation)
          .Call<Accounts>(&Accounts::StubInterface::ListClientSecrets, request,
                          &response);
  if (code != ExitCode::kYes) return code;
  Table table({"SECRET", "CREATED"});
  for (const v1::ClientSecret& secret : response.client_secrets()) {
    table.AddRow({secret.name(), TimeText(secret.create_time())});
  }
  return Show(invocation, response, table.Text());
}

ExitCode RemoveSecret(const Invocation& invocation,
                      const ServiceOptions& options) {
  v1::RemoveClientSecretRequest request;
  request.set_name(SecretResource(options));
  request.set_end_sessions(options.end_sessions);
  ApplyWait(options.wait, &request);
  v1::RemoveClientSecretResponse response;
  const ExitCode code =
      Server(invocation)
          .Call<Accounts>(&Accounts::StubInterface::RemoveClientSecret, request,
                          &response);
  if (code != ExitCode::kYes) return code;
  return ShowTaken(invocation, options.wait, response,
                   absl::StrCat("removed  ", request.name(), "\n"));
}

ExitCode SetJwks(const Invocation& invocation, const ServiceOptions& options) {
  v1::SetJwksRequest request;
  request.set_name(AccountResource(options.account));
  if (!options.none) {
    const auto jwks = ReadSecret(STDIN_FILENO);
    if (!jwks.ok()) return Complain(jwks.status());
    // An empty file is a mishap, not a wish.
    if (jwks->empty()) {
      return Complain(absl::InvalidArgumentError(
          "standard input is empty; say --none to take the keys away"));
    }
    request.set_jwks(std::string(jwks->Reveal()));
  }
  v1::SetJwksResponse response;
  const ExitCode code = Server(invocation)
                            .Call<Accounts>(&Accounts::StubInterface::SetJwks,
                                            request, &response);
  if (code != ExitCode::kYes) return code;
  return Show(invocation, response, AccountText(response.account()));
}

ExitCode SetCertificates(const Invocation& invocation,
                         const ServiceOptions& options) {
  v1::SetCertificateNamesRequest request;
  request.set_name(AccountResource(options.account));
  request.mutable_certificate_names()->Assign(options.names.begin(),
                                              options.names.end());
  v1::SetCertificateNamesResponse response;
  const ExitCode code =
      Server(invocation)
          .Call<Accounts>(&Accounts::StubInterface::SetCertificateNames,
                          request, &response);
  if (code != ExitCode::kYes) return code;
  return Show(invocation, response, AccountText(response.account()));
}

void DefineAccount(CLI::App* command, ServiceOptions* options) {
  command->add_option("account", options->account, "Its name, e.g. billing")
      ->required();
}

void DefineAddSecret(CLI::App* command, ServiceOptions* options) {
  DefineAccount(command, options);
  command->add_flag("--secret-only", options->secret_only,
                    "Print the secret and nothing else");
  command->add_option("--secret-file", options->secret_file,
                      "Keep the secret in this file (mode 0600) instead of "
                      "printing it");
}

void DefineRemoveSecret(CLI::App* command, ServiceOptions* options) {
  DefineAccount(command, options);
  command
      ->add_option("secret", options->secret,
                   "Which, as `account secret list` names it, or its id")
      ->required();
  command->add_flag("--end-sessions", options->end_sessions,
                    "End all sessions of the account as well");
  AddWaitOptions(command, &options->wait);
}

void DefineSetJwks(CLI::App* command, ServiceOptions* options) {
  DefineAccount(command, options);
  command->add_flag("--none", options->none,
                    "It has no keys from now on; reads nothing");
}

void DefineSetCertificates(CLI::App* command, ServiceOptions* options) {
  DefineAccount(command, options);
  CLI::Option_group* names = command->add_option_group("names");
  AddList(names, "--name", &options->names,
          "uri:URI or dns:HOST of its certificates; may be given many times");
  names->add_flag("--none", options->none, "It has none from now on");
  names->require_option(1);
}

// AddFamily adds a command that only has commands below it.
CLI::App* AddFamily(CLI::App* parent, const std::string& name,
                    const std::string& help) {
  CLI::App* family = parent->add_subcommand(name, help);
  family->require_subcommand(1);
  return family;
}

}  // namespace

void AddServiceCommands(CLI::App* account, Invocation* invocation) {
  CLI::App* secret = AddFamily(
      account, "secret", "Client secrets of a service account, two at most");
  AddCommand<ServiceOptions>(
      secret, invocation, "add", "Make one more; it is shown this once",
      "example:\n  latchkey account secret add billing --secret-file secret",
      DefineAddSecret, AddSecret);
  AddCommand<ServiceOptions>(secret, invocation, "list",
                             "List them, without the secrets",
                             "example:\n  latchkey account secret list billing",
                             DefineAccount, ListSecrets);
  AddCommand<ServiceOptions>(
      secret, invocation, "remove", "Refuse one from now on",
      "example:\n  latchkey account secret remove billing 0123456789abcdef",
      DefineRemoveSecret, RemoveSecret);
  CLI::App* jwks = AddFamily(
      account, "jwks", "Keys by which a service account signs assertions");
  AddCommand<ServiceOptions>(
      jwks, invocation, "set", "Replace them by the JWK set on standard input",
      "example:\n  latchkey account jwks set billing < jwks.json",
      DefineSetJwks, SetJwks);
  CLI::App* certificate =
      AddFamily(account, "certificate",
                "Client certificates by which a service account logs in");
  AddCommand<ServiceOptions>(
      certificate, invocation, "set", "Replace the names that it goes by",
      "example:\n  latchkey account certificate set billing "
      "--name uri:spiffe://example.org/billing",
      DefineSetCertificates, SetCertificates);
}

}  // namespace latchkey
