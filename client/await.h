#ifndef LATCHKEY_CLIENT_AWAIT_H_
#define LATCHKEY_CLIENT_AWAIT_H_

#include <optional>
#include <utility>

#include "client/base/mutex.h"

namespace latchkey {

// Await calls `begin(done)` and blocks until `done(result)` has been called,
// once, by any thread; returns that result. Not in a callback of gRPC.
template <typename Result, typename Begin>
Result Await(Begin begin) {
  Mutex mutex;
  CondVar answered;
  std::optional<Result> answer;
  begin([&](Result result) {
    // Notified under the lock: once it is free, all this may be gone.
    MutexLock lock(&mutex);
    answer = std::move(result);
    answered.NotifyOne();
  });
  MutexLock lock(&mutex);
  while (!answer.has_value()) answered.Wait(&mutex);
  return *std::move(answer);
}

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_AWAIT_H_
