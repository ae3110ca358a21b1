#ifndef LATCHKEY_SERVER_AUTH_INACTIVE_REASON_H_
#define LATCHKEY_SERVER_AUTH_INACTIVE_REASON_H_

#include <cstdint>

namespace latchkey {

// InactiveReason is why a credential is not active; what each says stands at
// its namesake in auth.proto, whose numbers these are.
enum class InactiveReason : uint8_t {
  kUntold = 0,
  kUnknown = 1,
  kExpired = 2,
  kIdle = 3,
  kSessionEnded = 4,
  kAccountDisabled = 5,
  kAccountDeleted = 6,
  kAudience = 7,
  kAuthTooOld = 8,
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_AUTH_INACTIVE_REASON_H_
