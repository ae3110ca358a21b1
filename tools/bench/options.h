#ifndef LATCHKEY_TOOLS_BENCH_OPTIONS_H_
#define LATCHKEY_TOOLS_BENCH_OPTIONS_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"

namespace latchkey::bench {

// BenchOptions is what a run is asked for.
struct BenchOptions {
  std::string part;  // "all" or one of PartNames()
  bool quick = false;
  std::string out = "latchkey-bench-results";
  std::string work_dir;   // $TMPDIR, or /tmp
  std::string latchkeyd;  // beside this program in the build tree
  int port = 0;           // 0: any free one
  std::vector<std::string> server_flags;
  uint64_t seed = 1;
  int connections = 8;
  int streams = 32;  // calls in flight per connection

  // Sessions, of `scale` each size; empty: the part's own default.
  std::vector<uint64_t> sessions;
  // How many credentials are asked about, at most.
  uint64_t sample = 200'000;
  // One stretch of load in a comparison, and how many quads of them.
  absl::Duration block = absl::Milliseconds(500);
  int quads = 10;
  // One stretch of an open loop.
  absl::Duration open = absl::Seconds(10);
  // Of `churn`.
  double minutes = 1;
  double churn_load = 1;  // of what churn does otherwise
  // Of `expiry`: in this time all sessions expire.
  absl::Duration expire_over = absl::Minutes(1);

  uint64_t SessionsOr(uint64_t usual) const {
    return sessions.empty() ? usual : sessions.front();
  }
};

// PartNames returns the parts there are, in the order in which `all` runs
// them.
const std::vector<std::string>& PartNames();

// What to print instead of measuring, and the exit status that goes with it.
struct Instead {
  std::string text;
  int exit_status = 0;
};

// ReadOptions reads the command line. Answers with an Instead for --help and
// --version and for what is wrong (status 2, one line).
std::variant<BenchOptions, Instead> ReadOptions(int argc,
                                                const char* const* argv);

}  // namespace latchkey::bench

#endif  // LATCHKEY_TOOLS_BENCH_OPTIONS_H_
