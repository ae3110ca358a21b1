#ifndef LATCHKEY_SERVER_AUTH_PARTS_H_
#define LATCHKEY_SERVER_AUTH_PARTS_H_

#include <string>

#include "client/base/clock.h"
#include "client/base/ids.h"
#include "server/account/account_cache.h"
#include "server/account/hash_pool.h"
#include "server/account/password.h"
#include "server/auth/jwt_verdict.h"
#include "server/auth/policy.h"
#include "server/base/audit_log.h"
#include "server/base/log.h"
#include "server/base/task_pool.h"
#include "server/credential/jwt_issuer.h"
#include "server/credential/key_ring.h"
#include "server/session/session_cache.h"

namespace latchkey {

// AuthParts is what the verbs work with. All of it outlives them; all of it is
// safe from any thread.
struct AuthParts {
  AccountCache& accounts;
  SessionCache& sessions;
  KeyRing& keys;
  JwtVerdicts& verdicts;  // of `keys` and `issuer_name` alone
  const JwtIssuer& issuer;
  const PasswordChecker& passwords;
  HashPool& hashes;
  TaskPool& workers;
  const Clock& clock;
  Log& log;
  AuditLog& audit;
  SessionPolicy policy;
  std::string issuer_name;  // `iss` that this server writes and expects
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_AUTH_PARTS_H_
