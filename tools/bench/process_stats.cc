#include "tools/bench/process_stats.h"

#include <filesystem>
#include <fstream>
#include <sched.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <system_error>
#include <time.h>
#include <unistd.h>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

#include "client/base/status_macros.h"

namespace latchkey::bench {
namespace {

absl::Status NoProcess(pid_t pid) {
  return absl::NotFoundError(absl::StrCat("no process ", pid));
}

// Returns what follows "`name`:" in a file of such lines, or nothing.
std::string FieldOf(const std::string& path, absl::string_view name) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    absl::string_view rest = line;
    if (!absl::ConsumePrefix(&rest, name)) continue;
    rest = absl::StripLeadingAsciiWhitespace(rest);
    if (!absl::ConsumePrefix(&rest, ":")) continue;
    return std::string(absl::StripAsciiWhitespace(rest));
  }
  return "";
}

// Reads a field of /proc that is a number with or without " kB" behind it.
int64_t NumberOf(const std::string& path, absl::string_view name) {
  const std::string field = FieldOf(path, name);
  absl::string_view text = field;
  const bool kibibytes = absl::ConsumeSuffix(&text, " kB");
  int64_t number = 0;
  if (!absl::SimpleAtoi(text, &number)) return 0;
  return kibibytes ? number * 1024 : number;
}

}  // namespace

absl::StatusOr<absl::Duration> CpuTime(pid_t pid) {
  clockid_t clock;
  timespec time;
  // /proc/PID/stat counts in steps of 10 ms, /proc/PID/schedstat the first
  // thread only; this clock is the whole process, to the nanosecond.
  if (clock_getcpuclockid(pid, &clock) != 0 ||
      clock_gettime(clock, &time) != 0) {
    return NoProcess(pid);
  }
  return absl::DurationFromTimespec(time);
}

absl::StatusOr<ProcessStats> ReadProcessStats(pid_t pid) {
  ProcessStats stats;
  LATCHKEY_ASSIGN_OR_RETURN(stats.cpu, CpuTime(pid));
  const std::string path = absl::StrCat("/proc/", pid, "/status");
  stats.threads = static_cast<int>(NumberOf(path, "Threads"));
  if (stats.threads == 0) return NoProcess(pid);
  stats.resident_bytes = NumberOf(path, "VmRSS");
  stats.peak_resident_bytes = NumberOf(path, "VmHWM");
  return stats;
}

absl::StatusOr<int64_t> DirectoryBytes(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::recursive_directory_iterator entry(path, error);
  if (error) {
    return absl::NotFoundError(absl::StrCat(path, ": ", error.message()));
  }
  int64_t bytes = 0;
  while (entry != fs::recursive_directory_iterator()) {
    struct stat found;
    if (lstat(entry->path().c_str(), &found) == 0) {
      bytes += static_cast<int64_t>(found.st_blocks) * 512;
    }
    entry.increment(error);
    if (error) break;
  }
  return bytes;
}

Machine ReadMachine() {
  Machine machine;
  machine.cpu = FieldOf("/proc/cpuinfo", "model name");
  cpu_set_t cores;
  if (sched_getaffinity(0, sizeof(cores), &cores) == 0) {
    machine.cores = CPU_COUNT(&cores);
  }
  machine.memory_bytes = NumberOf("/proc/meminfo", "MemTotal");
  utsname names;
  if (uname(&names) == 0) {
    machine.kernel = absl::StrCat(names.sysname, " ", names.release);
  }
  return machine;
}

}  // namespace latchkey::bench
