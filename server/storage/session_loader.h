#ifndef LATCHKEY_SERVER_STORAGE_SESSION_LOADER_H_
#define LATCHKEY_SERVER_STORAGE_SESSION_LOADER_H_

#include <atomic>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "rocksdb/write_batch.h"

#include "client/base/clock.h"
#include "server/account/account.h"
#include "server/base/log.h"
#include "server/credential/key_store.h"
#include "server/session/session_store.h"
#include "server/storage/database.h"
#include "server/storage/rocks_database.h"

namespace latchkey {

// SessionLoader fills a new database with millions of accounts and sessions in
// the time that their bytes take. It is for benchmarks.
//
// It gives up what the committer is for: nothing is durable before Finish has
// answered OK, nothing is checked against what is there (an account or session
// given twice is whatever was written last), no revision is counted. A
// directory whose Finish did not succeed is to be thrown away.
//
// The database must be one that nobody else has open. Add may be called from
// several threads, which is faster; Finish from one, after them.
class SessionLoader {
 public:
  // Open opens or makes the database as Database::Open does, with write
  // buffers of some 512 MiB.
  //   kFailedPrecondition, kDataLoss  as Database::Open
  // `clock` and `log` must outlive the loader.
  static absl::StatusOr<std::unique_ptr<SessionLoader>> Open(
      Database::Options options, const Clock& clock, Log& log);

  SessionLoader(const SessionLoader&) = delete;
  SessionLoader& operator=(const SessionLoader&) = delete;

  // AddAccounts and AddSessions write some rows at once: a thousand or so a
  // call.
  //   kUnavailable  the disk failed or is full
  [[nodiscard]] absl::Status AddAccounts(absl::Span<const Account> accounts);
  [[nodiscard]] absl::Status AddSessions(
      absl::Span<const StoredSession> sessions);

  // keys returns the store of the signing keys; it is durable as ever.
  KeyStore& keys() { return database_->keys(); }

  // Finish writes everything to disk in the shape that a database has which
  // grew slowly, and closes it. Then it can be opened as any other.
  //   kUnavailable  the disk failed or is full; or `*cancelled`, if given,
  //                 became true meanwhile
  [[nodiscard]] absl::Status Finish(std::atomic<bool>* cancelled = nullptr);

 private:
  explicit SessionLoader(std::unique_ptr<RocksDatabase> database)
      : database_(std::move(database)) {}

  [[nodiscard]] absl::Status PrepareForLoading();
  [[nodiscard]] absl::Status Write(rocksdb::WriteBatch* batch);

  std::unique_ptr<RocksDatabase> database_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORAGE_SESSION_LOADER_H_
