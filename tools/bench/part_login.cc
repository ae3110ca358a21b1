// Logins with a password, against the password hash alone.
#include <algorithm>
#include <cstdint>
#include <sodium.h>
#include <string>
#include <thread>
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

constexpr char kSection[] = "login";
constexpr int kConnections = 2;
// Keeps the hash threads busy, and well within the queue of 64.
constexpr int kStreams = 8;
// How slow the machine is, is what is measured: no login is refused for it.
constexpr char kMaxWait[] = "--hash_max_wait=60s";
// A hash takes 15 ms: a stretch must hold enough of them to be counted.
constexpr absl::Duration kLeastBlock = absl::Milliseconds(500);

// As many as the server has by default.
int HashThreads() {
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()) / 2);
}

// Hashes that libsodium computes in a second on so many threads: each maps its
// memory afresh, as libsodium does for whoever calls it.
double RawHashesPerSecond(const HashCost& cost, int threads,
                          absl::Duration duration) {
  const absl::Time begin = absl::Now();
  const absl::Time end = begin + duration;
  std::vector<uint64_t> counts(threads, 0);
  const auto work = [&](uint64_t* count) {
    unsigned char out[32];
    const unsigned char salt[crypto_pwhash_SALTBYTES] = {};
    const std::string password(32, 'p');
    while (absl::Now() < end) {
      if (crypto_pwhash(out, sizeof(out), password.data(), password.size(),
                        salt, cost.time, size_t{cost.memory_kib} * 1024,
                        crypto_pwhash_ALG_ARGON2ID13) == 0) {
        ++*count;
      }
    }
  };
  std::vector<std::thread> pool;
  for (uint64_t& count : counts) pool.emplace_back(work, &count);
  for (std::thread& thread : pool) thread.join();
  uint64_t total = 0;
  for (const uint64_t count : counts) total += count;
  return static_cast<double>(total) /
         absl::ToDoubleSeconds(absl::Now() - begin);
}

}  // namespace

absl::Status RunLogin(const Bench& bench) {
  if (sodium_init() < 0) return absl::InternalError("libsodium cannot be used");
  const HashCost cost;
  LATCHKEY_ASSIGN_OR_RETURN(const LoginAccount account,
                            MakeLoginAccount(cost, bench.clock.Now()));
  Stage::Setup setup;
  setup.population.live = bench.options.SessionsOr(1000);
  setup.more_accounts = {account.account};
  setup.server_flags = {kMaxWait};
  LATCHKEY_ASSIGN_OR_RETURN(const std::unique_ptr<Stage> stage,
                            Stage::SeedAndStart(bench, std::move(setup)));
  LATCHKEY_ASSIGN_OR_RETURN(const std::unique_ptr<LoadClient> load,
                            stage->Connect(kConnections, kStreams));
  bench.progress.Step("login: logins against bare Argon2id");
  const absl::Duration block = std::max(bench.options.block, kLeastBlock);
  LoginWorkload logins(account);
  std::vector<double> ratios;
  Measured all;
  double raw_sum = 0;
  const int quads = std::min(bench.options.quads, 5);
  for (int quad = 0; quad < quads; ++quad) {
    bench.progress.Part(quad, quads);
    double raw = RawHashesPerSecond(cost, HashThreads(), block);
    Measured login;
    for (int i = 0; i < 2; ++i) {
      LATCHKEY_ASSIGN_OR_RETURN(
          const Measured one,
          MeasureClosed(*load, stage->server().pid(), logins, block));
      login.Add(one);
    }
    raw = (raw + RawHashesPerSecond(cost, HashThreads(), block)) / 2;
    ratios.push_back(login.PerSecond() / raw);
    raw_sum += raw;
    all.Add(login);
  }
  if (logins.refused() > 0) {
    return absl::UnavailableError(
        absl::StrCat(logins.refused(), " logins were refused as too many"));
  }
  const Spread ratio = SpreadOf(ratios);
  bench.report.Add(
      {.section = kSection,
       .name = "logins / bare Argon2id, per second",
       .measured = ratio.median,
       .unit = "x",
       .at_least = 0.95,
       .aim = 1.5,
       .spread = ratio,
       .note = absl::StrCat(FormatFigure(all.PerSecond(), "1/s"), " and ",
                            FormatFigure(raw_sum / quads, "1/s"),
                            ", t=", cost.time, " m=", cost.memory_kib, " KiB, ",
                            HashThreads(), " thread(s)")});
  return absl::OkStatus();
}

}  // namespace latchkey::bench
