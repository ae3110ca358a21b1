#include "server/storage/table_check.h"

#include <pthread.h>

#include "absl/strings/str_cat.h"
#include "rocksdb/options.h"
#include "rocksdb/sst_file_reader.h"

#include "server/base/thread_priority.h"
#include "server/storage/checked_file.h"

namespace latchkey {
namespace {

TableCheck::Tables LiveTables(rocksdb::DB& db) {
  TableCheck::Tables tables;
  db.GetLiveFilesMetaData(&tables);
  return tables;
}

}  // namespace

TableCheck::TableCheck(rocksdb::DB& db, rocksdb::Env* env, StoreHealth& health)
    : db_(db), env_(env), health_(health) {}

TableCheck::~TableCheck() { Stop(); }

absl::Status TableCheck::Start(uint64_t foreground_bytes) {
  uint64_t bytes = 0;
  const Tables tables = LiveTables(db_);
  for (const auto& table : tables) bytes += table.size;
  if (bytes <= foreground_bytes) return CheckAll(tables);
  thread_ = std::thread([this, tables] {
    pthread_setname_np(pthread_self(), "table_check");
    // Gigabytes to read, and nobody waits: it takes what is left over.
    LowerThisThread(ThreadPriority::kBackground);
    const absl::Status checked = CheckAll(tables);
    if (!checked.ok()) health_.ReportDamage(checked.message());
  });
  return absl::OkStatus();
}

void TableCheck::Stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

absl::Status TableCheck::CheckAll(const Tables& tables) const {
  rocksdb::Options options;
  options.env = env_;
  for (const auto& table : tables) {
    if (stopping_) return absl::OkStatus();
    rocksdb::SstFileReader reader(options);
    rocksdb::Status status = reader.Open(table.db_path + table.name);
    if (status.ok()) status = reader.VerifyChecksum();
    // A compaction may have removed it since the list was made.
    if (status.ok() || !IsLive(table.name)) continue;
    return DamagedFile(
        absl::StrCat("table ", table.name, ": ", status.ToString()));
  }
  return absl::OkStatus();
}

bool TableCheck::IsLive(const std::string& name) const {
  for (const auto& table : LiveTables(db_)) {
    if (table.name == name) return true;
  }
  return false;
}

}  // namespace latchkey
