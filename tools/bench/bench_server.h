#ifndef LATCHKEY_TOOLS_BENCH_BENCH_SERVER_H_
#define LATCHKEY_TOOLS_BENCH_BENCH_SERVER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "tools/bench/child_process.h"

namespace latchkey::bench {

// What the tokens of a benchmark's servers say as `iss`, so that the bench can
// make them itself.
inline constexpr char kIssuer[] = "latchkey:bench";

struct ServerSetup {
  std::string binary;     // latchkeyd
  std::string directory;  // holds data, master key and log
  int port = 0;           // 0: any free one
  // How many sessions it should be able to keep in memory.
  uint64_t sessions = 0;
  std::vector<std::string> more_flags;
};

// Where things lie in ServerSetup::directory.
std::string DataDirIn(const std::string& directory);
std::string MasterKeyIn(const std::string& directory);

// BenchServer is a latchkeyd of our own.
//
// For one thread.
class BenchServer {
 public:
  // Start starts it and waits until it says that it is ready.
  //   kFailedPrecondition  the binary cannot be run, or ended before it was
  //                        ready; the message is the server's own
  //   kCancelled           interrupted meanwhile
  static absl::StatusOr<std::unique_ptr<BenchServer>> Start(
      const ServerSetup& setup);

  int port() const { return port_; }
  pid_t pid() const { return process_->pid(); }
  // Address for gRPC: unix:PATH.
  const std::string& admin_address() const { return admin_address_; }
  absl::Time exec_time() const { return process_->exec_time(); }

  // Stop ends it. As ChildProcess::Stop.
  absl::Status Stop() { return process_->Stop(); }

 private:
  explicit BenchServer(std::unique_ptr<ChildProcess> process)
      : process_(std::move(process)) {}
  absl::Status AwaitReady(const std::string& directory);

  const std::unique_ptr<ChildProcess> process_;
  int port_ = 0;
  std::string admin_address_;
};

}  // namespace latchkey::bench

#endif  // LATCHKEY_TOOLS_BENCH_BENCH_SERVER_H_
