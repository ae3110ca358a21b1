#ifndef LATCHKEY_TOOLS_BENCH_STAGE_H_
#define LATCHKEY_TOOLS_BENCH_STAGE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "client/base/clock.h"
#include "server/account/account.h"
#include "tools/bench/bench_server.h"
#include "tools/bench/load.h"
#include "tools/bench/options.h"
#include "tools/bench/population.h"
#include "tools/bench/progress.h"
#include "tools/bench/report.h"
#include "tools/bench/token_mint.h"
#include "tools/bench/work_dir.h"

namespace latchkey::bench {

// Bench is what every part is given: what was asked, and where to tell.
struct Bench {
  const BenchOptions& options;
  const Clock& clock;
  Report& report;
  Progress& progress;
};

// Stage is a server of our own over a population of its own, in a directory
// that is removed with it.
//
// For one thread.
class Stage {
 public:
  struct Setup {
    Population::Options population;  // seed and now are filled in
    std::vector<Account> more_accounts;
    std::vector<std::string> server_flags;  // besides those of the options
  };

  // Seed makes the directory and its content; Start then starts the server,
  // again if one runs.
  static absl::StatusOr<std::unique_ptr<Stage>> Seed(const Bench& bench,
                                                     Setup setup);
  // SeedAndStart is both.
  static absl::StatusOr<std::unique_ptr<Stage>> SeedAndStart(const Bench& bench,
                                                             Setup setup);
  [[nodiscard]] absl::Status Start();
  // Stop ends the server; what it has is left.
  [[nodiscard]] absl::Status Stop();

  const Population& population() const { return *population_; }
  const TokenMint& mint() const { return *mint_; }
  const BenchServer& server() const { return *server_; }
  std::string data_dir() const { return DataDirIn(work_dir_->path()); }
  const std::string& directory() const { return work_dir_->path(); }

  // Connect opens connections to the server, as wide as the options say, or as
  // wide as is said here.
  absl::StatusOr<std::unique_ptr<LoadClient>> Connect() const;
  absl::StatusOr<std::unique_ptr<LoadClient>> Connect(int connections,
                                                      int streams) const;

 private:
  explicit Stage(const Bench& bench) : bench_(bench) {}

  const Bench& bench_;
  Setup setup_;
  std::unique_ptr<WorkDir> work_dir_;
  std::optional<Population> population_;
  std::unique_ptr<TokenMint> mint_;
  std::unique_ptr<BenchServer> server_;
};

// ServerInfo is what GetServerInfo tells; a server that does not tell one of
// the optional fields leaves it out.
struct ServerInfo {
  int64_t sessions = 0;
  std::optional<int64_t> cached_sessions;
  std::optional<bool> cache_warm;
};
absl::StatusOr<ServerInfo> GetServerInfo(const BenchServer& server);

// PauseUntil waits until `when`.
//   kCancelled  interrupted meanwhile
[[nodiscard]] absl::Status PauseUntil(absl::Time when);

}  // namespace latchkey::bench

#endif  // LATCHKEY_TOOLS_BENCH_STAGE_H_
