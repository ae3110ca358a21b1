#ifndef LATCHKEY_SERVER_SERVER_METRICS_H_
#define LATCHKEY_SERVER_SERVER_METRICS_H_

#include <string>

#include "absl/time/time.h"

#include "client/base/clock.h"
#include "server/account/account_cache.h"
#include "server/account/hash_pool.h"
#include "server/auth/janitor.h"
#include "server/auth/jwt_verdict.h"
#include "server/auth/warmer.h"
#include "server/base/metric_text.h"
#include "server/base/task_pool.h"
#include "server/credential/key_ring.h"
#include "server/session/session_cache.h"
#include "server/storage/database.h"

namespace latchkey {

// What the server's metrics tell about; all referenced outlives the registry's
// last scrape.
struct ServerParts {
  std::string version;
  absl::Time start_time;
  const ForwardClock& clock;
  const Database& database;
  const KeyRing& keys;
  const AccountCache& accounts;
  const SessionCache& sessions;
  const JwtVerdicts& verdicts;
  const TaskPool& workers;
  const TaskPool& readers;
  const HashPool& hashes;
  const Janitor& janitor;
  const Warmer& warmer;
};

// AddServerMetrics has `registry` tell about all of `parts`. What is served
// only with some settings adds itself: registry.Add(...) in main.cc.
void AddServerMetrics(const ServerParts& parts, MetricRegistry& registry);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SERVER_METRICS_H_
