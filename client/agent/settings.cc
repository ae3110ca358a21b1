#include "client/agent/settings.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

#include "client/agent/agent_socket.h"
#include "client/verify/token_limits.h"

namespace latchkey {
namespace {

constexpr int kUsageError = 2;
constexpr absl::string_view kPrefix = "LATCHKEY_AGENT_";
constexpr absl::string_view kSecretVariable = "CLIENT_SECRET";
constexpr absl::string_view kUnix = "unix:";
constexpr int kMostConnections = 50'000;

constexpr char kDescription[] =
    "latchkey-agent: AuthService.Validate on a Unix socket, answered here.\n\n"
    "It follows the server's stream of revocations under a lease, so that a\n"
    "service in any language checks credentials at local speed with plain\n"
    "generated stubs, and what was logged out is refused at once. What it\n"
    "cannot tell it asks the server.\n\n"
    "Settings: flags win over environment variables (--server is\n"
    "LATCHKEY_AGENT_SERVER). Durations are 500ms, 30s. Signals: TERM and INT\n"
    "stop it, a second one at once.\n";

constexpr char kFooter[] =
    "exit codes:\n"
    "  0  stopped by a signal\n"
    "  2  usage: the command line or a value in it is malformed\n"
    "  3  it cannot start\n\n"
    "example:\n"
    "  latchkey-agent --server auth.example:7870 --tls_ca ca.pem \\\n"
    "    --client_id shop --client_secret_file secret \\\n"
    "    --issuer https://login.example --listen unix:/run/shop/latchkey.sock";

CLI::Option* Add(CLI::App* app, const std::string& name, std::string* value,
                 const std::string& help) {
  return app->add_option(name, *value, help)
      ->capture_default_str()
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

struct DurationSetting {
  absl::Duration* value;
  absl::Duration least;
  absl::Duration most;
};

void AddDuration(CLI::App* app, const std::string& name, DurationSetting to,
                 const std::string& help) {
  app->add_option_function<std::string>(
         name,
         [name, to](const std::string& text) {
           absl::Duration read;
           if (!absl::ParseDuration(text, &read) || read < to.least ||
               read > to.most) {
             throw CLI::ValidationError(
                 name, absl::StrCat("must be a duration from ",
                                    absl::FormatDuration(to.least), " to ",
                                    absl::FormatDuration(to.most)));
           }
           *to.value = read;
         },
         help)
      ->type_name("DURATION")
      ->default_str(absl::FormatDuration(*to.value))
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

// Three octal digits and a leading zero or not, for reading and writing alone:
// who may connect must be able to write.
void AddMode(CLI::App* app, mode_t* mode) {
  app->add_option_function<std::string>(
         "--socket_mode",
         [mode](const std::string& text) {
           absl::string_view digits = text;
           absl::ConsumePrefix(&digits, "0");
           mode_t read = 0;
           bool good = digits.size() == 3 && digits.front() == '6';
           for (const char c : digits) {
             good = good && (c == '0' || c == '6');
             read = read * 8 + static_cast<mode_t>(c - '0');
           }
           if (!good) {
             throw CLI::ValidationError("--socket_mode",
                                        "must be 0600, 0660 or 0666");
           }
           *mode = read;
         },
         "Who may connect, and so ask about any credential they have: 0600, "
         "0660 or 0666")
      ->type_name("MODE")
      ->default_str("0600")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

void AddMaxConnections(CLI::App* app, int* most) {
  app->add_option("--max_connections", *most,
                  "Connections to the socket that have room at a time; those "
                  "beyond, or beyond 64 more, are closed at once")
      ->check(CLI::Range(1, kMostConnections))
      ->capture_default_str()
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

void AddServer(CLI::App* app, AgentSettings* settings) {
  ChannelOptions& channel = settings->channel;
  Add(app, "--server", &channel.target, "HOST:PORT or unix:PATH of latchkeyd");
  Add(app, "--tls_ca", &channel.ca_file,
      "Speak TLS, and believe servers by these CAs, PEM");
  Add(app, "--tls_certificate", &channel.certificate_file,
      "Certificate to show to the server, PEM, with its chain");
  Add(app, "--tls_key", &channel.key_file,
      "Its private key, PEM, which nobody else may read");
  Add(app, "--tls_server_name", &channel.server_name,
      "Name that the server's certificate must have, if it is not the host of "
      "--server");
  app->add_flag("--insecure", channel.insecure,
                "Send credentials in clear to another machine")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  Add(app, "--client_id", &settings->client_id,
      "Service account to ask as, with the permission validator; over TLS only "
      "(default: none)");
  Add(app, "--client_secret_file", &settings->client_secret_file,
      "Its secret, in a file that nobody else may read; else "
      "LATCHKEY_AGENT_CLIENT_SECRET");
  AddDuration(
      app, "--ask_timeout",
      {&settings->ask_timeout, absl::Milliseconds(1), absl::Seconds(10)},
      "How long to wait for the server, if the caller does not wait less; as "
      "long it takes to stop");
}

void AddJudging(CLI::App* app, VerifierOptions* verifier) {
  Add(app, "--issuer", &verifier->issuer,
      "iss of the server's JWTs: its --issuer (latchkey info tells it)")
      ->required();
  Add(app, "--default_audience", &verifier->default_audience,
      "The server's --default_audience (default: the issuer)");
  AddDuration(app, "--clock_skew",
              {&verifier->clock_skew, absl::ZeroDuration(), kMaxClockSkew},
              "Added to the life of JWTs, where this machine's clock is ahead "
              "of the server's");
}

AgentInstead UsageError(absl::string_view problem) {
  std::string line(problem);
  std::replace(line.begin(), line.end(), '\n', ' ');
  return {absl::StrCat("latchkey-agent: ", line), kUsageError};
}

// Puts what the environment says before the arguments, so that they win.
std::optional<std::string> AddEnvironment(
    const CLI::App& app, const std::vector<std::string>& environment,
    AgentSettings* settings, std::vector<std::string>* arguments) {
  for (const std::string& entry : environment) {
    absl::string_view rest = entry;
    if (absl::ConsumePrefix(&rest, "XDG_RUNTIME_DIR=/")) {
      settings->listen = absl::StrCat(kUnix, "/", rest, "/latchkey-agent.sock");
      continue;
    }
    if (!absl::ConsumePrefix(&rest, kPrefix)) continue;
    const size_t equals = rest.find('=');
    const absl::string_view name = rest.substr(0, equals);
    const absl::string_view value =
        equals == absl::string_view::npos ? "" : rest.substr(equals + 1);
    if (name == kSecretVariable) {
      settings->client_secret = SecretBytes(value);
      continue;
    }
    const std::string flag = absl::StrCat("--", absl::AsciiStrToLower(name));
    if (app.get_option_no_throw(flag) == nullptr || flag == "--help" ||
        flag == "--version") {
      return absl::StrCat("environment variable ", kPrefix, name,
                          " is not a setting");
    }
    if (!value.empty()) arguments->push_back(absl::StrCat(flag, "=", value));
  }
  return std::nullopt;
}

// What is wrong between settings; empty: nothing.
std::string CheckTogether(const AgentSettings& settings) {
  absl::string_view path = settings.listen;
  if (path.empty()) {
    return "--listen: is required where XDG_RUNTIME_DIR is not set";
  }
  if (!absl::ConsumePrefix(&path, kUnix) || path.empty() ||
      path.front() != '/' || path.size() > AgentSocket::kMaxPathBytes) {
    return "--listen: must be unix:/PATH, of at most 107 bytes";
  }
  const bool has_secret =
      !settings.client_secret_file.empty() || !settings.client_secret.empty();
  if (settings.client_id.empty() != !has_secret) {
    return "--client_id, --client_secret_file (or "
           "LATCHKEY_AGENT_CLIENT_SECRET): one goes only with the other";
  }
  if (has_secret && settings.channel.ca_file.empty()) {
    return "--client_id: goes over TLS only; name a --tls_ca";
  }
  return "";
}

}  // namespace

std::string AgentSettings::socket_path() const {
  return std::string(absl::StripPrefix(listen, kUnix));
}

std::variant<AgentSettings, AgentInstead> ReadAgentSettings(
    const std::vector<std::string>& arguments,
    const std::vector<std::string>& environment) {
  AgentSettings settings;
  CLI::App app(kDescription, "latchkey-agent");
  app.set_version_flag("--version", "latchkey-agent " LATCHKEY_VERSION);
  app.footer(kFooter);
  Add(&app, "--listen", &settings.listen,
      "unix:PATH to serve (default: "
      "unix:$XDG_RUNTIME_DIR/latchkey-agent.sock)");
  AddMode(&app, &settings.socket_mode);
  AddMaxConnections(&app, &settings.max_connections);
  AddServer(&app, &settings);
  AddJudging(&app, &settings.verifier);

  std::vector<std::string> all;
  if (const auto problem = AddEnvironment(app, environment, &settings, &all)) {
    return UsageError(*problem);
  }
  all.insert(all.end(), arguments.begin(), arguments.end());
  std::reverse(all.begin(), all.end());  // as CLI11 takes a vector
  try {
    app.parse(all);
  } catch (const CLI::CallForHelp&) {
    return AgentInstead{app.help(), 0};
  } catch (const CLI::CallForVersion& version) {
    return AgentInstead{version.what(), 0};
  } catch (const CLI::Error& error) {
    return UsageError(error.what());
  }
  const std::string problem = CheckTogether(settings);
  if (!problem.empty()) return UsageError(problem);
  return settings;
}

}  // namespace latchkey
