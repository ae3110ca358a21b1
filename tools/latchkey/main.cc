#include <csignal>
#include <iostream>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "grpc/support/log.h"

#include "tools/latchkey/commands.h"
#include "tools/latchkey/invocation.h"
#include "tools/latchkey/options.h"
#include "tools/latchkey/tls.h"

namespace latchkey {
namespace {

constexpr char kFooter[] =
    "exit codes:\n"
    "  0  yes: done; of validate: active\n"
    "  1  no: inactive, refused, not found\n"
    "  2  usage: the command line or a value in it is malformed\n"
    "  3  no answer: the server could not be reached, or failed\n\n"
    "examples:\n"
    "  latchkey --server unix:DIR/admin.sock account create alice\n"
    "  latchkey login alice --credential-file cred\n"
    "  latchkey validate --credential-file cred\n"
    "  latchkey logout --credential-file cred\n"
    "  latchkey --server auth.example:7870 --tls-ca ca.pem login alice\n\n"
    "Passwords and credentials are never arguments: they are asked for, or "
    "read from standard input or a file. LATCHKEY_CREDENTIAL and "
    "LATCHKEY_REFRESH_CREDENTIAL may hold one.";

void AddGlobalOptions(CLI::App* app, Invocation* invocation) {
  app->set_version_flag("--version", "latchkey " LATCHKEY_VERSION);
  app->add_option("--server", invocation->server,
                  "HOST:PORT, or unix:PATH of the admin socket")
      ->envname("LATCHKEY_SERVER")
      ->capture_default_str();
  AddTlsOptions(app, &invocation->tls);
  app->add_flag("--insecure", invocation->insecure,
                "Send secrets in clear to another machine");
  app->add_flag("--json", invocation->json, "Print answers and errors as JSON");
  AddDuration(app, "--timeout", &invocation->timeout,
              "How long to wait for an answer")
      ->default_str("10s");
}

int Main(int argc, char** argv) {
  // A reader that has gone away is an error of write(2), not a death.
  std::signal(SIGPIPE, SIG_IGN);
  // gRPC would put lines of its own between ours on standard error.
  gpr_set_log_function([](gpr_log_func_args*) {});
  Invocation invocation;
  CLI::App app("Log in, check and end sessions, and administer latchkeyd.",
               "latchkey");
  app.footer(kFooter);
  app.require_subcommand(1);
  // Options for all commands may stand behind the command, too.
  app.fallthrough();
  AddGlobalOptions(&app, &invocation);
  AddAccountCommands(&app, &invocation);
  AddCredentialCommands(&app, &invocation);
  AddSessionCommands(&app, &invocation);
  AddKeyCommands(&app, &invocation);
  AddJwtCommands(&app, &invocation);
  AddInfoCommand(&app, &invocation);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // The library's own codes are 100 and up; help and version are 0.
    return static_cast<int>(app.exit(error) == 0 ? ExitCode::kYes
                                                 : ExitCode::kUsage);
  }
  const ExitCode code = invocation.action();
  std::cout.flush();
  if (!std::cout.good()) {
    std::cerr << "latchkey: standard output could not be written\n";
    return static_cast<int>(ExitCode::kUsage);
  }
  return static_cast<int>(code);
}

}  // namespace
}  // namespace latchkey

int main(int argc, char** argv) { return latchkey::Main(argc, argv); }
