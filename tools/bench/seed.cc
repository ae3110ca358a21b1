#include "tools/bench/seed.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"

#include "client/base/mutex.h"
#include "client/base/status_macros.h"
#include "server/base/log.h"
#include "server/data_dir.h"
#include "server/storage/session_loader.h"
#include "tools/bench/bench_server.h"
#include "tools/bench/interrupt.h"

namespace latchkey::bench {
namespace {

// Rows per write: enough that the write itself does not count.
constexpr uint64_t kChunk = 1000;

using LoadChunk = std::function<absl::Status(uint64_t begin, uint64_t end)>;

// Runs `load` over [0, count) in chunks, on as many threads as there are
// processors. The first one, the caller's, shows the progress.
absl::Status InChunks(uint64_t count, const LoadChunk& load,
                      Progress& progress) {
  std::atomic<uint64_t> next{0};
  Mutex mutex;
  absl::Status failed;
  const auto work = [&](bool shows) {
    while (true) {
      const uint64_t begin = next.fetch_add(kChunk);
      if (begin >= count) return;
      if (shows) progress.Part(begin, count);
      const absl::Status loaded =
          Interrupted() ? absl::CancelledError("interrupted")
                        : load(begin, std::min(count, begin + kChunk));
      if (loaded.ok()) continue;
      MutexLock lock(&mutex);
      if (failed.ok()) failed = loaded;
      next = count;
    }
  };
  std::vector<std::thread> others;
  for (unsigned i = 1; i < std::thread::hardware_concurrency(); ++i) {
    others.emplace_back(work, false);
  }
  work(true);
  for (std::thread& other : others) other.join();
  return failed;
}

absl::Status LoadAll(const Population& population, SessionLoader& loader,
                     Progress& progress) {
  LATCHKEY_RETURN_IF_ERROR(InChunks(
      population.accounts(),
      [&](uint64_t begin, uint64_t end) {
        std::vector<Account> accounts;
        for (uint64_t i = begin; i < end; ++i) {
          accounts.push_back(population.MakeAccount(i));
        }
        return loader.AddAccounts(accounts);
      },
      progress));
  return InChunks(
      population.stored(),
      [&](uint64_t begin, uint64_t end) {
        std::vector<StoredSession> sessions;
        for (uint64_t i = begin; i < end; ++i) {
          sessions.push_back(population.SessionOf(i));
        }
        return loader.AddSessions(sessions);
      },
      progress);
}

}  // namespace

absl::StatusOr<std::unique_ptr<TokenMint>> Seed(
    const Population& population, const std::vector<Account>& more_accounts,
    const std::string& directory, const Clock& clock, Progress& progress) {
  progress.Step(absl::StrCat("seeding ", population.stored(), " sessions"));
  const std::unique_ptr<Log> log = Log::ToStderr(LogLevel::kError, clock);
  LATCHKEY_ASSIGN_OR_RETURN(const std::unique_ptr<DataDir> data_dir,
                            DataDir::Open(DataDirIn(directory)));
  LATCHKEY_ASSIGN_OR_RETURN(
      const std::unique_ptr<SessionLoader> loader,
      SessionLoader::Open({.path = data_dir->database()}, clock, *log));
  LATCHKEY_ASSIGN_OR_RETURN(
      std::unique_ptr<TokenMint> mint,
      TokenMint::FromStore(loader->keys(), MasterKeyIn(directory),
                           clock.Now()));
  LATCHKEY_RETURN_IF_ERROR(loader->AddAccounts(more_accounts));
  LATCHKEY_RETURN_IF_ERROR(LoadAll(population, *loader, progress));
  progress.Step("merging what was seeded");
  const absl::Status finished = loader->Finish(&Interrupted());
  if (Interrupted()) return absl::CancelledError("interrupted");
  LATCHKEY_RETURN_IF_ERROR(finished);
  return mint;
}

}  // namespace latchkey::bench
