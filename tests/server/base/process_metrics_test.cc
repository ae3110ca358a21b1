#include "server/base/process_metrics.h"

#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <unistd.h>

#include "gtest/gtest.h"

namespace latchkey {
namespace {

double ValueOf(const std::string& name) {
  MetricText text;
  WriteProcessMetrics(absl::FromUnixMillis(1500), text);
  const std::string line = "\n" + name + " ";
  const size_t found = text.text().find(line);
  if (found == std::string::npos) {
    ADD_FAILURE() << "no " << name << " in\n" << text.text();
    return -1;
  }
  return std::strtod(text.text().c_str() + found + line.size(), nullptr);
}

TEST(ProcessMetrics, TellWhenItStarted) {
  EXPECT_EQ(ValueOf("process_start_time_seconds"), 1.5);
}

TEST(ProcessMetrics, CountOpenDescriptors) {
  const double before = ValueOf("process_open_fds");
  const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  EXPECT_EQ(ValueOf("process_open_fds"), before + 1);
  close(fd);
  EXPECT_GE(ValueOf("process_max_fds"), before);
}

TEST(ProcessMetrics, MeasureMemoryAndTime) {
  EXPECT_GT(ValueOf("process_resident_memory_bytes"), 0);
  EXPECT_GE(ValueOf("process_virtual_memory_bytes"),
            ValueOf("process_resident_memory_bytes"));
  const double before = ValueOf("process_cpu_seconds_total");
  EXPECT_GE(ValueOf("process_cpu_seconds_total"), before);
}

}  // namespace
}  // namespace latchkey
