#ifndef LATCHKEY_TOOLS_BENCH_PARTS_H_
#define LATCHKEY_TOOLS_BENCH_PARTS_H_

#include "absl/status/status.h"

#include "tools/bench/stage.h"

namespace latchkey::bench {

// The parts: each measures one thing on a stage of its own and adds to the
// report. All of them fail with
//   kAborted  a wrong answer was seen; the message says which
//   others    it could not be measured

[[nodiscard]] absl::Status RunValidate(const Bench& bench);
[[nodiscard]] absl::Status RunBatch(const Bench& bench);
[[nodiscard]] absl::Status RunLogin(const Bench& bench);
[[nodiscard]] absl::Status RunServiceLogin(const Bench& bench);
[[nodiscard]] absl::Status RunStorm(const Bench& bench);
[[nodiscard]] absl::Status RunLocal(const Bench& bench);
[[nodiscard]] absl::Status RunSessionVsToken(const Bench& bench);
[[nodiscard]] absl::Status RunRevoke(const Bench& bench);
[[nodiscard]] absl::Status RunExpiry(const Bench& bench);
[[nodiscard]] absl::Status RunChurn(const Bench& bench);
[[nodiscard]] absl::Status RunScale(const Bench& bench);

}  // namespace latchkey::bench

#endif  // LATCHKEY_TOOLS_BENCH_PARTS_H_
