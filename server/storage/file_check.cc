#include "server/storage/file_check.h"

#include <algorithm>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

#include "client/base/status_macros.h"
#include "server/storage/checked_file.h"
#include "server/storage/wal_scan.h"

namespace latchkey {
namespace {

struct LogFile {
  uint64_t number;
  std::string name;
};

absl::StatusOr<std::string> ReadWhole(rocksdb::Env* env,
                                      const std::string& path) {
  std::string content;
  const rocksdb::Status status = rocksdb::ReadFileToString(env, path, &content);
  if (status.ok()) return content;
  if (env->FileExists(path).IsNotFound()) {
    return DamagedFile(absl::StrCat(path, " is lost"));
  }
  return CannotOpen(path, status);
}

// Returns the number in CURRENT's one line, "MANIFEST-000012".
absl::StatusOr<uint64_t> ManifestNumber(rocksdb::Env* env,
                                        const std::string& directory,
                                        std::string* name) {
  const std::string path = absl::StrCat(directory, "/CURRENT");
  LATCHKEY_ASSIGN_OR_RETURN(const std::string content, ReadWhole(env, path));
  absl::string_view line = content;
  uint64_t number = 0;
  if (!absl::ConsumeSuffix(&line, "\n")) {
    return DamagedFile(absl::StrCat(path, " is damaged"));
  }
  *name = std::string(line);
  if (!absl::ConsumePrefix(&line, "MANIFEST-") ||
      !absl::SimpleAtoi(line, &number)) {
    return DamagedFile(absl::StrCat(path, " is damaged"));
  }
  return number;
}

std::optional<TornTail> TornTailOf(const std::string& name,
                                   const std::string& content,
                                   const LogScan& scan) {
  if (scan.intact) return std::nullopt;
  return TornTail{name, scan.valid_bytes, content.size() - scan.valid_bytes};
}

absl::StatusOr<std::vector<LogFile>> ListLogs(rocksdb::Env* env,
                                              const std::string& directory) {
  std::vector<std::string> names;
  const rocksdb::Status status = env->GetChildren(directory, &names);
  if (!status.ok()) return CannotOpen(directory, status);
  std::vector<LogFile> logs;
  for (const std::string& name : names) {
    absl::string_view digits = name;
    uint64_t number = 0;
    if (absl::ConsumeSuffix(&digits, ".log") &&
        absl::SimpleAtoi(digits, &number)) {
      logs.push_back({number, name});
    }
  }
  std::sort(logs.begin(), logs.end(), [](const LogFile& a, const LogFile& b) {
    return a.number < b.number;
  });
  return logs;
}

}  // namespace

absl::StatusOr<std::optional<TornTail>> CheckManifest(
    rocksdb::Env* env, const std::string& directory, const Floor& floor) {
  std::string name;
  LATCHKEY_ASSIGN_OR_RETURN(const uint64_t number,
                            ManifestNumber(env, directory, &name));
  const std::string path = absl::StrCat(directory, "/", name);
  if (number < floor.manifest_number) {
    return DamagedFile(
        absl::StrCat("CURRENT names ", path, ", which is out of date"));
  }
  LATCHKEY_ASSIGN_OR_RETURN(const std::string content, ReadWhole(env, path));
  const LogScan scan = ScanLog(content);
  if (number == floor.manifest_number &&
      scan.valid_bytes < floor.manifest_bytes) {
    return DamagedFile(absl::StrCat(path, " is damaged or cut off at byte ",
                                    scan.valid_bytes));
  }
  if (scan.records == 0 || scan.records_beyond) {
    return DamagedFile(
        absl::StrCat(path, " is damaged at byte ", scan.valid_bytes));
  }
  return TornTailOf(name, content, scan);
}

absl::StatusOr<std::vector<TornTail>> CheckLogs(rocksdb::Env* env,
                                                const std::string& directory,
                                                const Floor& floor) {
  std::string manifest_name;
  LATCHKEY_ASSIGN_OR_RETURN(const uint64_t manifest_number,
                            ManifestNumber(env, directory, &manifest_name));
  LATCHKEY_ASSIGN_OR_RETURN(const std::vector<LogFile> logs,
                            ListLogs(env, directory));
  // Beyond the floor's MANIFEST an opening was interrupted that had replayed
  // its logs, and may have removed them.
  const bool logs_due = manifest_number == floor.manifest_number;
  if (logs_due && (logs.empty() || logs.back().number < floor.wal_number)) {
    return DamagedFile(
        absl::StrCat("log ", floor.wal_number, " in ", directory, " is lost"));
  }
  std::vector<TornTail> torn;
  for (const LogFile& log : logs) {
    const std::string path = absl::StrCat(directory, "/", log.name);
    LATCHKEY_ASSIGN_OR_RETURN(const std::string content, ReadWhole(env, path));
    const LogScan scan = ScanLog(content);
    const bool below_floor =
        log.number == floor.wal_number && scan.valid_bytes < floor.wal_bytes;
    if (scan.records_beyond || below_floor) {
      return DamagedFile(absl::StrCat(path, " is damaged or cut off at byte ",
                                      scan.valid_bytes));
    }
    if (!torn.empty() && scan.records > 0) {
      return DamagedFile(absl::StrCat(directory, "/", torn[0].file,
                                      " is damaged at byte ", torn[0].offset));
    }
    const auto tail = TornTailOf(log.name, content, scan);
    if (tail.has_value()) torn.push_back(*tail);
  }
  return torn;
}

}  // namespace latchkey
