#ifndef LATCHKEY_TOOLS_BENCH_LOCAL_CHECKS_H_
#define LATCHKEY_TOOLS_BENCH_LOCAL_CHECKS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "client/offline_validator.h"
#include "tools/bench/stage.h"

namespace latchkey::bench {

// StartValidator returns one that follows the server of `stage`, holds a lease,
// and asks nobody.
//   kUnavailable  it got no lease
absl::StatusOr<std::unique_ptr<OfflineValidator>> StartValidator(
    const Stage& stage);

// MintTokens returns `count` tokens, each of another session of `stage`.
// REQUIRES: its population has as many of the JWT form
absl::StatusOr<std::vector<std::string>> MintTokens(const Bench& bench,
                                                    const Stage& stage,
                                                    size_t count);

// RatePerSecond returns how many calls of `work` so many threads make together
// in one second, going over `tokens` in turn for about `duration`.
//   kAborted  `work` returned false
absl::StatusOr<double> RatePerSecond(
    const std::vector<std::string>& tokens, int threads,
    absl::Duration duration, absl::FunctionRef<bool(const std::string&)> work);

// IsAccepted checks `token` in this process, and reads of whom it is.
bool IsAccepted(OfflineValidator& validator, const std::string& token);

}  // namespace latchkey::bench

#endif  // LATCHKEY_TOOLS_BENCH_LOCAL_CHECKS_H_
