// Logins of services, each on disk before it is answered, against a program
// that does nothing but write and sync, one record after the other.
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

#include "client/base/status_macros.h"
#include "tools/bench/login_workload.h"
#include "tools/bench/measure.h"
#include "tools/bench/parts.h"
#include "tools/bench/stats.h"

namespace latchkey::bench {
namespace {

constexpr char kSection[] = "service-login";
// What a login adds to the log: the session, its two pointers, a revision.
constexpr size_t kRecordBytes = 512;
// A sync may take milliseconds: a stretch must hold enough to be counted.
constexpr absl::Duration kLeastBlock = absl::Milliseconds(500);

// SyncedLog is a file that records are appended to, each synced.
class SyncedLog {
 public:
  explicit SyncedLog(std::string path) : path_(std::move(path)) {}
  ~SyncedLog() {
    if (fd_ >= 0) close(fd_);
    unlink(path_.c_str());
  }
  SyncedLog(const SyncedLog&) = delete;
  SyncedLog& operator=(const SyncedLog&) = delete;

  // WritesPerSecond appends for `duration`.
  absl::StatusOr<double> WritesPerSecond(absl::Duration duration) {
    if (fd_ < 0) {
      fd_ =
          open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    }
    if (fd_ < 0) return Failed();
    const std::string record(kRecordBytes, 'r');
    const absl::Time begin = absl::Now();
    uint64_t count = 0;
    while (absl::Now() < begin + duration) {
      if (write(fd_, record.data(), record.size()) !=
              static_cast<ssize_t>(record.size()) ||
          fdatasync(fd_) != 0) {
        return Failed();
      }
      ++count;
    }
    return static_cast<double>(count) /
           absl::ToDoubleSeconds(absl::Now() - begin);
  }

 private:
  absl::Status Failed() const {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", path_));
  }

  const std::string path_;
  int fd_ = -1;
};

}  // namespace

absl::Status RunServiceLogin(const Bench& bench) {
  const LoginAccount account = MakeServiceAccount(bench.clock.Now());
  Stage::Setup setup;
  setup.population.live = bench.options.SessionsOr(1000);
  setup.more_accounts = {account.account};
  LATCHKEY_ASSIGN_OR_RETURN(const std::unique_ptr<Stage> stage,
                            Stage::SeedAndStart(bench, std::move(setup)));
  LATCHKEY_ASSIGN_OR_RETURN(const std::unique_ptr<LoadClient> load,
                            stage->Connect());
  bench.progress.Step("service-login: durable logins against synced writes");
  const absl::Duration block = std::max(bench.options.block, kLeastBlock);
  // Beside the database: the same disk.
  SyncedLog log(absl::StrCat(stage->directory(), "/synced-writes"));
  LoginWorkload logins(account);
  std::vector<double> ratios;
  Measured all;
  double writes_sum = 0;
  for (int quad = 0; quad < bench.options.quads; ++quad) {
    bench.progress.Part(quad, bench.options.quads);
    LATCHKEY_ASSIGN_OR_RETURN(const double before, log.WritesPerSecond(block));
    Measured login;
    for (int i = 0; i < 2; ++i) {
      LATCHKEY_ASSIGN_OR_RETURN(
          const Measured one,
          MeasureClosed(*load, stage->server().pid(), logins, block));
      login.Add(one);
    }
    LATCHKEY_ASSIGN_OR_RETURN(const double after, log.WritesPerSecond(block));
    const double writes = (before + after) / 2;
    ratios.push_back(login.PerSecond() / writes);
    writes_sum += writes;
    all.Add(login);
  }
  if (logins.refused() > 0) {
    return absl::UnavailableError(
        absl::StrCat(logins.refused(), " logins were refused as too many"));
  }
  const Spread ratio = SpreadOf(ratios);
  bench.report.Add(
      {.section = kSection,
       .name = "durable service logins / synced writes of one thread",
       .measured = ratio.median,
       .unit = "x",
       .at_least = 4,
       .aim = 8,
       .spread = ratio,
       .note = absl::StrCat(
           FormatFigure(all.PerSecond(), "1/s"), " and ",
           FormatFigure(writes_sum / bench.options.quads, "1/s"), ", ",
           FormatFigure(absl::ToDoubleSeconds(all.CpuPerCall()), "s"),
           " of server CPU each")});
  return absl::OkStatus();
}

}  // namespace latchkey::bench
