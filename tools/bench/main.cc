// latchkey-bench: measures latchkeyd on this machine.
#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

#include "client/base/clock.h"
#include "client/base/status_macros.h"
#include "tools/bench/interrupt.h"
#include "tools/bench/options.h"
#include "tools/bench/parts.h"
#include "tools/bench/process_stats.h"
#include "tools/bench/progress.h"
#include "tools/bench/report.h"

namespace latchkey::bench {
namespace {

constexpr int kExitWrongAnswer = 1;
constexpr int kExitNotMeasured = 3;

using Part = absl::Status (*)(const Bench& bench);

Part PartOf(const std::string& name) {
  static const auto& parts = *new std::vector<std::pair<std::string, Part>>{
      {"validate", RunValidate},
      {"batch", RunBatch},
      {"login", RunLogin},
      {"service-login", RunServiceLogin},
      {"storm", RunStorm},
      {"local", RunLocal},
      {"session-vs-token", RunSessionVsToken},
      {"revoke", RunRevoke},
      {"expiry", RunExpiry},
      {"churn", RunChurn},
      {"scale", RunScale}};
  for (const auto& [known, part] : parts) {
    if (known == name) return part;
  }
  return nullptr;
}

// Said before anything is measured: not after an hour.
absl::Status CheckPlaces(const BenchOptions& options) {
  std::error_code error;
  std::filesystem::create_directories(options.out, error);
  if (error || access(options.out.c_str(), W_OK | X_OK) != 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        options.out, " cannot be written", error ? ": " : "",
        error ? error.message() : "", "; name another place by --out"));
  }
  if (options.part == "local") return absl::OkStatus();
  if (access(options.latchkeyd.c_str(), X_OK) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("no server to measure at ", options.latchkeyd,
                     "; build latchkeyd, or name one by --latchkeyd"));
  }
  return absl::OkStatus();
}

absl::Status RunParts(const Bench& bench) {
  for (const std::string& name : PartNames()) {
    if (bench.options.part != "all" && bench.options.part != name) continue;
    LATCHKEY_RETURN_IF_ERROR(PartOf(name)(bench));
  }
  return absl::OkStatus();
}

int Fail(const absl::Status& status) {
  std::string line(status.message());
  for (char& c : line) c = c == '\n' ? ' ' : c;
  std::fprintf(stderr, "latchkey-bench: %s\n", line.c_str());
  return absl::IsAborted(status) ? kExitWrongAnswer : kExitNotMeasured;
}

int Main(int argc, char** argv) {
  const auto read = ReadOptions(argc, argv);
  if (const auto* instead = std::get_if<Instead>(&read)) {
    std::fprintf(instead->exit_status == 0 ? stdout : stderr, "%s\n",
                 instead->text.c_str());
    return instead->exit_status;
  }
  const BenchOptions& options = std::get<BenchOptions>(read);
  WatchInterrupts();
  const absl::Status places = CheckPlaces(options);
  if (!places.ok()) return Fail(places);

  const SystemClock clock;
  Report report(LATCHKEY_VERSION, ReadMachine());
  report.Set("part", options.part);
  report.Set("quick", options.quick ? "true" : "false");
  report.Set("connections", options.connections);
  report.Set("streams", options.streams);
  report.Set("seed", static_cast<double>(options.seed));
  absl::Status ran;
  {
    Progress progress;
    ran = RunParts({options, clock, report, progress});
  }
  // What was measured before it went wrong is worth keeping, but not after a
  // wrong answer: such a server has no speed.
  if (!ran.ok() && (absl::IsAborted(ran) || report.rows().empty())) {
    return Fail(ran);
  }
  std::fputs(report.Text().c_str(), stdout);
  const std::string json =
      absl::StrCat(options.out, "/", options.part, ".json");
  const absl::Status written = report.Write(json, clock.Now());
  if (!ran.ok()) return Fail(ran);
  if (!written.ok()) return Fail(written);
  std::fprintf(stderr, "written: %s and the plots beside it\n", json.c_str());
  return 0;
}

}  // namespace
}  // namespace latchkey::bench

int main(int argc, char** argv) { return latchkey::bench::Main(argc, argv); }
