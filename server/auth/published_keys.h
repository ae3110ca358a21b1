#ifndef LATCHKEY_SERVER_AUTH_PUBLISHED_KEYS_H_
#define LATCHKEY_SERVER_AUTH_PUBLISHED_KEYS_H_

#include <memory>
#include <string>

#include "client/base/clock.h"
#include "client/base/mutex.h"
#include "client/verify/key_set.h"
#include "server/credential/key_ring.h"
#include "server/session/key_set_source.h"

namespace latchkey {

// PublishedKeys is the key ring's public half as a KeySetSource. Safe from any
// thread.
class PublishedKeys final : public KeySetSource {
 public:
  // Both must outlive it.
  PublishedKeys(const KeyRing& ring, const Clock& clock)
      : ring_(ring), clock_(clock) {}

  std::shared_ptr<const std::string> Current() const override {
    const auto keys = ring_.VerificationKeys(clock_.Now());
    MutexLock lock(&mutex_);
    // The ring hands out one object as long as the keys are the same.
    if (keys != keys_) {
      text_ = std::make_shared<const std::string>(keys->ToJwks());
      keys_ = keys;
    }
    return text_;
  }

 private:
  const KeyRing& ring_;
  const Clock& clock_;
  mutable Mutex mutex_;
  mutable std::shared_ptr<const KeySet> keys_ ABSL_GUARDED_BY(mutex_);
  mutable std::shared_ptr<const std::string> text_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_AUTH_PUBLISHED_KEYS_H_
