#ifndef LATCHKEY_SERVER_STORAGE_FLOOR_KEEPER_H_
#define LATCHKEY_SERVER_STORAGE_FLOOR_KEEPER_H_

#include <atomic>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/listener.h"
#include "rocksdb/status.h"

#include "client/base/mutex.h"
#include "server/base/log.h"
#include "server/storage/directory_files.h"
#include "server/storage/store_health.h"

namespace latchkey {

// FloorKeeper raises the floor (see directory_files.h) whenever RocksDB has
// moved something into tables, before it removes the log it came from; and it
// hears of RocksDB's background errors, after which the store stops.
//
// Thread-safe; called by RocksDB's own threads too.
class FloorKeeper final : public rocksdb::EventListener {
 public:
  // `revision` holds the newest revision that is durable. All must outlive
  // the database.
  FloorKeeper(rocksdb::Env* env, std::string directory,
              const std::atomic<uint64_t>& revision, StoreHealth& health,
              Log& log);

  // Raise writes what is durable now as the floor. Until it was called once,
  // RocksDB's threads raise nothing: `revision` is not yet known.
  //   kFailedPrecondition  it cannot be written; the old one stays
  [[nodiscard]] absl::Status Raise(rocksdb::DB* db);

  // SyncAndRaise makes all that was written durable, unsynced writes too, and
  // then raises the floor to the very end of the log. For a clean end.
  //   kFailedPrecondition  it cannot be synced or written
  [[nodiscard]] absl::Status SyncAndRaise(rocksdb::DB* db);

  void OnFlushCompleted(rocksdb::DB* db,
                        const rocksdb::FlushJobInfo& info) override;
  void OnBackgroundError(rocksdb::BackgroundErrorReason reason,
                         rocksdb::Status* error) override;

 private:
  // Raises the floor, over so much of the log in use.
  absl::Status RaiseOver(rocksdb::DB* db, uint64_t wal_bytes);

  rocksdb::Env* const env_;
  const std::string directory_;
  const std::atomic<uint64_t>& revision_;
  StoreHealth& health_;
  Log& log_;
  std::atomic<bool> begun_{false};
  // Held while the file is written: its only purpose is that two threads do
  // not write it at once. Nothing that answers a call waits for it.
  Mutex mutex_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORAGE_FLOOR_KEEPER_H_
