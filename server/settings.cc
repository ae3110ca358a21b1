#include "server/settings.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <thread>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"

#include "client/base/utf8.h"
#include "client/verify/revocation_message.h"

namespace latchkey {
namespace {

constexpr char kEnvironmentPrefix[] = "LATCHKEY_";
// latchkey-agent's, which share the prefix too.
constexpr char kAgentPrefix[] = "LATCHKEY_AGENT_";
constexpr char kGrantFlag[] = "--grant";
constexpr int kUsageError = 2;
// What verifiers take as `iss` and `aud`.
constexpr size_t kMaxClaimBytes = 256;
// Keys stay in the set for a day after they signed, and the set holds 32.
constexpr absl::Duration kLeastSigningLife = absl::Hours(1);
// The command line client's own variables share the prefix; a server started
// from the same shell must not refuse them.
constexpr absl::string_view kClientVariables[] = {
    "LATCHKEY_SERVER",
    "LATCHKEY_CREDENTIAL",
    "LATCHKEY_CLI_TLS_CA",
    "LATCHKEY_REFRESH_CREDENTIAL",
    "LATCHKEY_CLI_TLS_KEY",
    "LATCHKEY_CLI_TLS_CERTIFICATE",
    "LATCHKEY_CLI_TLS_SERVER_NAME"};

constexpr char kDescription[] =
    "latchkeyd: gRPC logins, with sessions in RocksDB.\n\n"
    "Settings: flags win over environment variables (--data_dir is\n"
    "LATCHKEY_DATA_DIR), those over the file of --config (data_dir = "
    "\"...\").\n"
    "Durations are 500ms, 30s, 15m, 12h; sizes 512MiB, 6GiB. Signals: TERM\n"
    "drains and stops, a second one stops at once; HUP reopens the log "
    "files.\n";

// A setting that is a duration, and its bounds.
struct DurationSetting {
  absl::Duration* value;
  absl::Duration least;
  absl::Duration most;
};

std::string CheckDuration(const std::string& text, const DurationSetting& to) {
  absl::Duration duration;
  if (!absl::ParseDuration(text, &duration)) {
    return "is not a duration (500ms, 30s, 15m, 12h)";
  }
  if (duration < to.least || duration > to.most) {
    return absl::StrCat("must be ", absl::FormatDuration(to.least), " to ",
                        absl::FormatDuration(to.most));
  }
  *to.value = duration;
  return "";
}

void AddDuration(CLI::App* app, const std::string& name, DurationSetting to,
                 const std::string& description) {
  app->add_option_function<std::string>(
         name,
         [name, to](const std::string& text) {
           const std::string problem = CheckDuration(text, to);
           if (!problem.empty()) throw CLI::ValidationError(name, problem);
         },
         description)
      ->type_name("DURATION")
      ->default_str(absl::FormatDuration(*to.value))
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

// The least that the caches do their work in, and more than machines have.
constexpr uint64_t kLeastMemoryBudget = uint64_t{64} << 20;
constexpr uint64_t kMostMemoryBudget = uint64_t{1} << 40;

// Reads a number of bytes: 536870912, 512MiB, 6GiB, 1TiB. Not MB: whoever
// writes it may mean either.
std::optional<uint64_t> ParseSize(absl::string_view text) {
  int shift = 0;
  if (absl::ConsumeSuffix(&text, "MiB")) {
    shift = 20;
  } else if (absl::ConsumeSuffix(&text, "GiB")) {
    shift = 30;
  } else if (absl::ConsumeSuffix(&text, "TiB")) {
    shift = 40;
  }
  uint64_t number = 0;
  const bool digits =
      !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return absl::ascii_isdigit(static_cast<unsigned char>(c));
      });
  if (!digits || !absl::SimpleAtoi(text, &number) ||
      number > std::numeric_limits<uint64_t>::max() >> shift) {
    return std::nullopt;
  }
  return number << shift;
}

void AddMemoryBudget(CLI::App* app, uint64_t* budget) {
  const char* const name = "--memory_budget";
  app->add_option_function<std::string>(
         name,
         [name, budget](const std::string& text) {
           const std::optional<uint64_t> size = ParseSize(text);
           if (!size.has_value()) {
             throw CLI::ValidationError(
                 name, "is not a size (512MiB, 6GiB, or a number of bytes)");
           }
           if (*size < kLeastMemoryBudget || *size > kMostMemoryBudget) {
             throw CLI::ValidationError(name, "must be 64MiB to 1TiB");
           }
           *budget = *size;
         },
         "Memory of all caches and write buffers together. Outside it: "
         "connections and calls under way, hashes (--hash_threads times "
         "--hash_memory_kib), 19 MiB of the login guard, threads and code")
      ->type_name("SIZE")
      ->default_str("1GiB")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

template <typename T>
CLI::Option* Add(CLI::App* app, const std::string& name, T* value,
                 const std::string& description) {
  return app->add_option(name, *value, description)
      ->capture_default_str()
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

void AddServing(CLI::App* app, Settings* settings, std::string* log_level) {
  Add(app, "--data_dir", &settings->data_dir,
      "Directory of the database and the admin socket; made if absent")
      ->required();
  Add(app, "--listen", &settings->listen, "host:port to serve; port 0: any");
  app->add_flag("--insecure", settings->insecure,
                "Serve plaintext, and metrics, on an address that is not "
                "loopback")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  Add(app, "--reflection", &settings->reflection,
      "Serve gRPC reflection: true or false")
      ->default_str("true");
  app->add_flag("--benchmark", settings->benchmark,
                "Serve an empty RPC too, for latchkey-bench to compare with")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  Add(app, "--metrics_listen", &settings->metrics_listen,
      "host:port to serve Prometheus metrics on (GET /metrics, /healthz); port "
      "0: any (default: not served)");
  AddDuration(app, "--drain_timeout",
              {&settings->drain_timeout, absl::ZeroDuration(), absl::Hours(1)},
              "How long TERM waits for calls under way, at most");
  Add(app, "--log_level", log_level, "debug, info, warning or error")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
  Add(app, "--log_file", &settings->log_file,
      "Log to this file instead of standard error");
  Add(app, "--audit_log", &settings->audit_log,
      "Write security events to this file, a JSON line each; -: standard "
      "error. Without a line no login (default: none)");
  Add(app, "--audit_sync", &settings->audit_sync,
      "Sync the audit log before answering, so that its lines survive a loss "
      "of power: true or false")
      ->default_str("false");
}

void AddTls(CLI::App* app, Settings* settings, std::string* client) {
  Add(app, "--tls_certificate", &settings->tls.chain,
      "Serve TLS 1.3 with this chain, PEM, the server's certificate first; "
      "read anew when it changes");
  Add(app, "--tls_key", &settings->tls.key, "Its private key, PEM, 0600");
  Add(app, "--tls_client_ca", &settings->tls.client_ca,
      "Take certificates of clients by these CAs, PEM");
  Add(app, "--client_certificate", client,
      "none, optional or required of a client (default: optional once there "
      "is --tls_client_ca, else none)")
      ->check(CLI::IsMember({"none", "optional", "required"}));
}

void AddConnections(CLI::App* app, Settings* settings) {
  TransportLimits& limits = settings->transport;
  Add(app, "--max_connections", &settings->max_connections,
      "Network connections open at a time; more are closed at once. 0: as many "
      "as descriptors allow, at most 10000")
      ->check(CLI::Range(0, 1000000));
  Add(app, "--max_connections_per_source",
      &settings->max_connections_per_source,
      "The same for one IPv4 address or IPv6 /64; loopback excepted")
      ->check(CLI::Range(1, 1000000));
  Add(app, "--max_streams", &limits.max_streams,
      "Calls at a time on one connection; more end it")
      ->check(CLI::Range(1, 100000));
  Add(app, "--max_header_bytes", &limits.max_header_bytes,
      "Headers of a call, all together; a larger one closes the connection")
      ->check(CLI::Range(1 << 10, 1 << 20));
  Add(app, "--max_message_bytes", &limits.max_message_bytes,
      "Request message; a larger one is refused")
      ->check(CLI::Range(16 << 10, 16 << 20));
  AddDuration(
      app, "--handshake_timeout",
      {&limits.handshake_timeout, absl::Milliseconds(100), absl::Minutes(5)},
      "A connection that has not begun to speak HTTP/2 by then is closed");
  AddDuration(app, "--max_connection_idle",
              {&limits.max_idle, absl::Milliseconds(100), absl::Hours(24)},
              "A connection without calls for so long is closed");
  AddDuration(app, "--max_connection_age",
              {&limits.max_age, absl::Milliseconds(100), absl::Hours(24 * 7)},
              "Older connections are asked to reconnect");
  AddDuration(app, "--max_connection_age_grace",
              {&limits.max_age_grace, absl::Milliseconds(100), absl::Hours(1)},
              "How long calls on such a connection may take to end");
  AddDuration(app, "--keepalive_interval",
              {&limits.keepalive_interval, absl::Seconds(1), absl::Hours(2)},
              "How often a quiet peer with calls under way is asked for a sign "
              "of life");
  AddDuration(
      app, "--keepalive_timeout",
      {&limits.keepalive_timeout, absl::Milliseconds(100), absl::Minutes(10)},
      "How long that sign may take; then the connection is closed");
  AddDuration(
      app, "--min_ping_interval",
      {&limits.min_ping_interval, absl::Milliseconds(1), absl::Hours(2)},
      "Clients that ping more often than this are closed");
}

// Flags win over the environment over the file as a whole; within one of them
// all grants count, since each is a fact of its own.
void AddCallers(CLI::App* app, Settings* settings, std::string* open_validate) {
  Add(app, "--open_validate", open_validate,
      "Whether anyone may call Validate who reaches the port: yes, no, or "
      "auto: only on loopback, in plaintext, without --insecure")
      ->check(CLI::IsMember({"auto", "yes", "no"}));
  const char* const name = kGrantFlag;
  app->add_option_function<std::vector<std::string>>(
         name,
         [name, settings](const std::vector<std::string>& values) {
           for (const std::string& value : values) {
             for (const absl::string_view grant : absl::StrSplit(
                      value, absl::ByAnyChar(" \n\t"), absl::SkipEmpty())) {
               const absl::Status added = settings->grants.Add(grant);
               if (!added.ok()) {
                 throw CLI::ValidationError(name, std::string(added.message()));
               }
             }
           }
         },
         "What a caller may do besides: IDENTITY=ROLE[,ROLE], again for each, "
         "or several with spaces between them. IDENTITY is uri:URI or dns:NAME "
         "in its client certificate (uri:spiffe://example.org/prod/* for all "
         "below), or account:NAME for a service account. ROLE is validator "
         "(Validate), admin (accounts, sessions, keys), reason (why a "
         "credential is inactive) or on_behalf (whose ClientInfo counts)")
      ->type_name("GRANT")
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

// Whether `--name` is among the arguments, with its value or before it.
bool IsGiven(const std::string& flag,
             const std::vector<std::string>& arguments) {
  return std::any_of(
      arguments.begin(), arguments.end(), [&flag](const std::string& one) {
        return one == flag || absl::StartsWith(one, absl::StrCat(flag, "="));
      });
}

void AddCredentials(CLI::App* app, Settings* settings, std::string* algorithm) {
  Add(app, "--issuer", &settings->issuer,
      "`iss` of JWTs (default latchkey: and the epoch)");
  Add(app, "--default_audience", &settings->default_audience,
      "`aud` of JWTs of sessions without audiences (default: the issuer)");
  Add(app, "--master_key_file", &settings->master_key_file,
      "Key that signing keys are sealed with; made at the first start "
      "(default: DATA_DIR.master_key)");
  Add(app, "--jwt_algorithm", algorithm, "ES256 or EdDSA, of new signing keys")
      ->check(CLI::IsMember({"ES256", "EdDSA"}));
  AddDuration(app, "--jwt_life",
              {&settings->jwt_life, absl::Seconds(1), absl::Hours(24)},
              "Life of a JWT; a session's end cuts it short");
  AddDuration(app, "--key_publish_lead",
              {&settings->key_publish_lead, absl::Seconds(1), absl::Hours(168)},
              "How long a key is published before it signs");
  AddDuration(
      app, "--key_signing_life",
      {&settings->key_signing_life, kLeastSigningLife, absl::Hours(24 * 365)},
      "How long a key signs before the next one does");
}

void AddSessions(CLI::App* app, Settings* settings) {
  const absl::Duration longest = absl::Hours(24 * 365);
  AddDuration(app, "--session_ttl",
              {&settings->session.session_ttl, absl::Seconds(1), longest},
              "Life of a session whose login asks for none");
  AddDuration(app, "--session_idle_ttl",
              {&settings->session.idle_ttl, absl::Seconds(1), longest},
              "A session dies after this long without activity");
  AddDuration(app, "--max_session_ttl",
              {&settings->session.max_session_ttl, absl::Seconds(1), longest},
              "The longest life that a login may ask for");
}

void AddVerifiers(CLI::App* app, Settings* settings) {
  AddDuration(app, "--lease_ttl",
              {&settings->lease_ttl, absl::Milliseconds(100), kMaxLeaseTtl},
              "How long a verifier may answer by itself without word from "
              "here; what a logout waits for one that is cut off");
  AddDuration(
      app, "--heartbeat_interval",
      {&settings->heartbeat_interval, absl::Milliseconds(10), kMaxLeaseTtl / 2},
      "How often a verifier asks for a new lease");
  Add(app, "--max_verifiers", &settings->max_verifiers,
      "Verifiers that follow revocations at a time, on both listeners")
      ->check(CLI::Range(1, 100000));
}

// More would be no limit, and not fit the counters.
constexpr int kMostLoginBurst = 1'000'000;

void AddLoginGuard(CLI::App* app, LoginGuard::Options* login) {
  Add(app, "--login_guard", &login->enabled,
      "Slow down who guesses passwords: true or false")
      ->default_str("true");
  const auto add_burst = [app](const char* name, int* value,
                               const char* description) {
    Add(app, name, value, description)->check(CLI::Range(1, kMostLoginBurst));
  };
  add_burst("--login_burst", &login->burst,
            "Failed logins of an account from one network (/24, /64) before "
            "waits that double");
  add_burst("--login_source_burst", &login->source_burst,
            "Failed logins from one network, over all accounts, before waits "
            "that double");
  add_burst("--login_account_burst", &login->account_burst,
            "Failed logins of an account, over all networks, before these "
            "take turns, 5 s in each 30 s");
  add_burst("--login_global_burst", &login->global_burst,
            "Failed logins in all before networks from which nobody got in "
            "within a day take turns");
  AddDuration(app, "--login_failure_window",
              {&login->window, absl::Seconds(1), absl::Hours(24)},
              "How long until a full burst of failed logins is forgiven");
  AddDuration(app, "--login_max_delay",
              {&login->max_delay, absl::Seconds(1), absl::Hours(1)},
              "The longest wait after a failed login");
}

void AddResources(CLI::App* app, Settings* settings) {
  Add(app, "--hash_threads", &settings->hash_threads,
      "Password hashes computed at a time")
      ->check(CLI::Range(1, 256));
  Add(app, "--hash_queue", &settings->hash_queue,
      "Logins waiting for a hash; more are told to retry")
      ->check(CLI::Range(1, 100000));
  AddDuration(
      app, "--hash_max_wait",
      {&settings->hash_max_wait, absl::Milliseconds(100), absl::Seconds(60)},
      "Logins that would wait longer for a hash are told to retry");
  Add(app, "--hash_time_cost", &settings->hash_cost.time,
      "Argon2id passes of new password hashes");
  Add(app, "--hash_memory_kib", &settings->hash_cost.memory_kib,
      "Argon2id memory of new password hashes, KiB");
  Add(app, "--worker_threads", &settings->worker_threads,
      "Calls that may wait for a write at a time, logins not counted")
      ->check(CLI::Range(1, 1024));
  Add(app, "--reader_threads", &settings->reader_threads,
      "Calls that may wait for a read at a time")
      ->check(CLI::Range(1, 1024));
  Add(app, "--worker_queue", &settings->worker_queue,
      "Calls waiting for a worker or reader; more are told to retry")
      ->check(CLI::Range(1, 1000000));
  Add(app, "--max_calls_waiting", &settings->max_calls_waiting,
      "Calls of one method under way at a time; more are told to retry")
      ->check(CLI::Range(1, 1000000));
  AddMemoryBudget(app, &settings->memory_budget);
}

// Turns LATCHKEY_NAME=value into --name=value, put before the real arguments,
// so that these win. A name that is no setting is an error.
std::optional<std::string> AddEnvironment(
    const CLI::App& app, const std::vector<std::string>& environment,
    const std::vector<std::string>& given,
    std::vector<std::string>* arguments) {
  for (const std::string& entry : environment) {
    if (!absl::StartsWith(entry, kEnvironmentPrefix) ||
        absl::StartsWith(entry, kAgentPrefix)) {
      continue;
    }
    const size_t equals = entry.find('=');
    const std::string name = entry.substr(0, equals);
    if (std::find(std::begin(kClientVariables), std::end(kClientVariables),
                  name) != std::end(kClientVariables)) {
      continue;
    }
    std::string flag = "--";
    for (const char c : name.substr(sizeof(kEnvironmentPrefix) - 1)) {
      flag += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    const CLI::Option* option = app.get_option_no_throw(flag);
    if (option == nullptr || flag == "--help" || flag == "--version") {
      return absl::StrCat("environment variable ", name, " is not a setting");
    }
    // Of what may come several times the last does not win by itself.
    if (flag == kGrantFlag && IsGiven(flag, given)) continue;
    arguments->push_back(absl::StrCat(
        flag, "=",
        equals == std::string::npos ? "" : entry.substr(equals + 1)));
  }
  return std::nullopt;
}

// Settles what is asked of clients; `client` is as given, or empty.
std::optional<std::string> SettleTls(const std::string& client,
                                     Settings* settings) {
  const CertificateFiles& files = settings->tls;
  if (files.chain.empty() != files.key.empty()) {
    return "--tls_certificate, --tls_key: one goes only with the other";
  }
  if (files.chain.empty() && !files.client_ca.empty()) {
    return "--tls_client_ca: goes only with --tls_certificate";
  }
  if (files.client_ca.empty() && !client.empty() && client != "none") {
    return "--client_certificate: goes only with --tls_client_ca";
  }
  if (client == "required") {
    settings->client_certificate = ClientCertificate::kRequired;
  } else if (client != "none" && !files.client_ca.empty()) {
    settings->client_certificate = ClientCertificate::kOptional;
  }
  return std::nullopt;
}

bool IsAddress(const std::string& listen) {
  const size_t colon = listen.rfind(':');
  int port = -1;
  return colon != std::string::npos && colon > 0 &&
         absl::SimpleAtoi(listen.substr(colon + 1), &port) && port >= 0 &&
         port <= 65535;
}

std::optional<std::string> CheckMetricsListen(const Settings& settings) {
  const std::string& listen = settings.metrics_listen;
  if (listen.empty()) return std::nullopt;
  if (!IsAddress(listen)) {
    return "--metrics_listen: must be host:port, as 127.0.0.1:7871 or "
           "[::1]:7871";
  }
  if (!settings.insecure && !IsLoopback(listen)) {
    return absl::StrCat("--metrics_listen: ", listen,
                        " is not loopback; whoever reaches it may read: say "
                        "--insecure to serve metrics there");
  }
  return std::nullopt;
}

// CLI11 takes "--name=" for an option whose value is yet to come, and the next
// argument for that value, whatever it is. Two arguments say what is meant.
std::vector<std::string> WithEmptyValues(
    const CLI::App& app, const std::vector<std::string>& arguments) {
  std::vector<std::string> plain;
  for (const std::string& argument : arguments) {
    absl::string_view name = argument;
    const CLI::Option* const option =
        absl::ConsumeSuffix(&name, "=")
            ? app.get_option_no_throw(std::string(name))
            : nullptr;
    if (option == nullptr || option->get_items_expected_min() == 0) {
      plain.push_back(argument);
      continue;
    }
    plain.emplace_back(name);
    plain.emplace_back();
  }
  return plain;
}

// What the parser cannot see: settings that only together make sense.
std::optional<std::string> CheckTogether(const Settings& settings) {
  if (settings.data_dir.empty()) return "--data_dir: must not be empty";
  if (!IsAddress(settings.listen)) {
    return "--listen: must be host:port, as 127.0.0.1:7870 or [::1]:7870";
  }
  if (settings.insecure && settings.uses_tls()) {
    return "--insecure: is plaintext, and --tls_certificate is not";
  }
  if (!settings.insecure && !settings.uses_tls() &&
      !IsLoopback(settings.listen)) {
    return absl::StrCat(
        "--listen: ", settings.listen,
        " is not loopback: name a --tls_certificate, or say --insecure to "
        "serve plaintext there, behind something that encrypts");
  }
  if (auto problem = CheckMetricsListen(settings)) return problem;
  if (settings.session.session_ttl > settings.session.max_session_ttl) {
    return "--session_ttl: must be at most --max_session_ttl";
  }
  if (settings.heartbeat_interval * 2 > settings.lease_ttl) {
    return "--heartbeat_interval: must be at most half of --lease_ttl";
  }
  if (settings.key_publish_lead * 2 > settings.key_signing_life) {
    return "--key_publish_lead: must be at most half of --key_signing_life";
  }
  if (settings.hash_queue > settings.max_calls_waiting) {
    return "--hash_queue: must be at most --max_calls_waiting";
  }
  for (const auto& [name, text] :
       {std::pair("--issuer", &settings.issuer),
        std::pair("--default_audience", &settings.default_audience)}) {
    if (text->size() > kMaxClaimBytes || !IsValidUtf8(*text) ||
        HasControlCharacter(*text)) {
      return absl::StrCat(name, ": must be at most ", kMaxClaimBytes,
                          " bytes of UTF-8 without control characters");
    }
  }
  const absl::Status cost = CheckHashCost(settings.hash_cost);
  if (!cost.ok()) {
    return absl::StrCat("--hash_time_cost, --hash_memory_kib: ",
                        std::string(cost.message()));
  }
  return std::nullopt;
}

// One spelling of a path, absolute, so that what is put beside a directory is
// beside it however the directory was spelled.
std::string PlainPath(const std::string& path) {
  const std::filesystem::path plain =
      std::filesystem::absolute(path).lexically_normal();
  const std::string text = plain.string();
  return text.size() > 1 && text.back() == '/' ? text.substr(0, text.size() - 1)
                                               : text;
}

Instead UsageError(absl::string_view problem) {
  std::string line(problem);
  std::replace(line.begin(), line.end(), '\n', ' ');
  return {absl::StrCat("latchkeyd: ", line, "; see latchkeyd --help"),
          kUsageError};
}

}  // namespace

bool Settings::ValidateIsOpen() const {
  if (open_validate != OpenValidate::kAuto) {
    return open_validate == OpenValidate::kYes;
  }
  return IsLoopback(listen) && !insecure && !uses_tls();
}

bool IsLoopback(const std::string& listen) {
  const std::string host = listen.substr(0, listen.rfind(':'));
  if (host == "localhost" || host == "[::1]") return true;
  // Four plain numbers, the first 127: a name such as 127.example is none.
  const bool digits = std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= '0' && c <= '9') || c == '.';
  });
  return digits && absl::StartsWith(host, "127.") &&
         std::count(host.begin(), host.end(), '.') == 3;
}

std::variant<Settings, Instead> ReadSettings(
    const std::vector<std::string>& arguments,
    const std::vector<std::string>& environment) {
  Settings settings;
  std::string open_validate = "auto";
  settings.hash_threads =
      std::max(1, static_cast<int>(std::thread::hardware_concurrency()) / 2);
  std::string log_level = "info";
  std::string algorithm = "ES256";
  std::string client_certificate;
  CLI::App app(kDescription, "latchkeyd");
  app.set_version_flag("--version", "latchkeyd " LATCHKEY_VERSION);
  app.set_config("--config", "", "Settings file: name = value, a line each")
      ->type_name("FILE")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app.allow_config_extras(CLI::config_extras_mode::error);
  AddServing(&app, &settings, &log_level);
  AddTls(&app, &settings, &client_certificate);
  AddConnections(&app, &settings);
  AddCallers(&app, &settings, &open_validate);
  AddCredentials(&app, &settings, &algorithm);
  AddSessions(&app, &settings);
  AddVerifiers(&app, &settings);
  AddLoginGuard(&app, &settings.login);
  AddResources(&app, &settings);

  std::vector<std::string> all;
  if (const auto problem = AddEnvironment(app, environment, arguments, &all)) {
    return UsageError(*problem);
  }
  all.insert(all.end(), arguments.begin(), arguments.end());
  all = WithEmptyValues(app, all);
  std::reverse(all.begin(), all.end());  // as CLI11 takes a vector
  try {
    app.parse(all);
  } catch (const CLI::CallForHelp&) {
    return Instead{app.help(), 0};
  } catch (const CLI::CallForVersion& version) {
    return Instead{version.what(), 0};
  } catch (const CLI::Error& error) {
    return UsageError(error.what());
  }
  settings.log_level = *ParseLogLevel(log_level);
  settings.open_validate =
      open_validate == "auto"  ? Settings::OpenValidate::kAuto
      : open_validate == "yes" ? Settings::OpenValidate::kYes
                               : Settings::OpenValidate::kNo;
  settings.jwt_algorithm =
      algorithm == "EdDSA" ? KeyAlgorithm::kEdDsa : KeyAlgorithm::kEs256;
  if (const auto problem = SettleTls(client_certificate, &settings)) {
    return UsageError(*problem);
  }
  if (const auto problem = CheckTogether(settings)) return UsageError(*problem);
  settings.data_dir = PlainPath(settings.data_dir);
  if (settings.data_dir == "/") {
    return UsageError("--data_dir: / is no directory for data");
  }
  if (settings.master_key_file.empty()) {
    settings.master_key_file = settings.data_dir + ".master_key";
  }
  return settings;
}

}  // namespace latchkey
