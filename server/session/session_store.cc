#include "server/session/session_store.h"

#include <utility>

#include "client/base/mutex.h"

namespace latchkey {
namespace {

absl::StatusOr<uint64_t> CreateAndWait(SessionStore& store, NewSession session,
                                       absl::Time now) {
  struct Waiter {
    Mutex mutex;
    CondVar wake;
    std::optional<absl::StatusOr<uint64_t>> revision ABSL_GUARDED_BY(mutex);
  } waiter;
  store.StartCreate(std::make_shared<const NewSession>(std::move(session)), now,
                    [&waiter](absl::StatusOr<uint64_t> revision) {
                      MutexLock lock(&waiter.mutex);
                      waiter.revision = std::move(revision);
                      // Under the lock: then the waiter is gone.
                      waiter.wake.NotifyOne();
                    });
  MutexLock lock(&waiter.mutex);
  while (!waiter.revision.has_value()) waiter.wake.Wait(&waiter.mutex);
  return *std::move(waiter.revision);
}

}  // namespace

absl::StatusOr<uint64_t> SessionStore::Create(const SessionKey& key,
                                              const Session& session,
                                              absl::Time now) {
  return CreateAndWait(*this, {.key = key, .session = session}, now);
}

absl::StatusOr<uint64_t> SessionStore::CreateByProof(const SessionKey& key,
                                                     const Session& session,
                                                     const ProofUse& use,
                                                     absl::Time now) {
  return CreateAndWait(*this, {.key = key, .session = session, .use = use},
                       now);
}

}  // namespace latchkey
