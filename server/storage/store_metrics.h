#ifndef LATCHKEY_SERVER_STORAGE_STORE_METRICS_H_
#define LATCHKEY_SERVER_STORAGE_STORE_METRICS_H_

#include "server/base/metric_text.h"
#include "server/storage/committer.h"
#include "server/storage/rocks_db.h"
#include "server/storage/store_health.h"

namespace latchkey {

// WriteStoreMetrics writes what RocksDB tells about its memory and its files,
// and whether the store still answers. Nothing in it waits for the disk.
void WriteStoreMetrics(const RocksDb& db, const StoreHealth& health,
                       MetricText& text);

// WriteCommitterMetrics writes what passed the committer.
void WriteCommitterMetrics(const Committer& committer, MetricText& text);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORAGE_STORE_METRICS_H_
