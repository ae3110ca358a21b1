#include "tools/bench/options.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace latchkey::bench {
namespace {

constexpr int kUsageError = 2;

constexpr char kFooter[] =
    "parts:\n"
    "  validate          a check against an empty call; latency against load\n"
    "  batch             checks in batches of 64; against pipelined Redis, if\n"
    "                    it is installed\n"
    "  login             logins against the bare password hash\n"
    "  service-login     durable logins of services, against synced writes\n"
    "  storm             checks while logins come at twice what can be done\n"
    "  local             verifying tokens in process\n"
    "  session-vs-token  opaque or JWT, by RPC or locally: what each costs\n"
    "  revoke            from a logout to its being refused by verifiers that\n"
    "                    judge by themselves: 1, 100 and 1,000 of them\n"
    "  expiry            checks while a million sessions expire in a minute\n"
    "  churn             memory while sessions come and go (--minutes)\n"
    "  scale             10 k, 1 M and 10 M sessions: speed, memory, disk,\n"
    "                    start\n"
    "  all               all of them\n\n"
    "exit codes:\n"
    "  0  measured, and every answer was right\n"
    "  1  a wrong answer was seen; it is printed\n"
    "  2  usage: the command line is malformed\n"
    "  3  it could not be measured: no server, no disk, no port, "
    "interrupted\n\n"
    "examples:\n"
    "  latchkey-bench all --quick\n"
    "  latchkey-bench validate\n"
    "  latchkey-bench scale --sessions 10000,1000000\n"
    "  latchkey-bench churn --minutes 60 --sessions 1000000\n"
    "  latchkey-bench all --out results --work_dir /var/tmp\n";

template <typename T>
CLI::Option* Add(CLI::App* app, const std::string& name, T* value,
                 const std::string& help) {
  return app->add_option(name, *value, help)
      ->capture_default_str()
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

void AddDuration(CLI::App* app, const std::string& name, absl::Duration* value,
                 const std::string& help) {
  app->add_option_function<std::string>(
         name,
         [name, value](const std::string& text) {
           if (!absl::ParseDuration(text, value) ||
               *value < absl::Milliseconds(10) || *value > absl::Hours(1)) {
             throw CLI::ValidationError(
                 name, "must be a length of time like 500ms, 10ms to 1h");
           }
         },
         help)
      ->type_name("DURATION")
      ->default_str(absl::FormatDuration(*value))
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

void AddOptions(CLI::App* app, BenchOptions* options) {
  app->add_option("part", options->part, "What to measure: all, or a part")
      ->required();
  app->add_flag("--quick", options->quick,
                "A minute in all: shorter stretches, fewer sessions");
  Add(app, "--out", &options->out,
      "Directory for the JSON file and the plots; made if absent");
  Add(app, "--work_dir", &options->work_dir,
      "Where the server's data may lie meanwhile; removed in the end");
  Add(app, "--latchkeyd", &options->latchkeyd,
      "The server to measure (default: the one built with this program)");
  Add(app, "--port", &options->port, "Port for the server; 0: any free one")
      ->check(CLI::Range(0, 65535));
  app->add_option("--server_flag", options->server_flags,
                  "A flag handed on to latchkeyd, as --reader_threads=8")
      ->allow_extra_args(false);
  Add(app, "--seed", &options->seed, "Of all that is drawn");
  Add(app, "--connections", &options->connections, "HTTP/2 connections")
      ->check(CLI::Range(1, 1000));
  Add(app, "--streams", &options->streams, "Calls in flight on each")
      ->check(CLI::Range(1, 100));
  app->add_option(
         "--sessions", options->sessions,
         "How many sessions; for scale one or more sizes: 10000,1000000")
      ->delimiter(',')
      ->check(CLI::Range(uint64_t{100}, uint64_t{100'000'000}))
      ->allow_extra_args(false);
  Add(app, "--sample", &options->sample, "Credentials to ask about, at most")
      ->check(CLI::Range(uint64_t{100}, uint64_t{10'000'000}));
}

void AddLengths(CLI::App* app, BenchOptions* options) {
  AddDuration(app, "--block", &options->block,
              "One stretch of load in a comparison");
  Add(app, "--quads", &options->quads,
      "How many times Ping, X, X, Ping are compared")
      ->check(CLI::Range(1, 1000));
  AddDuration(app, "--open", &options->open, "One stretch of an open loop");
  Add(app, "--minutes", &options->minutes, "How long churn goes on")
      ->check(CLI::Range(0.01, 1440.0));
  Add(app, "--churn_load", &options->churn_load,
      "Share of its usual load that churn makes, to leave room for others")
      ->check(CLI::Range(0.001, 1.5));
  AddDuration(app, "--expire_over", &options->expire_over,
              "In expiry: the time in which all sessions expire");
}

// What --quick makes shorter, unless it was said by name.
void MakeQuick(const CLI::App& app, BenchOptions* options) {
  const auto unsaid = [&app](const std::string& name) {
    return app.get_option(name)->count() == 0;
  };
  if (unsaid("--block")) options->block = absl::Milliseconds(100);
  if (unsaid("--quads")) options->quads = 2;
  if (unsaid("--open")) options->open = absl::Milliseconds(600);
  if (unsaid("--minutes")) options->minutes = 0.05;
  if (unsaid("--expire_over")) options->expire_over = absl::Seconds(3);
  if (unsaid("--sample")) options->sample = 10'000;
}

std::string DefaultWorkDir() {
  const char* const from_environment = std::getenv("TMPDIR");
  return from_environment != nullptr && from_environment[0] != '\0'
             ? from_environment
             : "/tmp";
}

// In the build tree: tools/bench/latchkey-bench and server/latchkeyd.
std::string DefaultServer() {
  std::error_code error;
  const std::filesystem::path self =
      std::filesystem::read_symlink("/proc/self/exe", error);
  return (self.parent_path() / "../../server/latchkeyd")
      .lexically_normal()
      .string();
}

Instead UsageError(std::string problem) {
  std::replace(problem.begin(), problem.end(), '\n', ' ');
  return {
      absl::StrCat("latchkey-bench: ", problem, "; see latchkey-bench --help"),
      kUsageError};
}

}  // namespace

const std::vector<std::string>& PartNames() {
  static const auto& names = *new std::vector<std::string>{
      "validate",         "batch",  "login",  "service-login", "storm", "local",
      "session-vs-token", "revoke", "expiry", "churn",         "scale"};
  return names;
}

std::variant<BenchOptions, Instead> ReadOptions(int argc,
                                                const char* const* argv) {
  BenchOptions options;
  options.work_dir = DefaultWorkDir();
  options.latchkeyd = DefaultServer();
  CLI::App app("Measure latchkeyd on this machine.", "latchkey-bench");
  app.footer(kFooter);
  app.set_version_flag("--version", "latchkey-bench " LATCHKEY_VERSION);
  AddOptions(&app, &options);
  AddLengths(&app, &options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return Instead{app.help(), 0};
  } catch (const CLI::CallForVersion& version) {
    return Instead{version.what(), 0};
  } catch (const CLI::Error& error) {
    return UsageError(error.what());
  }
  const std::vector<std::string>& parts = PartNames();
  if (options.part != "all" &&
      std::find(parts.begin(), parts.end(), options.part) == parts.end()) {
    return UsageError(absl::StrCat("there is no part ", options.part, ": all, ",
                                   absl::StrJoin(parts, ", ")));
  }
  if (options.quick) MakeQuick(app, &options);
  return options;
}

}  // namespace latchkey::bench
