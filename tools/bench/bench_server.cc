#include "tools/bench/bench_server.h"

#include <algorithm>
#include <fstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "client/base/status_macros.h"

namespace latchkey::bench {
namespace {

// Reading every table of ten million sessions anew would take less.
constexpr absl::Duration kStartPatience = absl::Minutes(2);

std::string LogIn(const std::string& directory) { return directory + "/log"; }
std::string ErrIn(const std::string& directory) {
  return directory + "/stderr";
}

// How the server is told how much to remember. The one place that knows the
// flags for it.
std::vector<std::string> MemoryFlags(uint64_t sessions) {
  // Half of the budget is for sessions in memory, at 120 bytes each; with room
  // for segments that have more than their share.
  const uint64_t mib = std::max<uint64_t>(sessions * 320 >> 20, 1024);
  return {absl::StrCat("--memory_budget=", mib, "MiB")};
}

// Here all come from one address, many at once: what a guard against guessing
// is for. It is not switched off, so that its cost is measured.
std::vector<std::string> GuardFlags() {
  return {"--login_burst=100000", "--login_source_burst=100000",
          "--login_account_burst=100000", "--login_global_burst=100000"};
}

std::vector<std::string> CommandOf(const ServerSetup& setup) {
  std::vector<std::string> command = {
      setup.binary,
      absl::StrCat("--data_dir=", DataDirIn(setup.directory)),
      absl::StrCat("--master_key_file=", MasterKeyIn(setup.directory)),
      absl::StrCat("--listen=127.0.0.1:", setup.port),
      absl::StrCat("--issuer=", kIssuer),
      "--benchmark",
      "--log_level=warning",
      absl::StrCat("--log_file=", LogIn(setup.directory)),
  };
  for (std::string& flag : MemoryFlags(setup.sessions)) {
    command.push_back(std::move(flag));
  }
  for (std::string& flag : GuardFlags()) command.push_back(std::move(flag));
  command.insert(command.end(), setup.more_flags.begin(),
                 setup.more_flags.end());
  return command;
}

// The server's own words: the last line of a file, empty if there is none.
std::string LastLine(const std::string& path) {
  std::ifstream file(path);
  std::string line, last;
  while (std::getline(file, line)) {
    if (!line.empty()) last = line;
  }
  return last;
}

}  // namespace

std::string DataDirIn(const std::string& directory) {
  return directory + "/data";
}
std::string MasterKeyIn(const std::string& directory) {
  return directory + "/master.key";
}

absl::StatusOr<std::unique_ptr<BenchServer>> BenchServer::Start(
    const ServerSetup& setup) {
  auto process = ChildProcess::Spawn(CommandOf(setup), ErrIn(setup.directory));
  if (!process.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("no server to measure: ", process.status().message(),
                     "; name it by --latchkeyd"));
  }
  std::unique_ptr<BenchServer> server(new BenchServer(*std::move(process)));
  LATCHKEY_RETURN_IF_ERROR(server->AwaitReady(setup.directory));
  return server;
}

// latchkeyd ready: listen=127.0.0.1:PORT admin=unix:PATH
absl::Status BenchServer::AwaitReady(const std::string& directory) {
  LATCHKEY_ASSIGN_OR_RETURN(const std::string line,
                            process_->ReadLine(kStartPatience));
  for (absl::string_view word : absl::StrSplit(line, ' ')) {
    if (absl::ConsumePrefix(&word, "admin=")) {
      admin_address_ = std::string(word);
    } else if (absl::ConsumePrefix(&word, "listen=")) {
      const size_t colon = word.rfind(':');
      if (colon == word.npos ||
          !absl::SimpleAtoi(word.substr(colon + 1), &port_)) {
        port_ = 0;
      }
    }
  }
  if (port_ > 0 && !admin_address_.empty()) return absl::OkStatus();
  std::string why = LastLine(ErrIn(directory));
  if (why.empty()) why = LastLine(LogIn(directory));
  return absl::FailedPreconditionError(absl::StrCat(
      "the server did not start: ", why.empty() ? "it said nothing" : why));
}

}  // namespace latchkey::bench
