#include "server/server_metrics.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"

#include "server/base/process_metrics.h"

namespace latchkey {
namespace {

double UnixSeconds(absl::Time time) {
  return absl::ToDoubleSeconds(time - absl::UnixEpoch());
}

void WriteAbout(const ServerParts& parts, MetricText& text) {
  text.BeginGauge("latchkey_build_info", "Always 1; what was built.");
  text.Sample({{"version", parts.version}}, uint64_t{1});
  WriteProcessMetrics(parts.start_time, text);
  text.Gauge("latchkey_clock_held_seconds",
             "How far the wall clock is behind the time that the server goes "
             "by, after it was stepped back.",
             absl::ToDoubleSeconds(parts.clock.HeldFor()));
}

void WriteCaches(const ServerParts& parts, MetricText& text) {
  const SessionCache::Counts sessions = parts.sessions.counts();
  const AccountCache::Counts accounts = parts.accounts.counts();
  const JwtVerdicts::Counts verdicts = parts.verdicts.counts();
  text.BeginCounter("latchkey_cache_lookups_total",
                    "Look-ups in memory, by whether it could answer.");
  const auto lookups = [&text](absl::string_view cache, uint64_t hits,
                               uint64_t misses) {
    text.Sample({{"cache", cache}, {"result", "hit"}}, hits);
    text.Sample({{"cache", cache}, {"result", "miss"}}, misses);
  };
  lookups("session", sessions.hits, sessions.misses);
  lookups("account", accounts.hits, accounts.misses);
  lookups("verdict", verdicts.hits, verdicts.misses);
  text.BeginGauge("latchkey_cache_entries", "Entries in memory.");
  text.Sample({{"cache", "session"}}, uint64_t{parts.sessions.CachedEntries()});
  text.Sample({{"cache", "account"}}, uint64_t{parts.accounts.CachedEntries()});
  text.Sample({{"cache", "verdict"}}, uint64_t{parts.verdicts.Entries()});
  text.BeginGauge("latchkey_cache_max_entries",
                  "Entries that there is room for.");
  text.Sample({{"cache", "session"}}, uint64_t{parts.sessions.MaxEntries()});
  text.Sample({{"cache", "verdict"}}, uint64_t{parts.verdicts.Capacity()});
  text.Counter("latchkey_session_cache_evicted_total",
               "Sessions that left memory to make room.", sessions.evicted);
  text.Gauge("latchkey_session_profile_bytes",
             "Memory of what cached sessions have in common.",
             uint64_t{parts.sessions.ProfileBytes()});
  text.Gauge("latchkey_cache_warm",
             "1 once all sessions that memory has room for were read into it "
             "after the start.",
             uint64_t{parts.warmer.warm() ? 1u : 0u});
}

void WritePools(const ServerParts& parts, MetricText& text) {
  struct Pool {
    absl::string_view name;
    size_t waiting;
    TaskPool::Counts counts;
  };
  const std::array<Pool, 2> pools = {
      Pool{"worker", parts.workers.Waiting(), parts.workers.counts()},
      Pool{"reader", parts.readers.Waiting(), parts.readers.counts()}};
  text.BeginGauge("latchkey_pool_waiting", "Tasks that wait for a thread.");
  for (const Pool& pool : pools) {
    text.Sample({{"pool", pool.name}}, uint64_t{pool.waiting});
  }
  text.BeginGauge("latchkey_pool_running", "Tasks that run now.");
  for (const Pool& pool : pools) {
    text.Sample({{"pool", pool.name}}, uint64_t{pool.counts.running});
  }
  text.BeginCounter("latchkey_pool_started_total", "Tasks begun.");
  for (const Pool& pool : pools) {
    text.Sample({{"pool", pool.name}}, pool.counts.started);
  }
  text.BeginCounter("latchkey_pool_refused_total",
                    "Tasks refused: the queue was full.");
  for (const Pool& pool : pools) {
    text.Sample({{"pool", pool.name}}, pool.counts.refused);
  }
}

void WriteHashes(const HashPool& hashes, MetricText& text) {
  const HashPool::Counts counts = hashes.counts();
  text.Gauge("latchkey_hash_waiting", "Logins that wait for a hash.",
             uint64_t{hashes.Waiting()});
  text.Gauge("latchkey_hash_running", "Password hashes computed now.",
             uint64_t{hashes.Running()});
  text.Counter("latchkey_hash_started_total", "Password hashes begun.",
               counts.started);
  text.Counter("latchkey_hash_refused_total",
               "Logins told to retry at once: too many waited.",
               counts.refused);
  text.Counter("latchkey_hash_dropped_total",
               "Logins given up while they waited: abandoned or too late.",
               counts.dropped);
  text.Histogram("latchkey_hash_wait_seconds",
                 "How long logins waited for their hash.", hashes.waits());
  text.Histogram("latchkey_hash_duration_seconds",
                 "How long a hash took, the look-up of the account included.",
                 hashes.runs());
}

void WriteKeys(const ServerParts& parts, MetricText& text) {
  const std::vector<KeyInfo> keys = parts.keys.List(parts.clock.Now());
  uint64_t published = 0;
  uint64_t signing = 0;
  uint64_t retiring = 0;
  absl::Time signs_since = absl::UnixEpoch();
  for (const KeyInfo& key : keys) {
    switch (key.state) {
      case KeyState::kPublished:
        ++published;
        break;
      case KeyState::kSigning:
        ++signing;
        signs_since = key.activate_time;
        break;
      case KeyState::kRetiring:
        ++retiring;
        break;
    }
  }
  text.BeginGauge("latchkey_keys", "Signing keys by state.");
  text.Sample({{"state", "published"}}, published);
  text.Sample({{"state", "signing"}}, signing);
  text.Sample({{"state", "retiring"}}, retiring);
  text.Gauge("latchkey_signing_key_activate_time_seconds",
             "Since when the present key signs, in seconds since 1970.",
             UnixSeconds(signs_since));
}

void WriteJanitor(const Janitor& janitor, MetricText& text) {
  const Janitor::Figures& figures = janitor.figures();
  text.BeginCounter("latchkey_janitor_runs_total",
                    "Saves of activity (flush), searches for dead sessions "
                    "(sweep).");
  text.Sample({{"task", "flush"}, {"result", "ok"}}, figures.flushes.Value());
  text.Sample({{"task", "flush"}, {"result", "failed"}},
              figures.failed_flushes.Value());
  text.Sample({{"task", "sweep"}, {"result", "ok"}}, figures.sweeps.Value());
  text.Sample({{"task", "sweep"}, {"result", "failed"}},
              figures.failed_sweeps.Value());
  text.Counter("latchkey_janitor_freed_sessions_total",
               "Dead sessions that sweeps freed.",
               figures.freed_sessions.Value());
  text.Counter("latchkey_janitor_failed_key_turns_total",
               "Times that the key ring could not be turned.",
               figures.failed_key_turns.Value());
}

}  // namespace

void AddServerMetrics(const ServerParts& parts, MetricRegistry& registry) {
  registry.Add([parts](MetricText& text) {
    WriteAbout(parts, text);
    WriteCaches(parts, text);
    WritePools(parts, text);
    WriteHashes(parts.hashes, text);
    WriteKeys(parts, text);
    WriteJanitor(parts.janitor, text);
    parts.database.WriteMetrics(text);
  });
}

}  // namespace latchkey
