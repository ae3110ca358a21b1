#ifndef LATCHKEY_SERVER_AUTH_JWT_VERDICT_H_
#define LATCHKEY_SERVER_AUTH_JWT_VERDICT_H_

#include <cstdint>

#include "absl/time/time.h"

#include "client/base/ids.h"
#include "client/verify/verdict_cache.h"
#include "server/session/session.h"

namespace latchkey {

// JwtVerdict is what a JWT whose text was found good says, and under which key
// its session lies. Whether that session and its account still stand is asked
// each time.
struct JwtVerdict {
  SessionId session;
  SessionKey key;
  AccountUid account;
  uint64_t generation = 0;
  absl::Time expire_time;
};

using JwtVerdicts = VerdictCache<JwtVerdict>;

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_AUTH_JWT_VERDICT_H_
