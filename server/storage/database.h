#ifndef LATCHKEY_SERVER_STORAGE_DATABASE_H_
#define LATCHKEY_SERVER_STORAGE_DATABASE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "client/base/clock.h"
#include "client/base/ids.h"
#include "server/account/account_store.h"
#include "server/base/log.h"
#include "server/base/metric_text.h"
#include "server/base/task_pool.h"
#include "server/credential/key_store.h"
#include "server/session/commit_listener.h"
#include "server/session/lease_store.h"
#include "server/session/revocation_archive.h"
#include "server/session/session_store.h"

namespace latchkey {

// Database is the data directory: one RocksDB with the three stores over it
// and the one committer that all acknowledged changes pass.
//
// Thread-safe. Stores handed out live as long as the database.
class Database {
 public:
  struct Options {
    std::string path;  // of the RocksDB; made 0700 if absent
    // Memory for the block cache, write buffers included.
    size_t cache_bytes = size_t{256} << 20;
    // Descriptors for tables.
    int table_files = 256;
    // The longest a session may live: how long an account's revocation must
    // be kept.
    absl::Duration max_session_ttl = absl::Hours(24 * 30);
    // Who gives the answers that nobody waits for (see
    // SessionStore::StartCreate), and how many of them one after the other: 1
    // if they block. Must outlive the database. If there is nobody, or when the
    // pool has stopped, the one thread that all changes pass does, and an
    // answer that waits for a change ends the process.
    TaskPool* answerers = nullptr;
    size_t answers_together = 16;
  };

  // Open opens the database, or makes it if the directory holds none.
  //   kFailedPrecondition  in use, of a newer schema, not ours, not writable
  //   kDataLoss            damaged; the message says what and where
  // `clock` and `log` must outlive the database.
  static absl::StatusOr<std::unique_ptr<Database>> Open(Options options,
                                                        const Clock& clock,
                                                        Log& log);
  virtual ~Database() = default;

  virtual AccountStore& accounts() = 0;
  virtual SessionStore& sessions() = 0;
  virtual KeyStore& keys() = 0;
  virtual const RevocationArchive& revocations() const = 0;
  virtual LeaseStore& leases() = 0;

  // Listen tells `listener`, which must live as long as anything is committed,
  // of all that is from now on; Revision is what was before.
  // REQUIRES: called once, and nothing is being committed
  virtual void Listen(CommitListener& listener) = 0;
  // Revision returns the newest revision that is durable.
  virtual uint64_t Revision() const = 0;

  // epoch names this life of the directory (see Epoch).
  virtual const Epoch& epoch() const = 0;

  // Health is OK, or the write failure after which the committer stopped for
  // good; then only a restart helps. Never blocks.
  virtual absl::Status Health() const = 0;

  // WriteMetrics writes what there is to tell about the files, the memory and
  // the committer. Safe from any thread as long as the database lives.
  virtual void WriteMetrics(MetricText& text) const = 0;

  // Close commits what waits, then refuses everything with kUnavailable. May
  // be called again.
  virtual void Close() = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORAGE_DATABASE_H_
