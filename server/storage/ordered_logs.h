#ifndef LATCHKEY_SERVER_STORAGE_ORDERED_LOGS_H_
#define LATCHKEY_SERVER_STORAGE_ORDERED_LOGS_H_

#include <memory>

#include "rocksdb/env.h"

namespace latchkey {

// MakeOrderedLogsEnv returns `base` with one thing more: before a new log is
// made, the one in use until then is synced.
//
// Activity is written unsynced. Without this a power loss could leave a log
// that lacks the end of it, and behind it a newer log with a whole record,
// whose sync was about to reach the older log first. That cannot be told from
// a damaged log, and would be refused at the next start. With it only the
// newest log can be torn. It costs one sync per log, not per write.
//
// `base` must outlive what is returned.
std::unique_ptr<rocksdb::Env> MakeOrderedLogsEnv(rocksdb::Env* base);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORAGE_ORDERED_LOGS_H_
