#include "tools/latchkey/options.h"

#include <cstdint>
#include <cstdlib>
#include <unistd.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

#include "tools/latchkey/secret_input.h"

namespace latchkey {
namespace {

constexpr char kCredentialVariable[] = "LATCHKEY_CREDENTIAL";
constexpr char kRefreshVariable[] = "LATCHKEY_REFRESH_CREDENTIAL";

// Adds how to go on to a failed prompt.
absl::StatusOr<SecretBytes> Prompt(const std::string& prompt,
                                   const std::string& instead) {
  auto secret = PromptSecret(prompt);
  if (secret.ok()) return secret;
  return absl::Status(
      secret.status().code(),
      absl::StrCat(secret.status().message(), "; say ", instead));
}

void AddSources(CLI::App* command, const std::string& file_option,
                const std::string& variable, SecretSource* source) {
  CLI::Option* from_stdin = command->add_flag(
      "--credential-stdin", source->from_stdin,
      absl::StrCat("Read the credential from standard input; else ", variable,
                   ", else it is asked for"));
  command
      ->add_option(file_option, source->file,
                   "Read it from this file, which nobody else may read")
      ->excludes(from_stdin);
}

absl::StatusOr<SecretBytes> ReadFrom(const SecretSource& source,
                                     const char* variable,
                                     const std::string& prompt) {
  if (source.from_stdin) return ReadSecret(STDIN_FILENO);
  if (!source.file.empty()) return ReadSecretFile(source.file);
  const char* from_environment = std::getenv(variable);
  if (from_environment != nullptr) return SecretBytes(from_environment);
  return Prompt(prompt, "--credential-stdin or name a file");
}

}  // namespace

void AddPasswordOption(CLI::App* command, SecretSource* source) {
  command->add_flag("--password-stdin", source->from_stdin,
                    "Read the password from standard input, to its end, less "
                    "one line end; else it is asked for");
}

void AddServiceProofOptions(CLI::App* command, SecretSource* client_secret,
                            SecretSource* assertion) {
  command
      ->add_flag("--client-secret-stdin", client_secret->from_stdin,
                 "Log in a service by the client secret on standard input")
      ->excludes("--password-stdin");
  command
      ->add_option("--client-secret-file", client_secret->file,
                   "By the client secret in this file, which nobody else may "
                   "read")
      ->excludes("--password-stdin")
      ->excludes("--client-secret-stdin");
  command
      ->add_flag("--assertion-stdin", assertion->from_stdin,
                 "By the signed assertion on standard input")
      ->excludes("--password-stdin")
      ->excludes("--client-secret-stdin")
      ->excludes("--client-secret-file");
}

void AddCredentialOptions(CLI::App* command, SecretSource* source) {
  AddSources(command, "--credential-file", kCredentialVariable, source);
}

void AddRefreshOptions(CLI::App* command, SecretSource* source) {
  AddSources(command, "--refresh-file", kRefreshVariable, source);
}

absl::StatusOr<SecretBytes> ReadPassword(const SecretSource& source,
                                         bool repeat) {
  if (source.from_stdin) return ReadSecret(STDIN_FILENO);
  auto password = Prompt("Password: ", "--password-stdin");
  if (!password.ok() || !repeat) return password;
  const auto again = Prompt("Once more: ", "--password-stdin");
  if (!again.ok()) return again.status();
  if (*again == *password) return password;
  return absl::InvalidArgumentError("the two passwords differ");
}

absl::StatusOr<SecretBytes> ReadClientSecret(const SecretSource& source) {
  if (source.from_stdin) return ReadSecret(STDIN_FILENO);
  return ReadSecretFile(source.file);
}

absl::StatusOr<SecretBytes> ReadCredential(const SecretSource& source) {
  return ReadFrom(source, kCredentialVariable, "Credential: ");
}

absl::StatusOr<SecretBytes> ReadRefreshCredential(const SecretSource& source) {
  return ReadFrom(source, kRefreshVariable, "Refresh credential: ");
}

CLI::Option* AddDuration(CLI::App* command, const std::string& name,
                         absl::Duration* value, const std::string& help) {
  return command
      ->add_option_function<std::string>(
          name,
          [name, value](const std::string& text) {
            // Both ends keep what is handed on within a protobuf Duration.
            if (!absl::ParseDuration(text, value) ||
                *value < absl::Milliseconds(1) ||
                *value > absl::Hours(24 * 366)) {
              throw CLI::ValidationError(
                  name,
                  "must be a length of time like 90s or 2h30m, from 1ms "
                  "to 8784h");
            }
          },
          help)
      ->type_name("DURATION");
}

CLI::Option* AddList(CLI::App* command, const std::string& name,
                     std::vector<std::string>* values,
                     const std::string& help) {
  // One value each, or the command's own argument would be taken for one.
  return command->add_option(name, *values, help)->allow_extra_args(false);
}

google::protobuf::Duration ToProto(absl::Duration duration) {
  const int64_t seconds =
      absl::IDivDuration(duration, absl::Seconds(1), &duration);
  google::protobuf::Duration proto;
  proto.set_seconds(seconds);
  proto.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(duration)));
  return proto;
}

}  // namespace latchkey
