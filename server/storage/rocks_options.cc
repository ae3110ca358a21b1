#include "server/storage/rocks_options.h"

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "rocksdb/cache.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/listener.h"
#include "rocksdb/table.h"
#include "rocksdb/write_buffer_manager.h"

#include "server/base/thread_priority.h"
#include "server/storage/family.h"

namespace latchkey {
namespace {

// Replaying the log is most of a start after a crash: at some 100 MB/s this is
// a third of a second.
constexpr uint64_t kMaxWalBytes = uint64_t{32} << 20;

// Rows are small: a smaller buffer makes more files, a larger one more log.
constexpr size_t kSessionBufferBytes = size_t{16} << 20;
constexpr size_t kOtherBufferBytes = size_t{4} << 20;

// What a buffer takes at a time. RocksDB's own eighth of a buffer would, with
// a few rows in each of eight families, be the whole of a small budget, and
// each write would start a flush.
constexpr size_t kBufferStepBytes = size_t{128} << 10;

// One flush and one compaction at a time: on a small machine a second one would
// take what serves.
constexpr int kBackgroundJobs = 2;

// Open tables are found in this many parts (as a power of two), each with its
// share of the descriptors. Of RocksDB's own 64 parts each holds 3 or 4 of our
// 256: some would close tables while others stand empty.
constexpr int kTableCacheShardBits = 2;

// Tables are handed to the disk bit by bit while they are written: otherwise
// the 64 MiB at the end of one stand in the queue before the log's next sync,
// which logins wait for. Likewise activity, which goes to the log unsynced.
// There is no rate limit besides: the right one is the disk's secret, and one
// too low ends in stalled writes.
constexpr uint64_t kBytesPerSync = uint64_t{1} << 20;

// Bits of filter for each row: of 1,000 unknown keys 10 or so pass for known in
// one table at 10 bits, and less than 1 at 16. A look-up asks one table of each
// level, so with 10 one unknown credential in 30 would cost a read.
constexpr double kSessionFilterBits = 16;
constexpr double kOtherFilterBits = 10;

// Of a write buffer, for a filter of what is in it: at our sizes of rows some
// 16 bits for each.
constexpr double kBufferFilterShare = 0.02;

// A file that nothing touches is compacted once a day, so that the filter sees
// what has expired in it.
constexpr uint64_t kCompactEverySeconds = 24 * 60 * 60;

// RocksLog passes RocksDB's warnings and errors on, and drops its chatter: it
// names files and offsets, never rows.
class RocksLog final : public rocksdb::Logger {
 public:
  explicit RocksLog(Log& log)
      : rocksdb::Logger(rocksdb::InfoLogLevel::WARN_LEVEL), log_(log) {}

  // Without a level it is chatter.
  void Logv(const char* /*format*/, va_list /*args*/) override {}

  void Logv(rocksdb::InfoLogLevel level, const char* format,
            va_list args) override {
    if (level < rocksdb::InfoLogLevel::WARN_LEVEL ||
        level > rocksdb::InfoLogLevel::FATAL_LEVEL) {
      return;
    }
    char text[512];
    std::vsnprintf(text, sizeof(text), format, args);
    if (level == rocksdb::InfoLogLevel::WARN_LEVEL) {
      log_.Warning("rocksdb", {{"text", text}});
    } else {
      log_.Error("rocksdb", {{"text", text}});
    }
  }

 private:
  Log& log_;
};

// QuietCompactions lowers the threads that compact; flushes have others, since
// a flush that is late stops writes. RocksDB's own way would give them nothing
// as long as the server is busy, and compactions that are late stop writes too.
class QuietCompactions final : public rocksdb::EventListener {
 public:
  // Called on the thread that compacts, before it does.
  void OnCompactionBegin(rocksdb::DB* /*db*/,
                         const rocksdb::CompactionJobInfo& /*info*/) override {
    LowerThisThread(ThreadPriority::kHousekeeping);
  }
};

rocksdb::DBOptions MakeDbOptions(const RocksSetup& setup,
                                 const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::DBOptions options;
  options.env = setup.env;
  options.info_log = std::make_shared<RocksLog>(*setup.log);
  options.listeners = {setup.listener, std::make_shared<QuietCompactions>()};
  // Damage is found, not worked around (see Opening in DESIGN).
  options.create_if_missing = false;
  options.paranoid_checks = true;
  options.track_and_verify_wals_in_manifest = true;
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kAbsoluteConsistency;
  // After a background error nothing is retried in place.
  options.max_bgerror_resume_count = 0;
  options.max_total_wal_size = kMaxWalBytes;
  options.max_open_files = setup.table_files;
  options.table_cache_numshardbits = kTableCacheShardBits;
  options.max_background_jobs = kBackgroundJobs;
  options.bytes_per_sync = kBytesPerSync;
  options.wal_bytes_per_sync = kBytesPerSync;
  // Reads of every table at open would be most of a start.
  options.skip_stats_update_on_db_open = true;
  // No statistics of RocksDB's own: nobody reads them.
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  // Write buffers are paid out of the one cache, a quarter at most.
  options.write_buffer_manager = std::make_shared<rocksdb::WriteBufferManager>(
      setup.cache_bytes / 4, cache);
  return options;
}

// The filter bits of a family's rows; none if it is only ever walked.
double FilterBits(Family family) {
  switch (family) {
    case Family::kSessions:
    case Family::kSessionIds:
      return kSessionFilterBits;
    case Family::kSessionsByAccount:
    case Family::kRevocations:
      return 0;
    default:
      return kOtherFilterBits;
  }
}

std::shared_ptr<rocksdb::TableFactory> MakeTables(
    const std::shared_ptr<rocksdb::Cache>& cache, double filter_bits) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  // Inside the one limit, but the last to be pushed out. Not pinned: where the
  // budget is too small for all of them, what is pinned would be above it.
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  // An unknown credential is the case the filter is for: so full ones, on
  // every level.
  if (filter_bits > 0) {
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(filter_bits));
  }
  table.format_version = 5;
  // Point reads: the hash saves the search inside a block.
  table.data_block_index_type =
      rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
  return std::shared_ptr<rocksdb::TableFactory>(
      rocksdb::NewBlockBasedTableFactory(table));
}

}  // namespace

RocksOptions MakeRocksOptions(const RocksSetup& setup) {
  // Half for index and filter blocks, by priority.
  const std::shared_ptr<rocksdb::Cache> cache = rocksdb::NewLRUCache(
      setup.cache_bytes, /*num_shard_bits=*/-1,
      /*strict_capacity_limit=*/false, /*high_pri_pool_ratio=*/0.5);
  RocksOptions options;
  options.db = MakeDbOptions(setup, cache);

  rocksdb::ColumnFamilyOptions plain;
  plain.table_factory = MakeTables(cache, kOtherFilterBits);
  plain.write_buffer_size = kOtherBufferBytes;
  plain.arena_block_size = kBufferStepBytes;
  // Rows are mostly random bytes; a compressed block would cost each miss of
  // the cache and save little.
  plain.compression = rocksdb::kNoCompression;
  options.families.emplace_back(rocksdb::kDefaultColumnFamilyName, plain);
  for (const FamilyInfo& info : kFamilies) {
    rocksdb::ColumnFamilyOptions family = plain;
    const double filter_bits = FilterBits(info.family);
    family.table_factory = MakeTables(cache, filter_bits);
    if (filter_bits == kSessionFilterBits) {
      // And without a walk through the write buffer.
      family.memtable_prefix_bloom_size_ratio = kBufferFilterShare;
      family.memtable_whole_key_filtering = true;
    }
    if (info.family == Family::kSessions) {
      family.write_buffer_size = kSessionBufferBytes;
    }
    if (info.expires) {
      family.compaction_filter_factory = setup.expiry_filter;
      family.periodic_compaction_seconds = kCompactEverySeconds;
    }
    options.families.emplace_back(std::string(info.name), family);
  }
  return options;
}

}  // namespace latchkey
