#ifndef LATCHKEY_CLIENT_AGENT_SETTINGS_H_
#define LATCHKEY_CLIENT_AGENT_SETTINGS_H_

#include <string>
#include <sys/types.h>
#include <variant>
#include <vector>

#include "absl/time/time.h"

#include "client/base/secret_bytes.h"
#include "client/channel.h"
#include "client/follow/verifier_options.h"

namespace latchkey {

// AgentSettings is everything that can be set about latchkey-agent, with its
// defaults. Flags win over LATCHKEY_AGENT_* environment variables.
struct AgentSettings {
  std::string listen;  // unix:PATH; without XDG_RUNTIME_DIR it must be said
  mode_t socket_mode = 0600;
  // To the socket: so many have room at a time; those beyond, or beyond 64
  // more, are closed at once.
  int max_connections = 512;

  ChannelOptions channel;  // to the server
  // The service account that asks; empty: none, the server knows the
  // certificate, or is open to all.
  std::string client_id;
  std::string client_secret_file;  // empty: client_secret
  SecretBytes client_secret;       // of the environment alone

  VerifierOptions verifier;  // issuer, default_audience, clock_skew
  // For an answer of the server's, all tries included.
  absl::Duration ask_timeout = absl::Seconds(5);

  // socket_path returns `listen` without its unix:.
  std::string socket_path() const;
};

// What to print instead of serving, and the exit status that goes with it.
struct AgentInstead {
  std::string text;
  int exit_status = 0;
};

// ReadAgentSettings reads the command line and the environment (`NAME=value`,
// of which LATCHKEY_AGENT_* counts, and XDG_RUNTIME_DIR). Unknown settings are
// refused by name. Answers with an AgentInstead for --help and --version and
// for what is wrong (status 2, one line). No file is looked at.
std::variant<AgentSettings, AgentInstead> ReadAgentSettings(
    const std::vector<std::string>& arguments,
    const std::vector<std::string>& environment);

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_AGENT_SETTINGS_H_
