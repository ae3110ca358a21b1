#include "server/storage/checked_file.h"

#include <cstdint>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "client/base/status_macros.h"
#include "server/base/error.h"
#include "server/storage/crc32c.h"

namespace latchkey {
namespace {

std::string CheckLine(absl::string_view lines) {
  return absl::StrFormat("crc32c %08x\n", Crc32c(lines));
}

rocksdb::Status WriteAndSync(rocksdb::Env* env, const std::string& path,
                             const std::string& content) {
  std::unique_ptr<rocksdb::WritableFile> file;
  rocksdb::Status status =
      env->NewWritableFile(path, &file, rocksdb::EnvOptions());
  if (status.ok()) status = file->Append(content);
  if (status.ok()) status = file->Sync();
  if (status.ok()) status = file->Close();
  return status;
}

}  // namespace

std::string TemporaryName(absl::string_view name) {
  return absl::StrCat(name, ".new");
}

absl::StatusOr<std::string> ReadCheckedFile(rocksdb::Env* env,
                                            const std::string& directory,
                                            absl::string_view name) {
  const std::string path = absl::StrCat(directory, "/", name);
  if (env->FileExists(path).IsNotFound()) {
    return absl::NotFoundError(absl::StrCat("there is no file ", name));
  }
  uint64_t size = 0;
  rocksdb::Status status = env->GetFileSize(path, &size);
  if (!status.ok()) return CannotOpen(path, status);
  if (size > kMaxCheckedFileBytes) {
    return DamagedFile(absl::StrCat(path, " is too large"));
  }
  std::string content;
  status = rocksdb::ReadFileToString(env, path, &content);
  if (!status.ok()) return CannotOpen(path, status);
  const size_t check_size = CheckLine("").size();
  if (content.size() < check_size) {
    return DamagedFile(absl::StrCat(path, " is too short"));
  }
  const std::string lines = content.substr(0, content.size() - check_size);
  if (content != absl::StrCat(lines, CheckLine(lines))) {
    return DamagedFile(absl::StrCat(path, " does not match its checksum"));
  }
  return lines;
}

absl::Status WriteCheckedFile(rocksdb::Env* env, const std::string& directory,
                              absl::string_view name, absl::string_view lines) {
  return ReplaceFile(env, directory, name,
                     absl::StrCat(lines, CheckLine(lines)));
}

absl::Status ReplaceFile(rocksdb::Env* env, const std::string& directory,
                         absl::string_view name, const std::string& content) {
  const std::string path = absl::StrCat(directory, "/", name);
  const std::string prepared =
      absl::StrCat(directory, "/", TemporaryName(name));
  // First what the new content may speak of, then the new content.
  LATCHKEY_RETURN_IF_ERROR(SyncDirectory(env, directory));
  rocksdb::Status status = WriteAndSync(env, prepared, content);
  if (status.ok()) status = env->RenameFile(prepared, path);
  if (!status.ok()) return CannotOpen(path, status);
  return SyncDirectory(env, directory);
}

absl::Status SyncDirectory(rocksdb::Env* env, const std::string& directory) {
  std::unique_ptr<rocksdb::Directory> handle;
  rocksdb::Status status = env->NewDirectory(directory, &handle);
  if (status.ok()) status = handle->Fsync();
  if (status.ok()) status = handle->Close();
  if (!status.ok()) return CannotOpen(directory, status);
  return absl::OkStatus();
}

absl::Status CannotOpen(absl::string_view what, const rocksdb::Status& status) {
  if (status.IsNoSpace()) {
    return absl::FailedPreconditionError(
        absl::StrCat(what, ": no space is left on the disk"));
  }
  return absl::FailedPreconditionError(
      absl::StrCat(what, ": ", status.ToString()));
}

absl::Status DamagedFile(absl::string_view what) {
  return MakeError(absl::StatusCode::kDataLoss, Reason::kCorruptRecord, what);
}

}  // namespace latchkey
