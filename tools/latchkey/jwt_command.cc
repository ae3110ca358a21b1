#include <iostream>
#include <string>

#include "absl/time/time.h"

#include "client/base/clock.h"
#include "tools/jwt_verify/jwt_verify.h"
#include "tools/latchkey/commands.h"
#include "tools/latchkey/options.h"

namespace latchkey {
namespace {

ExitCode Verify(const Invocation&, const JwtVerifyOptions& options) {
  const SystemClock clock;
  switch (RunJwtVerify(std::cin, std::cout, std::cerr, clock, options)) {
    case 0:
      return ExitCode::kYes;
    case 1:
      return ExitCode::kNo;
    default:
      return ExitCode::kUsage;
  }
}

void DefineVerify(CLI::App* command, JwtVerifyOptions* options) {
  command
      ->add_option("--jwks", options->jwks_path,
                   "File with the JWK set of the issuer's public keys")
      ->required();
  CLI::Option* signature_only =
      command->add_flag("--signature-only", options->signature_only,
                        "Judge the signature alone, not what is signed");
  CLI::Option* issuer = command
                            ->add_option("--issuer", options->issuer,
                                         "Who must have issued the token (iss)")
                            ->excludes(signature_only);
  CLI::Option* audience =
      command
          ->add_option("--audience", options->audience,
                       "Whom the token must be meant for (aud)")
          ->needs(issuer);
  command
      ->add_flag("--any-audience", options->allow_any_audience,
                 "Accept whomever it is meant for")
      ->needs(issuer)
      ->excludes(audience);
  AddDuration(command, "--clock-skew", &options->clock_skew,
              "By how much the issuer's clock may be off, at most 60s")
      ->default_str("0s");
  command
      ->add_option_function<std::string>(
          "--at",
          [options](const std::string& text) {
            absl::Time time;
            std::string error;
            if (!absl::ParseTime(absl::RFC3339_full, text, &time, &error)) {
              throw CLI::ValidationError(
                  "--at", "must be a time like 2026-01-31T12:00:00Z");
            }
            options->now = time;
          },
          "Judge as of this time instead of now")
      ->type_name("TIME");
}

}  // namespace

void AddJwtCommands(CLI::App* app, Invocation* invocation) {
  CLI::App* jwt = app->add_subcommand("jwt", "Check JWTs without the server");
  jwt->require_subcommand(1);
  AddCommand<JwtVerifyOptions>(
      jwt, invocation, "verify",
      "Check tokens from standard input, one a line; a line of JSON each",
      "example:\n  latchkey key jwks > jwks.json\n"
      "  latchkey jwt verify --jwks jwks.json --issuer ISS --audience mail "
      "< token\n"
      "  latchkey jwt verify --jwks jwks.json --signature-only < token\n"
      "Exit 0: all are good; 1: one is refused; 2: the key set is unusable.",
      DefineVerify, Verify);
}

}  // namespace latchkey
