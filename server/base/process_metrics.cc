#include "server/base/process_metrics.h"

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <sys/resource.h>
#include <system_error>
#include <unistd.h>

namespace latchkey {
namespace {

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) +
         static_cast<double>(time.tv_usec) / 1e6;
}

std::optional<uint64_t> OpenDescriptors() {
  std::error_code error;
  std::filesystem::directory_iterator entry("/proc/self/fd", error);
  if (error) return std::nullopt;
  uint64_t count = 0;
  while (entry != std::filesystem::directory_iterator()) {
    ++count;
    entry.increment(error);
    if (error) return std::nullopt;
  }
  return count - 1;  // without the one that was opened to look
}

void WriteMemory(MetricText& text) {
  std::FILE* const file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return;
  unsigned long total = 0;
  unsigned long resident = 0;
  const int read = std::fscanf(file, "%lu %lu", &total, &resident);
  std::fclose(file);
  if (read != 2) return;
  const uint64_t page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  text.Gauge("process_virtual_memory_bytes", "Virtual memory.", total * page);
  text.Gauge("process_resident_memory_bytes", "Resident memory.",
             resident * page);
}

}  // namespace

void WriteProcessMetrics(absl::Time start_time, MetricText& text) {
  rusage usage;
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    text.Counter("process_cpu_seconds_total", "User and system CPU time spent.",
                 Seconds(usage.ru_utime) + Seconds(usage.ru_stime));
  }
  WriteMemory(text);
  if (const auto open = OpenDescriptors()) {
    text.Gauge("process_open_fds", "Open file descriptors.", *open);
  }
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    text.Gauge("process_max_fds", "Most file descriptors that may be open.",
               uint64_t{limit.rlim_cur});
  }
  text.Gauge("process_start_time_seconds", "Start, in seconds since 1970.",
             absl::ToDoubleSeconds(start_time - absl::UnixEpoch()));
}

}  // namespace latchkey
