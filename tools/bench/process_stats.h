#ifndef LATCHKEY_TOOLS_BENCH_PROCESS_STATS_H_
#define LATCHKEY_TOOLS_BENCH_PROCESS_STATS_H_

#include <cstdint>
#include <string>
#include <sys/types.h>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace latchkey::bench {

// ProcessStats is what a process uses at a moment.
struct ProcessStats {
  // Of all its threads, ended ones too, in user and kernel.
  absl::Duration cpu;
  int64_t resident_bytes = 0;
  int64_t peak_resident_bytes = 0;
  int threads = 0;
};

// ReadProcessStats reads what the process `pid` uses.
//   kNotFound  there is no such process
absl::StatusOr<ProcessStats> ReadProcessStats(pid_t pid);

// CpuTime reads the CPU time of the process `pid` alone, to the nanosecond.
//   kNotFound  there is no such process
absl::StatusOr<absl::Duration> CpuTime(pid_t pid);

// DirectoryBytes adds up the disk blocks of all files below `path`. A file
// that goes away meanwhile counts as nothing.
//   kNotFound  there is no such directory
absl::StatusOr<int64_t> DirectoryBytes(const std::string& path);

// Machine is what the figures were measured on.
struct Machine {
  std::string cpu;
  int cores = 0;  // those this process may run on
  int64_t memory_bytes = 0;
  std::string kernel;
};

// ReadMachine returns what can be told of this machine; the rest is empty.
Machine ReadMachine();

}  // namespace latchkey::bench

#endif  // LATCHKEY_TOOLS_BENCH_PROCESS_STATS_H_
