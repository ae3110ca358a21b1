#ifndef LATCHKEY_SERVER_STORAGE_TABLE_CHECK_H_
#define LATCHKEY_SERVER_STORAGE_TABLE_CHECK_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/metadata.h"

#include "server/storage/store_health.h"

namespace latchkey {

// TableCheck reads every table of a database once after it was opened and
// compares each block with its checksum, so that damage is known before the
// row that it hit is asked for, which may be months later.
//
// Small databases are checked before they answer. Large ones answer at once,
// each block checked as it is read, and are checked by a thread meanwhile, at
// the pace that serving leaves it; what it finds makes Health fail.
class TableCheck {
 public:
  using Tables = std::vector<rocksdb::LiveFileMetaData>;

  // Up to this many bytes of tables are checked before the start goes on:
  // some tenths of a second.
  static constexpr uint64_t kForegroundBytes = uint64_t{256} << 20;

  // All must outlive it.
  TableCheck(rocksdb::DB& db, rocksdb::Env* env, StoreHealth& health);
  // Calls Stop.
  ~TableCheck();
  TableCheck(const TableCheck&) = delete;
  TableCheck& operator=(const TableCheck&) = delete;

  // Start checks, or begins to, if there are more than `foreground_bytes` of
  // tables. Call once.
  //   kDataLoss  a table is damaged
  [[nodiscard]] absl::Status Start(uint64_t foreground_bytes);

  // Stop ends the thread behind the table it is at. May be called again.
  void Stop();

 private:
  absl::Status CheckAll(const Tables& tables) const;
  bool IsLive(const std::string& name) const;

  rocksdb::DB& db_;
  rocksdb::Env* const env_;
  StoreHealth& health_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;  // touched by Start and Stop only
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORAGE_TABLE_CHECK_H_
