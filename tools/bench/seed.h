#ifndef LATCHKEY_TOOLS_BENCH_SEED_H_
#define LATCHKEY_TOOLS_BENCH_SEED_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "client/base/clock.h"
#include "server/account/account.h"
#include "tools/bench/population.h"
#include "tools/bench/progress.h"
#include "tools/bench/token_mint.h"

namespace latchkey::bench {

// About what a session takes on disk while it is being seeded: its rows, and
// what the merge needs beside them.
inline constexpr double kSeedBytesPerSession = 900;

// Seed makes the data directory in `directory` (see DataDirIn) with all of
// `population` and `more_accounts`, and returns what makes its tokens. Nobody
// has the directory open then.
//   kUnavailable  the disk failed or is full
//   kCancelled    interrupted
absl::StatusOr<std::unique_ptr<TokenMint>> Seed(
    const Population& population, const std::vector<Account>& more_accounts,
    const std::string& directory, const Clock& clock, Progress& progress);

}  // namespace latchkey::bench

#endif  // LATCHKEY_TOOLS_BENCH_SEED_H_
