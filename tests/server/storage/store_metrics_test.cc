#include "server/storage/store_metrics.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/contract/stores_under_test.h"
#include "tests/server/storage/database_in_directory.h"

namespace latchkey {
namespace {

using ::testing::HasSubstr;

std::string MetricsOf(const RocksDatabase& database) {
  MetricText text;
  database.WriteMetrics(text);
  return text.text();
}

// RocksDB leaves out what it does not know: each must be known by the name
// that is asked for.
TEST(StoreMetrics, TellEveryFigure) {
  DatabaseInDirectory database;
  ASSERT_TRUE(database.Open().ok());
  const std::string text = MetricsOf(*database);
  for (const char* name :
       {"table_files_bytes", "block_cache_capacity_bytes", "block_cache_bytes",
        "block_cache_pinned_bytes", "write_buffers_bytes",
        "table_readers_bytes", "pending_compaction_bytes",
        "running_compactions", "running_flushes", "writes_stopped",
        "delayed_write_bytes_per_second", "background_errors",
        "rows{family=\"accounts\"}", "rows{family=\"sessions\"}",
        "rows{family=\"meta\"}"}) {
    EXPECT_THAT(text, HasSubstr(absl::StrCat("\nlatchkey_store_", name, " ")));
  }
  EXPECT_THAT(text, HasSubstr("\nlatchkey_store_healthy 1\n"));
  EXPECT_THAT(text, HasSubstr("\nlatchkey_store_write_failed 0\n"));
  EXPECT_THAT(text, HasSubstr("\nlatchkey_store_background_errors 0\n"));
  EXPECT_THAT(text, HasSubstr(absl::StrCat(
                        "\nlatchkey_store_block_cache_capacity_bytes ",
                        database.options().cache_bytes, "\n")));
}

TEST(StoreMetrics, CountChanges) {
  DatabaseInDirectory database;
  ASSERT_TRUE(database.Open().ok());
  ASSERT_TRUE(database->accounts().Create(ContractAccount("alice")).ok());
  ASSERT_FALSE(database->accounts().Create(ContractAccount("alice")).ok());
  const std::string text = MetricsOf(*database);
  EXPECT_THAT(
      text,
      HasSubstr("\nlatchkey_committer_changes_total{result=\"committed\"} 1\n"
                "latchkey_committer_changes_total{result=\"refused\"} 1\n"
                "latchkey_committer_changes_total{result=\"failed\"} 0\n"));
  EXPECT_THAT(text,
              HasSubstr("\nlatchkey_committer_write_duration_seconds_count 1"));
  EXPECT_THAT(text, HasSubstr("\nlatchkey_committer_waiting 0\n"));
  EXPECT_THAT(text, HasSubstr("\nlatchkey_revision 1\n"));
  EXPECT_THAT(text,
              HasSubstr("\nlatchkey_store_rows{family=\"accounts\"} 1\n"));
}

}  // namespace
}  // namespace latchkey
