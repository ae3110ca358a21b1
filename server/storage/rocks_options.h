#ifndef LATCHKEY_SERVER_STORAGE_ROCKS_OPTIONS_H_
#define LATCHKEY_SERVER_STORAGE_ROCKS_OPTIONS_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "rocksdb/compaction_filter.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/listener.h"
#include "rocksdb/options.h"

#include "server/base/log.h"

namespace latchkey {

// How our RocksDB is set up; each setting with its reason in the .cc.
struct RocksSetup {
  rocksdb::Env* env = nullptr;
  size_t cache_bytes = 0;  // block cache, write buffers included
  int table_files = 256;   // descriptors for tables
  std::shared_ptr<rocksdb::CompactionFilterFactory> expiry_filter;
  std::shared_ptr<rocksdb::EventListener> listener;
  Log* log = nullptr;  // gets RocksDB's warnings
};

struct RocksOptions {
  rocksdb::DBOptions db;
  // The default family's, then those of kFamilies.
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
};

RocksOptions MakeRocksOptions(const RocksSetup& setup);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORAGE_ROCKS_OPTIONS_H_
