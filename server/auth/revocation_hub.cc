#include "server/auth/revocation_hub.h"

#include <algorithm>
#include <pthread.h>
#include <utility>

#include "client/base/status_macros.h"
#include "server/base/error.h"

namespace latchkey {
namespace {

// Between two looks at what makes no noise: keys that change by age, and
// streams that are silent.
constexpr absl::Duration kLookInterval = absl::Seconds(1);

absl::Status ShuttingDown() {
  return MakeError(absl::StatusCode::kUnavailable, Reason::kShuttingDown,
                   "the server is shutting down");
}

}  // namespace

absl::StatusOr<std::unique_ptr<RevocationHub>> RevocationHub::Open(
    const Options& options, absl::FunctionRef<uint64_t()> revision,
    const Base& base) {
  LATCHKEY_ASSIGN_OR_RETURN(std::unique_ptr<LeaseTable> leases,
                            LeaseTable::Open(options.leases, revision(),
                                             base.lease_store, base.clock));
  return std::unique_ptr<RevocationHub>(
      // Storing that was a change itself.
      new RevocationHub(options, revision(), base, std::move(leases)));
}

RevocationHub::RevocationHub(const Options& options, uint64_t revision,
                             const Base& base,
                             std::unique_ptr<LeaseTable> leases)
    : options_(options),
      epoch_(base.epoch),
      clock_(base.clock),
      keys_(base.keys, base.clock),
      leases_(std::move(leases)),
      log_(options.log, revision, base.archive),
      feed_(log_, *leases_,
            [this] {
              MutexLock lock(&mutex_);
              published_ = true;
              wake_.NotifyOne();
            }),
      look_due_(base.clock.SinceBoot()) {}

RevocationHub::~RevocationHub() { Stop(); }

void RevocationHub::Start() {
  thread_ = std::thread([this] { Work(); });
}

void RevocationHub::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void RevocationHub::Work() {
  pthread_setname_np(pthread_self(), "revocations");
  while (true) {
    const absl::Duration due = RunDue(clock_.SinceBoot());
    MutexLock lock(&mutex_);
    while (!stopping_ && !published_ && !poked_) {
      const absl::Duration left = due - clock_.SinceBoot();
      if (left <= absl::ZeroDuration()) break;
      wake_.WaitFor(&mutex_, left);
    }
    poked_ = false;
    if (stopping_) return;
  }
}

absl::Duration RevocationHub::RunDue(absl::Duration since_boot) {
  leases_->Tick();
  bool wake = false;
  {
    MutexLock lock(&mutex_);
    wake = std::exchange(published_, false);
  }
  if (since_boot >= look_due_) {
    auto keys = keys_.Current();
    if (keys != told_keys_) {
      told_keys_ = std::move(keys);
      wake = true;
    }
    EndSilent(since_boot);
    look_due_ = since_boot + kLookInterval;
  }
  if (wake) {
    for (const auto& watcher : AllWatchers()) watcher->Wake();
  }
  return std::min(look_due_, leases_->NextDeadline());
}

std::vector<std::shared_ptr<Watcher>> RevocationHub::AllWatchers() const {
  MutexLock lock(&mutex_);
  return {watchers_.begin(), watchers_.end()};
}

void RevocationHub::EndSilent(absl::Duration since_boot) {
  for (const auto& watcher : AllWatchers()) {
    if (since_boot - watcher->LastHeard() <= options_.silence_limit) continue;
    watcher->End(MakeError(absl::StatusCode::kDeadlineExceeded,
                           Reason::kVerifierSilent,
                           "no heartbeat for too long"));
  }
}

absl::StatusOr<std::unique_ptr<RevocationStream>> RevocationHub::OpenStream() {
  auto stream = RevocationStream::Open(epoch_, log_, keys_, *leases_);
  if (absl::IsResourceExhausted(stream.status())) {
    // A lease that is waited out makes room.
    return WithRetryDelay(
        MakeError(absl::StatusCode::kResourceExhausted,
                  Reason::kTooManyVerifiers, "too many verifiers"),
        leases_->Bound());
  }
  return stream;
}

absl::Status RevocationHub::Add(std::shared_ptr<Watcher> watcher) {
  MutexLock lock(&mutex_);
  if (ended_) return ShuttingDown();
  watchers_.insert(std::move(watcher));
  return absl::OkStatus();
}

void RevocationHub::Remove(const std::shared_ptr<Watcher>& watcher) {
  MutexLock lock(&mutex_);
  watchers_.erase(watcher);
}

void RevocationHub::EndStreams() {
  {
    MutexLock lock(&mutex_);
    ended_ = true;
  }
  for (const auto& watcher : AllWatchers()) watcher->End(ShuttingDown());
}

void RevocationHub::Wait(uint64_t revision,
                         std::optional<absl::Duration> timeout,
                         LeaseTable::Done done) {
  leases_->Wait(revision, timeout.value_or(leases_->Patience()),
                std::move(done));
  // There may be something to be done in time that there was not before.
  MutexLock lock(&mutex_);
  poked_ = true;
  wake_.NotifyOne();
}

}  // namespace latchkey
