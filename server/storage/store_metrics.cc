#include "server/storage/store_metrics.h"

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"

#include "server/storage/family.h"

namespace latchkey {
namespace {

using Properties = rocksdb::DB::Properties;

// How a property is to be asked for.
enum class Scope {
  kSum,    // over all families
  kWhole,  // of the database: any family tells it
};

// A property, and the gauge that shows it. What RocksDB does not know is left
// out.
struct Gauge {
  const std::string& property;
  Scope scope;
  absl::string_view name;
  absl::string_view help;
};

std::optional<uint64_t> Ask(const RocksDb& db, const Gauge& gauge) {
  uint64_t value = 0;
  const bool known =
      gauge.scope == Scope::kSum
          ? db.raw().GetAggregatedIntProperty(gauge.property, &value)
          : db.raw().GetIntProperty(db.handle(Family::kSessions),
                                    gauge.property, &value);
  if (!known) return std::nullopt;
  return value;
}

// Counted at each scrape: estimates, which cost nothing.
void WriteRows(const RocksDb& db, MetricText& text) {
  text.BeginGauge("latchkey_store_rows",
                  "Estimated rows by kind, what is dead but not freed among "
                  "them.");
  for (const FamilyInfo& info : kFamilies) {
    uint64_t rows = 0;
    if (db.raw().GetIntProperty(db.handle(info.family),
                                Properties::kEstimateNumKeys, &rows)) {
      text.Sample({{"family", info.name}}, rows);
    }
  }
}

}  // namespace

void WriteStoreMetrics(const RocksDb& db, const StoreHealth& health,
                       MetricText& text) {
  const absl::Status state = health.Health();
  text.Gauge("latchkey_store_healthy",
             "1 while the store answers; 0 after a failed write, or once "
             "damage was found.",
             uint64_t{state.ok() ? 1u : 0u});
  text.Gauge("latchkey_store_write_failed",
             "1 after a failed write: only a restart helps.",
             uint64_t{absl::IsUnavailable(state) ? 1u : 0u});
  const Gauge gauges[] = {
      {Properties::kLiveSstFilesSize, Scope::kSum,
       "latchkey_store_table_files_bytes", "Tables in use, on disk."},
      {Properties::kBlockCacheCapacity, Scope::kWhole,
       "latchkey_store_block_cache_capacity_bytes", "Room of the block cache."},
      {Properties::kBlockCacheUsage, Scope::kWhole,
       "latchkey_store_block_cache_bytes",
       "Block cache in use, indices, filters and write buffers included."},
      {Properties::kBlockCachePinnedUsage, Scope::kWhole,
       "latchkey_store_block_cache_pinned_bytes",
       "Part of the block cache that cannot be let go now."},
      {Properties::kCurSizeAllMemTables, Scope::kSum,
       "latchkey_store_write_buffers_bytes", "Write buffers not yet flushed."},
      {Properties::kEstimateTableReadersMem, Scope::kSum,
       "latchkey_store_table_readers_bytes",
       "Memory of open tables outside the block cache."},
      {Properties::kEstimatePendingCompactionBytes, Scope::kSum,
       "latchkey_store_pending_compaction_bytes",
       "Estimate of what compaction has to rewrite to catch up."},
      {Properties::kNumRunningCompactions, Scope::kWhole,
       "latchkey_store_running_compactions", "Compactions under way."},
      {Properties::kNumRunningFlushes, Scope::kWhole,
       "latchkey_store_running_flushes", "Flushes of write buffers under way."},
      {Properties::kIsWriteStopped, Scope::kWhole,
       "latchkey_store_writes_stopped",
       "1 while RocksDB holds writes back until compaction catches up."},
      {Properties::kActualDelayedWriteRate, Scope::kWhole,
       "latchkey_store_delayed_write_bytes_per_second",
       "What RocksDB slows writes down to; 0 while it does not."},
      {Properties::kBackgroundErrors, Scope::kWhole,
       "latchkey_store_background_errors",
       "Failed flushes and compactions since the start."},
  };
  for (const Gauge& gauge : gauges) {
    const std::optional<uint64_t> value = Ask(db, gauge);
    if (value.has_value()) text.Gauge(gauge.name, gauge.help, *value);
  }
  WriteRows(db, text);
}

void WriteCommitterMetrics(const Committer& committer, MetricText& text) {
  const Committer::Figures& figures = committer.figures();
  text.BeginCounter("latchkey_committer_changes_total",
                    "Changes decided: committed, refused by their own rules, "
                    "or failed with the store.");
  text.Sample({{"result", "committed"}}, figures.committed.Value());
  text.Sample({{"result", "refused"}}, figures.refused.Value());
  text.Sample({{"result", "failed"}}, figures.failed.Value());
  text.Counter("latchkey_committer_written_bytes_total",
               "Bytes of changes written.", figures.bytes.Value());
  text.Histogram("latchkey_committer_write_duration_seconds",
                 "Write and sync of a batch of changes; its count is that of "
                 "batches.",
                 figures.writes);
  text.Gauge("latchkey_committer_waiting", "Changes that wait for a batch.",
             uint64_t{committer.Waiting()});
  text.Gauge("latchkey_revision", "Newest revision that every reader sees.",
             committer.Revision());
}

}  // namespace latchkey
