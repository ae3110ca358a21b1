#include "tools/bench/process_stats.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

namespace latchkey::bench {
namespace {

// Returns the number of a process that is no more.
pid_t EndedProcess() {
  const pid_t pid = fork();
  if (pid == 0) _exit(0);
  waitpid(pid, nullptr, 0);
  return pid;
}

TEST(ProcessStats, TellsOfThisProcess) {
  const auto stats = ReadProcessStats(getpid());
  ASSERT_TRUE(stats.ok()) << stats.status();
  EXPECT_GT(stats->cpu, absl::ZeroDuration());
  EXPECT_GT(stats->resident_bytes, 1 << 20);
  EXPECT_GE(stats->peak_resident_bytes, stats->resident_bytes);
  EXPECT_GE(stats->threads, 1);
}

TEST(ProcessStats, CpuTimeGrowsWithWork) {
  const auto before = CpuTime(getpid());
  ASSERT_TRUE(before.ok());
  volatile unsigned sum = 0;
  for (unsigned i = 0; i < 1000000; ++i) sum = sum + i;
  const auto after = CpuTime(getpid());
  ASSERT_TRUE(after.ok());
  EXPECT_GT(*after, *before);
}

TEST(ProcessStats, AProcessThatEndedIsNotFound) {
  const pid_t pid = EndedProcess();
  EXPECT_EQ(CpuTime(pid).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ReadProcessStats(pid).status().code(), absl::StatusCode::kNotFound);
}

TEST(ProcessStats, DirectoryBytesCountsFilesBelow) {
  std::string path = testing::TempDir() + "latchkey_bench_XXXXXX";
  ASSERT_NE(mkdtemp(path.data()), nullptr);
  std::filesystem::create_directory(path + "/below");
  const auto empty = DirectoryBytes(path);
  ASSERT_TRUE(empty.ok());
  std::ofstream(path + "/below/file") << std::string(100000, 'x') << std::flush;
  const auto full = DirectoryBytes(path);
  ASSERT_TRUE(full.ok());
  EXPECT_GE(*full - *empty, 100000);
  EXPECT_LE(*full - *empty, 200000);
  std::filesystem::remove_all(path);
  EXPECT_EQ(DirectoryBytes(path).status().code(), absl::StatusCode::kNotFound);
}

TEST(ProcessStats, TellsOfThisMachine) {
  const Machine machine = ReadMachine();
  EXPECT_GE(machine.cores, 1);
  EXPECT_GT(machine.memory_bytes, 1 << 28);
  EXPECT_NE(machine.kernel.find("Linux"), std::string::npos);
}

}  // namespace
}  // namespace latchkey::bench
