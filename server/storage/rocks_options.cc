#include "server/storage/rocks_options.h"

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "rocksdb/cache.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/table.h"
#include "rocksdb/write_buffer_manager.h"

#include "server/storage/family.h"

namespace latchkey {
namespace {

// Replaying the log is most of a start after a crash: at some 100 MB/s this is
// a third of a second.
constexpr uint64_t kMaxWalBytes = uint64_t{32} << 20;

// Rows are small: a smaller buffer makes more files, a larger one more log.
constexpr size_t kSessionBufferBytes = size_t{16} << 20;
constexpr size_t kOtherBufferBytes = size_t{4} << 20;

// Descriptors for tables: at 64 MiB a file 10 M sessions take some 60. The
// process needs the rest of its limit for connections.
constexpr int kMaxOpenFiles = 256;

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

rocksdb::DBOptions MakeDbOptions(const RocksSetup& setup,
                                 const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::DBOptions options;
  options.env = setup.env;
  options.info_log = std::make_shared<RocksLog>(*setup.log);
  options.listeners = {setup.listener};
  // Damage is found, not worked around (see Opening in DESIGN).
  options.create_if_missing = false;
  options.paranoid_checks = true;
  options.track_and_verify_wals_in_manifest = true;
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kAbsoluteConsistency;
  // After a background error nothing is retried in place.
  options.max_bgerror_resume_count = 0;
  options.max_total_wal_size = kMaxWalBytes;
  options.max_open_files = kMaxOpenFiles;
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

std::shared_ptr<rocksdb::TableFactory> MakeTables(
    const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  // Inside the one limit, but the last to be pushed out.
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  // An unknown credential is the case the filter is for: so full ones, on
  // every level.
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
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
  plain.table_factory = MakeTables(cache);
  plain.write_buffer_size = kOtherBufferBytes;
  // Rows are mostly random bytes; a compressed block would cost each miss of
  // the cache and save little.
  plain.compression = rocksdb::kNoCompression;
  options.families.emplace_back(rocksdb::kDefaultColumnFamilyName, plain);
  for (const FamilyInfo& info : kFamilies) {
    rocksdb::ColumnFamilyOptions family = plain;
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
