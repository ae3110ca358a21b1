#include "server/base/log.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <utility>

#include "absl/strings/escaping.h"

#include "server/base/error.h"

namespace latchkey {
namespace {

constexpr mode_t kLogFileMode = 0600;

absl::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "DEBUG";
    case LogLevel::kInfo:
      return "INFO";
    case LogLevel::kWarning:
      return "WARNING";
    case LogLevel::kError:
      return "ERROR";
  }
  return "ERROR";
}

// Bare words stay readable; anything else is quoted and escaped.
bool IsBare(absl::string_view value) {
  if (value.empty()) return false;
  for (const char c : value) {
    const bool plain =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
        (c >= 'A' && c <= 'Z') ||
        absl::string_view("-_./:+,@").find(c) != absl::string_view::npos;
    if (!plain) return false;
  }
  return true;
}

int OpenForAppend(const std::string& path) {
  return open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
              kLogFileMode);
}

}  // namespace

absl::StatusOr<LogLevel> ParseLogLevel(absl::string_view name) {
  if (name == "debug") return LogLevel::kDebug;
  if (name == "info") return LogLevel::kInfo;
  if (name == "warning") return LogLevel::kWarning;
  if (name == "error") return LogLevel::kError;
  return InvalidField("log_level", "must be debug, info, warning or error");
}

std::unique_ptr<Log> Log::ToStderr(LogLevel level, const Clock& clock) {
  return std::unique_ptr<Log>(new Log("", STDERR_FILENO, level, clock));
}

absl::StatusOr<std::unique_ptr<Log>> Log::ToFile(absl::string_view path,
                                                 LogLevel level,
                                                 const Clock& clock) {
  std::string name(path);
  const int fd = OpenForAppend(name);
  if (fd < 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot open log file ", path, ": ", strerror(errno)));
  }
  return std::unique_ptr<Log>(new Log(std::move(name), fd, level, clock));
}

Log::Log(std::string path, int fd, LogLevel level, const Clock& clock)
    : path_(std::move(path)), level_(level), clock_(clock), fd_(fd) {}

Log::~Log() {
  MutexLock lock(&mutex_);
  if (!path_.empty()) close(fd_);
}

void Log::Debug(absl::string_view event,
                std::initializer_list<LogField> fields) {
  Write(LogLevel::kDebug, event, fields);
}
void Log::Info(absl::string_view event,
               std::initializer_list<LogField> fields) {
  Write(LogLevel::kInfo, event, fields);
}
void Log::Warning(absl::string_view event,
                  std::initializer_list<LogField> fields) {
  Write(LogLevel::kWarning, event, fields);
}
void Log::Error(absl::string_view event,
                std::initializer_list<LogField> fields) {
  Write(LogLevel::kError, event, fields);
}

absl::Status Log::Reopen() {
  if (path_.empty()) return absl::OkStatus();
  const int fd = OpenForAppend(path_);
  if (fd < 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot reopen log file: ", strerror(errno)));
  }
  int old;
  {
    MutexLock lock(&mutex_);
    old = std::exchange(fd_, fd);
  }
  close(old);
  return absl::OkStatus();
}

void Log::Write(LogLevel level, absl::string_view event,
                std::initializer_list<LogField> fields) {
  if (!Enabled(level)) return;
  std::string line =
      absl::StrCat(absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", clock_.Now(),
                                    absl::UTCTimeZone()),
                   " ", LevelName(level), " ", event);
  for (const LogField& field : fields) {
    absl::StrAppend(&line, " ", field.key, "=");
    if (IsBare(field.value)) {
      absl::StrAppend(&line, field.value);
    } else {
      absl::StrAppend(&line, "\"", absl::CHexEscape(field.value), "\"");
    }
  }
  line += '\n';
  MutexLock lock(&mutex_);
  // The result is dropped on purpose: see the class comment.
  [[maybe_unused]] const ssize_t written = write(fd_, line.data(), line.size());
}

std::string DigestPrefix(absl::string_view digest) {
  return absl::BytesToHexString(digest.substr(0, 4));
}

}  // namespace latchkey
