#ifndef LATCHKEY_SERVER_STORAGE_CHECKED_FILE_H_
#define LATCHKEY_SERVER_STORAGE_CHECKED_FILE_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "rocksdb/env.h"

namespace latchkey {

// The small text files that we keep beside RocksDB's own: lines that a person
// can read, and a last one with the CRC-32C of those before it.
//
//   schema 1
//   ...
//   crc32c 89abcdef

// The largest that is read: ours have some hundred bytes.
constexpr size_t kMaxCheckedFileBytes = 4096;

// ReadCheckedFile returns the lines, without the last.
//   kNotFound            there is no such file
//   kDataLoss            it is damaged
//   kFailedPrecondition  it cannot be read
[[nodiscard]] absl::StatusOr<std::string> ReadCheckedFile(
    rocksdb::Env* env, const std::string& directory, absl::string_view name);

// WriteCheckedFile replaces the file by one with these `lines`, durably: a
// crash leaves the old one or the new one. What was created in `directory`
// before is durable too then.
//   kFailedPrecondition  it cannot be written: the message says why
[[nodiscard]] absl::Status WriteCheckedFile(rocksdb::Env* env,
                                            const std::string& directory,
                                            absl::string_view name,
                                            absl::string_view lines);

// ReplaceFile is WriteCheckedFile for any content.
[[nodiscard]] absl::Status ReplaceFile(rocksdb::Env* env,
                                       const std::string& directory,
                                       absl::string_view name,
                                       const std::string& content);

// The name under which ReplaceFile prepares a new content; one that is
// left over from a crash means nothing.
std::string TemporaryName(absl::string_view name);

// SyncDirectory makes what was created, renamed and deleted in `directory`
// durable.
[[nodiscard]] absl::Status SyncDirectory(rocksdb::Env* env,
                                         const std::string& directory);

// CannotOpen says in one line why the disk refuses: kFailedPrecondition.
absl::Status CannotOpen(absl::string_view what, const rocksdb::Status& status);

// Damaged says in one line what is wrong with the files: kDataLoss.
absl::Status DamagedFile(absl::string_view what);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORAGE_CHECKED_FILE_H_
