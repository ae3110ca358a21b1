#ifndef LATCHKEY_SERVER_STORAGE_ROCKS_DATABASE_H_
#define LATCHKEY_SERVER_STORAGE_ROCKS_DATABASE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "rocksdb/env.h"

#include "client/base/clock.h"
#include "server/base/log.h"
#include "server/storage/database.h"

namespace latchkey {

// OpenRocksDatabase is Database::Open over `env`, through which all files but
// the lock are reached. For those who bring a disk of their own.
// `env` must outlive the database.
absl::StatusOr<std::unique_ptr<Database>> OpenRocksDatabase(
    const Database::Options& options, const Clock& clock, Log& log,
    rocksdb::Env* env);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORAGE_ROCKS_DATABASE_H_
