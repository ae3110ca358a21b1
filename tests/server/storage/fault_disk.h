#ifndef LATCHKEY_TESTS_SERVER_STORAGE_FAULT_DISK_H_
#define LATCHKEY_TESTS_SERVER_STORAGE_FAULT_DISK_H_

#include <cstddef>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "rocksdb/env.h"
#include "rocksdb/file_system.h"

#include "client/base/mutex.h"

namespace latchkey {

// FaultDisk is a disk under one directory of which it is known what is
// durable, and which can be made to lose power, refuse, or wait.
//
// Bytes are durable once their file was synced; names (created, renamed,
// deleted) once their directory was. Syncs reach no real disk, so tests over
// it are quick. What was there at the beginning counts as durable.
//
// Thread-safe.
class FaultDisk final : public rocksdb::FileSystemWrapper {
 public:
  explicit FaultDisk(std::string directory);
  ~FaultDisk() override;

  // An Env over `disk`, to be given to RocksDB; in it nobody sleeps (RocksDB
  // does, for a second behind each failed flush).
  static std::unique_ptr<rocksdb::Env> MakeEnv(
      const std::shared_ptr<FaultDisk>& disk);

  // CutPower makes every later write, sync, rename and deletion fail.
  void CutPower();
  // CutPowerAfter does so when that many more have been done.
  void CutPowerAfter(int operations);
  // LoseUnsynced makes the directory what a power loss leaves of it: of each
  // file what was synced and a random part of the rest, torn or zeroed; of
  // the changes of names those up to the last sync of the directory, and the
  // first few after it. Call it after CutPower, with all files closed.
  void LoseUnsynced(std::mt19937_64* random);

  // Writes and syncs of logs fail from now on, or of all files.
  enum class Failure { kNone, kLogAppend, kLogSync, kNoSpace };
  void Fail(Failure failure);

  // HoldLogSyncs lets syncs of logs wait until ReleaseLogSyncs.
  // AwaitHeld returns when one waits.
  void HoldLogSyncs();
  void AwaitHeld();
  void ReleaseLogSyncs();

  // How many syncs of logs there were.
  int log_syncs() const;

  const char* Name() const override { return "FaultDisk"; }
  rocksdb::IOStatus NewWritableFile(
      const std::string& name, const rocksdb::FileOptions& options,
      std::unique_ptr<rocksdb::FSWritableFile>* result,
      rocksdb::IODebugContext* dbg) override;
  rocksdb::IOStatus NewDirectory(const std::string& name,
                                 const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* result,
                                 rocksdb::IODebugContext* dbg) override;
  rocksdb::IOStatus DeleteFile(const std::string& name,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* dbg) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* dbg) override;

 private:
  class File;
  class Directory;

  // The content of a file, whatever it is called.
  struct Inode {
    std::string bytes;
    size_t synced = 0;
  };
  using Names = std::map<std::string, std::shared_ptr<Inode>>;
  // One change of names; `inode` is null for a deletion.
  struct NameChange {
    std::string name;
    std::shared_ptr<Inode> inode;
    std::string removed;  // the old name, of a rename
  };

  // Decides whether an operation may go on.
  rocksdb::IOStatus Check(bool log, bool sync)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Change(NameChange change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static void Apply(const NameChange& change, Names* names);
  void SyncNames() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Waits while syncs are held.
  void PassHold();

  const std::string directory_;
  mutable Mutex mutex_;
  CondVar changed_;
  Names names_ ABSL_GUARDED_BY(mutex_);          // as they are
  Names durable_names_ ABSL_GUARDED_BY(mutex_);  // as of the last sync
  std::vector<NameChange> pending_ ABSL_GUARDED_BY(mutex_);
  // How many more operations there is power for; negative: for ever.
  int power_left_ ABSL_GUARDED_BY(mutex_) = -1;
  Failure failure_ ABSL_GUARDED_BY(mutex_) = Failure::kNone;
  bool holding_ ABSL_GUARDED_BY(mutex_) = false;
  int held_ ABSL_GUARDED_BY(mutex_) = 0;
  int log_syncs_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SERVER_STORAGE_FAULT_DISK_H_
