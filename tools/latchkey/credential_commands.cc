#include <iostream>
#include <string>
#include <unistd.h>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

#include "latchkey/v1/auth.grpc.pb.h"
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

using Auth = v1::AuthService;

struct LoginOptions {
  std::string account;
  SecretSource password;
  SecretSource client_secret;
  SecretSource assertion;
  bool certificate = false;
  bool jwt = false;
  std::vector<std::string> audiences;
  absl::Duration ttl = absl::ZeroDuration();  // zero: the server's default
  std::string device;
  bool credential_only = false;
  std::string credential_file;
  std::string refresh_file;
};

struct ValidateOptions {
  SecretSource credential;
  std::string audience;
  absl::Duration max_auth_age = absl::ZeroDuration();  // zero: any
  std::string at_least_as_fresh;                       // empty: as it is
  bool passive = false;
};

struct RefreshOptions {
  SecretSource refresh;
  bool credential_only = false;
  std::string credential_file;
};

struct LogoutOptions {
  SecretSource credential;
  std::string session;
  std::string scope = "this";
  WaitOptions wait;
};

// Moves a secret of a response into a file, if one is named, so that it is
// printed nowhere.
absl::Status MoveToFile(std::string* secret, const std::string& file) {
  if (file.empty() || secret->empty()) return absl::OkStatus();
  const absl::Status written = WriteSecretFile(file, *secret);
  if (written.ok()) secret->clear();
  return written;
}

// Keeps and shows what Login and Refresh answer.
template <typename Response>
ExitCode ShowIssued(const Invocation& invocation,
                    const std::string& credential_file,
                    const std::string& refresh_file, bool credential_only,
                    Response* response) {
  for (const absl::Status& kept :
       {MoveToFile(response->mutable_refresh_credential(), refresh_file),
        MoveToFile(response->mutable_credential(), credential_file)}) {
    // The session is open: what could not be kept is shown below.
    if (!kept.ok()) Complain(kept);
  }
  if (credential_only) {
    std::cout << PlainText(response->credential()) << "\n";
    return ExitCode::kYes;
  }
  Record record;
  record.Add("credential", response->credential());
  record.Add("refresh credential", response->refresh_credential());
  record.Add("credential ends", TimeText(response->expire_time()));
  AddSession(response->session(), &record);
  return Show(invocation, *response, record.Text());
}

// Puts in what is shown: a password, unless another proof was asked for.
absl::Status AddProof(const LoginOptions& options, v1::LoginRequest* request) {
  if (options.certificate) {
    request->mutable_client_certificate();
    return absl::OkStatus();
  }
  const bool by_secret =
      options.client_secret.from_stdin || !options.client_secret.file.empty();
  const auto secret = by_secret ? ReadClientSecret(options.client_secret)
                      : options.assertion.from_stdin
                          ? ReadSecret(STDIN_FILENO)
                          : ReadPassword(options.password, /*repeat=*/false);
  if (!secret.ok()) return secret.status();
  const std::string shown(secret->Reveal());
  if (by_secret) {
    request->set_client_secret(shown);
  } else if (options.assertion.from_stdin) {
    request->set_client_assertion(shown);
  } else {
    request->set_password(shown);
  }
  return absl::OkStatus();
}

ExitCode Login(const Invocation& invocation, const LoginOptions& options) {
  v1::LoginRequest request;
  request.set_account(options.account);
  const absl::Status proof = AddProof(options, &request);
  if (!proof.ok()) return Complain(proof);
  request.set_credential_format(options.jwt ? v1::CREDENTIAL_FORMAT_JWT
                                            : v1::CREDENTIAL_FORMAT_OPAQUE);
  request.mutable_audiences()->Assign(options.audiences.begin(),
                                      options.audiences.end());
  if (options.ttl > absl::ZeroDuration()) {
    *request.mutable_requested_ttl() = ToProto(options.ttl);
  }
  request.mutable_client()->set_user_agent("latchkey/" LATCHKEY_VERSION);
  request.mutable_client()->set_device_label(options.device);
  v1::LoginResponse response;
  const ExitCode code =
      Server(invocation)
          .Call<Auth>(&Auth::StubInterface::Login, request, &response);
  if (code != ExitCode::kYes) return code;
  return ShowIssued(invocation, options.credential_file, options.refresh_file,
                    options.credential_only, &response);
}

// "inactive", and why, if the server tells this caller: "inactive: expired".
std::string InactiveText(v1::InactiveReason reason) {
  if (reason == v1::INACTIVE_REASON_UNSPECIFIED) return "inactive\n";
  // Empty for what a later server may say.
  const std::string& name = v1::InactiveReason_Name(reason);
  absl::string_view words = name;
  if (!absl::ConsumePrefix(&words, "INACTIVE_REASON_")) return "inactive\n";
  return absl::StrCat(
      "inactive: ",
      absl::StrReplaceAll(absl::AsciiStrToLower(words), {{"_", " "}}), "\n");
}

ExitCode Validate(const Invocation& invocation,
                  const ValidateOptions& options) {
  const auto credential = ReadCredential(options.credential);
  if (!credential.ok()) return Complain(credential.status());
  v1::ValidateRequest request;
  request.set_credential(std::string(credential->Reveal()));
  request.set_audience(options.audience);
  if (options.max_auth_age > absl::ZeroDuration()) {
    *request.mutable_max_auth_age() = ToProto(options.max_auth_age);
  }
  if (!options.at_least_as_fresh.empty()) {
    request.mutable_at_least_as_fresh()->set_token(options.at_least_as_fresh);
  }
  request.set_passive(options.passive);
  v1::ValidateResponse response;
  const ExitCode code =
      Server(invocation)
          .Call<Auth>(&Auth::StubInterface::Validate, request, &response);
  if (code != ExitCode::kYes) return code;
  if (!response.active()) {
    const ExitCode shown =
        Show(invocation, response, InactiveText(response.inactive_reason()));
    return shown == ExitCode::kYes ? ExitCode::kNo : shown;
  }
  Record record;
  record.Add("active until", TimeText(response.expire_time()));
  AddSession(response.session(), &record);
  return Show(invocation, response, record.Text());
}

ExitCode Refresh(const Invocation& invocation, const RefreshOptions& options) {
  const auto credential = ReadRefreshCredential(options.refresh);
  if (!credential.ok()) return Complain(credential.status());
  v1::RefreshRequest request;
  request.set_refresh_credential(std::string(credential->Reveal()));
  v1::RefreshResponse response;
  const ExitCode code =
      Server(invocation)
          .Call<Auth>(&Auth::StubInterface::Refresh, request, &response);
  if (code != ExitCode::kYes) return code;
  return ShowIssued(invocation, options.credential_file, options.refresh.file,
                    options.credential_only, &response);
}

v1::LogoutScope ScopeOf(const std::string& name) {
  if (name == "others") return v1::LOGOUT_SCOPE_OTHER_SESSIONS;
  if (name == "all") return v1::LOGOUT_SCOPE_ALL_SESSIONS;
  return v1::LOGOUT_SCOPE_THIS_SESSION;
}

ExitCode Logout(const Invocation& invocation, const LogoutOptions& options) {
  v1::LogoutRequest request;
  if (!options.session.empty()) {
    request.set_session(options.session);
  } else {
    const auto credential = ReadCredential(options.credential);
    if (!credential.ok()) return Complain(credential.status());
    request.set_credential(std::string(credential->Reveal()));
  }
  request.set_scope(ScopeOf(options.scope));
  ApplyWait(options.wait, &request);
  v1::LogoutResponse response;
  const ExitCode code =
      Server(invocation)
          .Call<Auth>(&Auth::StubInterface::Logout, request, &response);
  if (code != ExitCode::kYes) return code;
  return ShowTaken(invocation, options.wait, response,
                   absl::StrCat("ended  ", response.ended_count(), "\n"));
}

void DefineLogin(CLI::App* command, LoginOptions* options) {
  command->add_option("account", options->account, "Its name, e.g. alice")
      ->required();
  AddPasswordOption(command, &options->password);
  AddServiceProofOptions(command, &options->client_secret, &options->assertion);
  command
      ->add_flag("--certificate", options->certificate,
                 "Log in a service by the client certificate of the connection")
      ->excludes("--password-stdin")
      ->excludes("--client-secret-stdin")
      ->excludes("--client-secret-file")
      ->excludes("--assertion-stdin");
  command->add_flag("--jwt", options->jwt,
                    "Get a JWT with a refresh credential, not an opaque ID");
  AddList(command, "--audience", &options->audiences,
          "Who may accept the session; may be given many times");
  AddDuration(command, "--ttl", &options->ttl,
              "Wanted life of the session; the server may cut it down");
  command->add_option("--device", options->device,
                      "What this device is called, for the list of sessions");
  command->add_flag("--credential-only", options->credential_only,
                    "Print the credential and nothing else");
  command->add_option("--credential-file", options->credential_file,
                      "Keep the credential in this file (mode 0600) instead "
                      "of printing it");
  command->add_option("--refresh-file", options->refresh_file,
                      "With --jwt: keep the refresh credential in this file");
}

void DefineValidate(CLI::App* command, ValidateOptions* options) {
  AddCredentialOptions(command, &options->credential);
  command->add_option("--audience", options->audience, "Who asks");
  AddDuration(command, "--max-auth-age", &options->max_auth_age,
              "Not active if the last proof is older");
  command->add_option("--at-least-as-fresh", options->at_least_as_fresh,
                      "The revision of an earlier answer, which this one must "
                      "know of");
  command->add_flag("--passive", options->passive,
                    "Do not count this as activity of the holder");
}

void DefineRefresh(CLI::App* command, RefreshOptions* options) {
  AddRefreshOptions(command, &options->refresh);
  command->add_flag("--credential-only", options->credential_only,
                    "Print the new JWT and nothing else");
  command->add_option("--credential-file", options->credential_file,
                      "Keep the new JWT in this file instead of printing it");
}

void DefineLogout(CLI::App* command, LogoutOptions* options) {
  AddCredentialOptions(command, &options->credential);
  command
      ->add_option("--session", options->session,
                   "End this session, accounts/NAME/sessions/ID, instead "
                   "(admin socket)")
      ->excludes("--credential-stdin")
      ->excludes("--credential-file");
  command
      ->add_option("--scope", options->scope,
                   "Which sessions of the account end")
      ->check(CLI::IsMember({"this", "others", "all"}))
      ->capture_default_str();
  AddWaitOptions(command, &options->wait);
}

}  // namespace

void AddCredentialCommands(CLI::App* app, Invocation* invocation) {
  AddCommand<LoginOptions>(
      app, invocation, "login", "Open a session and get its credential",
      "example:\n  latchkey login alice\n"
      "  latchkey login alice --password-stdin --credential-only\n"
      "  latchkey login billing --client-secret-file secret\n"
      "  latchkey login alice --jwt --credential-file jwt --refresh-file "
      "refresh",
      DefineLogin, Login);
  AddCommand<ValidateOptions>(
      app, invocation, "validate",
      "Tell whether a credential is good: exit 0 if so, 1 if not",
      "example:\n  latchkey validate --credential-file cred\n"
      "  latchkey validate --credential-stdin --audience billing < cred",
      DefineValidate, Validate);
  AddCommand<RefreshOptions>(
      app, invocation, "refresh",
      "Get a new JWT of the same session by its refresh credential",
      "example:\n  latchkey refresh --refresh-file refresh "
      "--credential-file jwt\nThe file of the refresh credential is replaced "
      "by the one that is answered.",
      DefineRefresh, Refresh);
  AddCommand<LogoutOptions>(
      app, invocation, "logout", "End sessions; twice does no harm",
      "example:\n  latchkey logout --credential-file cred\n"
      "  latchkey logout --credential-file cred --scope others",
      DefineLogout, Logout);
}

}  // namespace latchkey
