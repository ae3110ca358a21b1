#include "tools/latchkey/wait.h"

#include <iostream>

namespace latchkey {

void AddWaitOptions(CLI::App* command, WaitOptions* options) {
  CLI::Option* wait = command->add_flag(
      "--wait", options->verifiers,
      "End when no verifier accepts it any more; with status 1 if one still "
      "may when the time is over");
  AddDuration(command, "--wait-timeout", &options->timeout,
              "Wait that long at most, up to 1m; default: as long as it takes, "
              "which the server bounds")
      ->needs(wait);
}

ExitCode CheckPropagation(const WaitOptions& options, bool reported,
                          const v1::PropagationReport& report) {
  if (!options.verifiers || report.complete()) return ExitCode::kYes;
  if (!reported) {
    std::cerr << "latchkey: done, but the server is too old to wait for "
                 "verifiers\n";
    return ExitCode::kNo;
  }
  const int silent =
      report.verifiers() - report.acknowledged() - report.lease_expired();
  std::cerr << "latchkey: done, but not yet everywhere: " << silent << " of "
            << report.verifiers() << " verifiers may still accept after "
            << DurationText(report.elapsed()) << "\n";
  return ExitCode::kNo;
}

}  // namespace latchkey
