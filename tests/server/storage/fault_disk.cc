#include "tests/server/storage/fault_disk.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>

#include "rocksdb/system_clock.h"

namespace latchkey {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

bool IsLog(const std::string& name) { return name.ends_with(".log"); }

std::string ReadAll(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

void WriteAll(const std::string& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << bytes;
}

class SleeplessClock final : public rocksdb::SystemClockWrapper {
 public:
  SleeplessClock() : SystemClockWrapper(rocksdb::SystemClock::Default()) {}
  void SleepForMicroseconds(int /*micros*/) override {
    std::this_thread::yield();
  }
  const char* Name() const override { return "SleeplessClock"; }
};

class SleeplessEnv final : public rocksdb::EnvWrapper {
 public:
  explicit SleeplessEnv(std::unique_ptr<rocksdb::Env> target)
      : EnvWrapper(std::move(target)) {
    system_clock_ = std::make_shared<SleeplessClock>();
  }
  void SleepForMicroseconds(int /*micros*/) override {
    std::this_thread::yield();
  }
};

}  // namespace

std::unique_ptr<rocksdb::Env> FaultDisk::MakeEnv(
    const std::shared_ptr<FaultDisk>& disk) {
  return std::make_unique<SleeplessEnv>(rocksdb::NewCompositeEnv(disk));
}

class FaultDisk::File final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  File(FaultDisk* disk, bool log, std::shared_ptr<Inode> inode,
       std::unique_ptr<rocksdb::FSWritableFile> target)
      : FSWritableFileOwnerWrapper(std::move(target)),
        disk_(disk),
        log_(log),
        inode_(std::move(inode)) {}

  IOStatus Append(const Slice& data, const IOOptions& options,
                  IODebugContext* dbg) override {
    {
      MutexLock lock(&disk_->mutex_);
      const IOStatus status = disk_->Check(log_, /*sync=*/false);
      if (!status.ok()) return status;
      inode_->bytes.append(data.data(), data.size());
    }
    return FSWritableFileOwnerWrapper::Append(data, options, dbg);
  }
  IOStatus Append(const Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& /*info*/,
                  IODebugContext* dbg) override {
    return Append(data, options, dbg);
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* dbg) override {
    if (log_) disk_->PassHold();
    // What was appended is in the file when RocksDB asks for a sync.
    const IOStatus flushed = FSWritableFileOwnerWrapper::Flush(options, dbg);
    if (!flushed.ok()) return flushed;
    MutexLock lock(&disk_->mutex_);
    const IOStatus status = disk_->Check(log_, /*sync=*/true);
    if (!status.ok()) return status;
    if (log_) ++disk_->log_syncs_;
    inode_->synced = inode_->bytes.size();
    return IOStatus::OK();
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* dbg) override {
    return Sync(options, dbg);
  }

 private:
  FaultDisk* const disk_;
  const bool log_;
  const std::shared_ptr<Inode> inode_;
};

class FaultDisk::Directory final : public rocksdb::FSDirectory {
 public:
  explicit Directory(FaultDisk* disk) : disk_(disk) {}

  IOStatus Fsync(const IOOptions& /*options*/,
                 IODebugContext* /*dbg*/) override {
    MutexLock lock(&disk_->mutex_);
    const IOStatus status = disk_->Check(/*log=*/false, /*sync=*/true);
    if (status.ok()) disk_->SyncNames();
    return status;
  }
  IOStatus Close(const IOOptions& /*options*/,
                 IODebugContext* /*dbg*/) override {
    return IOStatus::OK();
  }

 private:
  FaultDisk* const disk_;
};

FaultDisk::FaultDisk(std::string directory)
    : FileSystemWrapper(rocksdb::FileSystem::Default()),
      directory_(std::move(directory)) {
  if (!std::filesystem::exists(directory_)) return;
  for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
    auto inode = std::make_shared<Inode>();
    inode->bytes = ReadAll(entry.path());
    inode->synced = inode->bytes.size();
    names_[entry.path().string()] = inode;
  }
  durable_names_ = names_;
}

FaultDisk::~FaultDisk() = default;

void FaultDisk::CutPower() { CutPowerAfter(0); }

void FaultDisk::CutPowerAfter(int operations) {
  MutexLock lock(&mutex_);
  power_left_ = operations;
}

void FaultDisk::LoseUnsynced(std::mt19937_64* random) {
  MutexLock lock(&mutex_);
  Names left = durable_names_;
  const size_t journaled = (*random)() % (pending_.size() + 1);
  for (size_t i = 0; i < journaled; ++i) Apply(pending_[i], &left);
  for (const auto& [name, inode] : names_) {
    if (!left.contains(name)) std::filesystem::remove(name);
  }
  for (const auto& [name, inode] : left) {
    const size_t unsynced = inode->bytes.size() - inode->synced;
    const size_t kept = (*random)() % (unsynced + 1);
    std::string bytes = inode->bytes.substr(0, inode->synced + kept);
    // A file may have grown before its last blocks were written.
    if ((*random)() % 4 == 0) bytes.resize(inode->bytes.size(), '\0');
    WriteAll(name, bytes);
  }
}

void FaultDisk::Fail(Failure failure) {
  MutexLock lock(&mutex_);
  failure_ = failure;
}

void FaultDisk::HoldLogSyncs() {
  MutexLock lock(&mutex_);
  holding_ = true;
}

void FaultDisk::AwaitHeld() {
  MutexLock lock(&mutex_);
  while (held_ == 0) changed_.Wait(&mutex_);
}

void FaultDisk::ReleaseLogSyncs() {
  {
    MutexLock lock(&mutex_);
    holding_ = false;
  }
  changed_.NotifyAll();
}

void FaultDisk::PassHold() {
  MutexLock lock(&mutex_);
  ++held_;
  changed_.NotifyAll();
  while (holding_) changed_.Wait(&mutex_);
  --held_;
}

int FaultDisk::log_syncs() const {
  MutexLock lock(&mutex_);
  return log_syncs_;
}

IOStatus FaultDisk::Check(bool log, bool sync) {
  if (power_left_ == 0) return IOStatus::IOError("the power is off");
  if (power_left_ > 0) --power_left_;
  if (failure_ == Failure::kNoSpace && !sync) return IOStatus::NoSpace("full");
  const bool refused = (failure_ == Failure::kLogAppend && log && !sync) ||
                       (failure_ == Failure::kLogSync && log && sync);
  return refused ? IOStatus::IOError("refused") : IOStatus::OK();
}

IOStatus FaultDisk::NewWritableFile(
    const std::string& name, const rocksdb::FileOptions& options,
    std::unique_ptr<rocksdb::FSWritableFile>* result, IODebugContext* dbg) {
  auto inode = std::make_shared<Inode>();
  {
    MutexLock lock(&mutex_);
    const IOStatus status = Check(/*log=*/false, /*sync=*/false);
    if (!status.ok()) return status;
    Change({name, inode, ""});
  }
  std::unique_ptr<rocksdb::FSWritableFile> target;
  const IOStatus status =
      FileSystemWrapper::NewWritableFile(name, options, &target, dbg);
  if (!status.ok()) return status;
  *result = std::make_unique<File>(this, IsLog(name), std::move(inode),
                                   std::move(target));
  return status;
}

IOStatus FaultDisk::NewDirectory(const std::string& name,
                                 const IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* result,
                                 IODebugContext* dbg) {
  if (name != directory_) {
    return FileSystemWrapper::NewDirectory(name, options, result, dbg);
  }
  *result = std::make_unique<Directory>(this);
  return IOStatus::OK();
}

IOStatus FaultDisk::DeleteFile(const std::string& name,
                               const IOOptions& options, IODebugContext* dbg) {
  {
    MutexLock lock(&mutex_);
    const IOStatus status = Check(/*log=*/false, /*sync=*/true);
    if (!status.ok()) return status;
    Change({name, nullptr, ""});
  }
  return FileSystemWrapper::DeleteFile(name, options, dbg);
}

IOStatus FaultDisk::RenameFile(const std::string& from, const std::string& to,
                               const IOOptions& options, IODebugContext* dbg) {
  {
    MutexLock lock(&mutex_);
    const IOStatus status = Check(/*log=*/false, /*sync=*/true);
    if (!status.ok()) return status;
    Change({to, names_[from], from});
  }
  return FileSystemWrapper::RenameFile(from, to, options, dbg);
}

void FaultDisk::Change(NameChange change) {
  Apply(change, &names_);
  pending_.push_back(std::move(change));
}

void FaultDisk::Apply(const NameChange& change, Names* names) {
  if (!change.removed.empty()) names->erase(change.removed);
  if (change.inode == nullptr) {
    names->erase(change.name);
  } else {
    (*names)[change.name] = change.inode;
  }
}

void FaultDisk::SyncNames() {
  durable_names_ = names_;
  pending_.clear();
}

}  // namespace latchkey
