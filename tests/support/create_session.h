#ifndef LATCHKEY_TESTS_SUPPORT_CREATE_SESSION_H_
#define LATCHKEY_TESTS_SUPPORT_CREATE_SESSION_H_

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "server/session/session_store.h"
#include "tests/support/notification.h"

namespace latchkey {

// CreateAndWait is SessionStore::StartCreate that waits for its answer.
inline absl::StatusOr<uint64_t> CreateAndWait(SessionStore& store,
                                              NewSession session,
                                              absl::Time now) {
  absl::StatusOr<uint64_t> revision;
  Notification answered;
  store.StartCreate(std::make_shared<const NewSession>(std::move(session)), now,
                    [&](absl::StatusOr<uint64_t> given) {
                      revision = std::move(given);
                      answered.Notify();
                    });
  answered.Wait();
  return revision;
}

inline absl::StatusOr<uint64_t> CreateSession(SessionStore& store,
                                              const SessionKey& key,
                                              const Session& session,
                                              absl::Time now) {
  return CreateAndWait(store, {.key = key, .session = session}, now);
}

inline absl::StatusOr<uint64_t> CreateSessionByProof(SessionStore& store,
                                                     const SessionKey& key,
                                                     const Session& session,
                                                     const ProofUse& use,
                                                     absl::Time now) {
  return CreateAndWait(store, {.key = key, .session = session, .use = use},
                       now);
}

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SUPPORT_CREATE_SESSION_H_
