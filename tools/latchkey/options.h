#ifndef LATCHKEY_TOOLS_LATCHKEY_OPTIONS_H_
#define LATCHKEY_TOOLS_LATCHKEY_OPTIONS_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "CLI/App.hpp"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"

#include "client/base/secret_bytes.h"
#include "tools/latchkey/invocation.h"

namespace latchkey {

// SecretSource says where a secret comes from; it is never an argument, since
// any user of the machine can list those.
struct SecretSource {
  bool from_stdin = false;
  std::string file;
};

// AddPasswordOption adds --password-stdin.
void AddPasswordOption(CLI::App* command, SecretSource* source);

// AddServiceProofOptions adds --client-secret-stdin, --client-secret-file and
// --assertion-stdin, which exclude each other and --password-stdin.
void AddServiceProofOptions(CLI::App* command, SecretSource* client_secret,
                            SecretSource* assertion);

// AddCredentialOptions adds --credential-stdin and --credential-file.
void AddCredentialOptions(CLI::App* command, SecretSource* source);

// AddRefreshOptions adds --credential-stdin and --refresh-file.
void AddRefreshOptions(CLI::App* command, SecretSource* source);

// ReadPassword reads from standard input if told to, else asks, twice if
// `repeat`. kInvalidArgument if the two differ; else as ReadSecret.
absl::StatusOr<SecretBytes> ReadPassword(const SecretSource& source,
                                         bool repeat);

// ReadClientSecret reads from where `source` says.
absl::StatusOr<SecretBytes> ReadClientSecret(const SecretSource& source);

// ReadCredential and ReadRefreshCredential read from where `source` says, else
// LATCHKEY_CREDENTIAL or LATCHKEY_REFRESH_CREDENTIAL, else they ask.
absl::StatusOr<SecretBytes> ReadCredential(const SecretSource& source);
absl::StatusOr<SecretBytes> ReadRefreshCredential(const SecretSource& source);

// AddDuration adds an option that takes "90s", "2h30m"; zero and less are
// refused as usage.
CLI::Option* AddDuration(CLI::App* command, const std::string& name,
                         absl::Duration* value, const std::string& help);

// AddList adds an option that may be given many times, one value each.
CLI::Option* AddList(CLI::App* command, const std::string& name,
                     std::vector<std::string>* values, const std::string& help);

google::protobuf::Duration ToProto(absl::Duration duration);

// AddCommand adds a command with options of its own of type Options, which
// `define` declares, and `run` gets when the command was chosen.
template <typename Options>
void AddCommand(
    CLI::App* parent, Invocation* invocation, const std::string& name,
    const std::string& help, const std::string& examples,
    std::function<void(CLI::App*, Options*)> define,
    std::function<ExitCode(const Invocation&, const Options&)> run) {
  CLI::App* command = parent->add_subcommand(name, help);
  command->footer(examples);
  auto options = std::make_shared<Options>();
  define(command, options.get());
  command->callback([invocation, options, run = std::move(run)] {
    invocation->action = [invocation, options, run] {
      return run(*invocation, *options);
    };
  });
}

}  // namespace latchkey

#endif  // LATCHKEY_TOOLS_LATCHKEY_OPTIONS_H_
