#include "server/descriptor_plan.h"

#include <algorithm>
#include <limits>
#include <sys/resource.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace latchkey {
namespace {

// What is open besides: logs of ours and the database's, files that are being
// written by flushes and compactions, listeners, the admin socket's
// connections, what threads and gRPC wait on. Some 40 in a running server.
constexpr int kOthers = 96;
// At 64 MiB a table, 10 million sessions take some 60.
constexpr int kMostTableFiles = 256;
// Below this RocksDB opens and closes tables all the time.
constexpr int kLeastTableFiles = 32;
constexpr int kLeastConnections = 32;
constexpr int kMostByDefault = 10000;

}  // namespace

absl::StatusOr<DescriptorPlan> PlanDescriptors(uint64_t limit,
                                               int connections) {
  const int all = static_cast<int>(
      std::min<uint64_t>(limit, std::numeric_limits<int>::max()));
  if (all < kOthers + kLeastTableFiles + kLeastConnections) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the limit of ", limit, " open files is too low; at least ",
        kOthers + kLeastTableFiles + kLeastConnections, " are needed"));
  }
  DescriptorPlan plan;
  plan.table_files =
      std::clamp((all - kOthers) / 3, kLeastTableFiles, kMostTableFiles);
  const int room = all - kOthers - plan.table_files;
  if (connections > room) {
    return absl::FailedPreconditionError(
        absl::StrCat("--max_connections: the limit of ", limit,
                     " open files has room for ", room, " at most"));
  }
  plan.connections =
      connections > 0 ? connections : std::min(room, kMostByDefault);
  return plan;
}

uint64_t RaiseDescriptorLimit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

}  // namespace latchkey
