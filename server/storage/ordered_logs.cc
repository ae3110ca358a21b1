#include "server/storage/ordered_logs.h"

#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "rocksdb/file_system.h"

#include "client/base/mutex.h"

namespace latchkey {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

// Which log is in use. Its lock is held across a sync, so that the file cannot
// be closed meanwhile: that is its whole purpose.
struct LogInUse {
  Mutex mutex;
  rocksdb::FSWritableFile* file ABSL_GUARDED_BY(mutex) = nullptr;
};

class LogFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  LogFile(std::unique_ptr<rocksdb::FSWritableFile> target,
          std::shared_ptr<LogInUse> in_use)
      : FSWritableFileOwnerWrapper(std::move(target)),
        in_use_(std::move(in_use)) {
    MutexLock lock(&in_use_->mutex);
    in_use_->file = this;
  }
  ~LogFile() override { Leave(); }

  IOStatus Close(const IOOptions& options, IODebugContext* dbg) override {
    Leave();
    return FSWritableFileOwnerWrapper::Close(options, dbg);
  }

 private:
  void Leave() {
    MutexLock lock(&in_use_->mutex);
    if (in_use_->file == this) in_use_->file = nullptr;
  }

  const std::shared_ptr<LogInUse> in_use_;
};

class OrderedLogs final : public rocksdb::FileSystemWrapper {
 public:
  explicit OrderedLogs(const std::shared_ptr<rocksdb::FileSystem>& base)
      : FileSystemWrapper(base), in_use_(std::make_shared<LogInUse>()) {}

  const char* Name() const override { return "latchkey.ordered_logs"; }

  IOStatus NewWritableFile(const std::string& name,
                           const rocksdb::FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* result,
                           IODebugContext* dbg) override {
    if (!absl::EndsWith(name, ".log")) {
      return FileSystemWrapper::NewWritableFile(name, options, result, dbg);
    }
    const IOStatus synced = SyncLogInUse(options.io_options, dbg);
    if (!synced.ok()) return synced;
    std::unique_ptr<rocksdb::FSWritableFile> target;
    const IOStatus made =
        FileSystemWrapper::NewWritableFile(name, options, &target, dbg);
    if (!made.ok()) return made;
    *result = std::make_unique<LogFile>(std::move(target), in_use_);
    return made;
  }

 private:
  IOStatus SyncLogInUse(const IOOptions& options, IODebugContext* dbg) {
    MutexLock lock(&in_use_->mutex);
    if (in_use_->file == nullptr) return IOStatus::OK();
    return in_use_->file->Sync(options, dbg);
  }

  const std::shared_ptr<LogInUse> in_use_;
};

class OrderedLogsEnv final : public rocksdb::EnvWrapper {
 public:
  explicit OrderedLogsEnv(rocksdb::Env* base) : EnvWrapper(base) {
    file_system_ = std::make_shared<OrderedLogs>(base->GetFileSystem());
    system_clock_ = base->GetSystemClock();
  }
};

}  // namespace

std::unique_ptr<rocksdb::Env> MakeOrderedLogsEnv(rocksdb::Env* base) {
  return std::make_unique<OrderedLogsEnv>(base);
}

}  // namespace latchkey
