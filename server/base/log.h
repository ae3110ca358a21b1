#ifndef LATCHKEY_SERVER_BASE_LOG_H_
#define LATCHKEY_SERVER_BASE_LOG_H_

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "client/base/clock.h"
#include "client/base/mutex.h"

namespace latchkey {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// ParseLogLevel reads debug, info, warning or error.
absl::StatusOr<LogLevel> ParseLogLevel(absl::string_view name);

// LogField is one key=value of a log line. Values are text, numbers, booleans,
// durations and statuses (code and message); a SecretBytes does not convert.
struct LogField {
  LogField(absl::string_view key_in, absl::string_view value_in)
      : key(key_in), value(value_in) {}
  LogField(absl::string_view key_in, const char* value_in)
      : key(key_in), value(value_in) {}
  LogField(absl::string_view key_in, const std::string& value_in)
      : key(key_in), value(value_in) {}
  LogField(absl::string_view key_in, bool value_in)
      : key(key_in), value(value_in ? "true" : "false") {}
  LogField(absl::string_view key_in, absl::Duration value_in)
      : key(key_in), value(absl::FormatDuration(value_in)) {}
  LogField(absl::string_view key_in, const absl::Status& value_in)
      : key(key_in), value(value_in.ToString(absl::StatusToStringMode(0))) {}
  template <typename Number,
            typename = std::enable_if_t<std::is_arithmetic_v<Number>>>
  LogField(absl::string_view key_in, Number value_in)
      : key(key_in), value(absl::StrCat(value_in)) {}

  absl::string_view key;
  std::string value;
};

// Log writes one line per event: time, level, a fixed event text, key=value
// fields. Values are escaped, so that nothing from outside can forge a line.
// No secret goes in: give DigestPrefix() of a credential's digest instead.
//
// Safe from any thread; one line is one write(2). A line that cannot be
// written is dropped: the log never stops the service.
class Log {
 public:
  // ToStderr logs to standard error.
  static std::unique_ptr<Log> ToStderr(LogLevel level, const Clock& clock);
  // ToFile appends to `path`, created 0600. kFailedPrecondition with the
  // system's reason if it cannot be opened. `clock` must outlive the log.
  static absl::StatusOr<std::unique_ptr<Log>> ToFile(absl::string_view path,
                                                     LogLevel level,
                                                     const Clock& clock);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void Debug(absl::string_view event, std::initializer_list<LogField> fields);
  void Info(absl::string_view event, std::initializer_list<LogField> fields);
  void Warning(absl::string_view event, std::initializer_list<LogField> fields);
  void Error(absl::string_view event, std::initializer_list<LogField> fields);

  bool Enabled(LogLevel level) const { return level >= level_; }

  // Reopen opens the file anew (after a rotation); the old one stays in use if
  // that fails. Nothing to do for standard error.
  absl::Status Reopen();

 private:
  Log(std::string path, int fd, LogLevel level, const Clock& clock);
  void Write(LogLevel level, absl::string_view event,
             std::initializer_list<LogField> fields);

  const std::string path_;  // empty: standard error
  const LogLevel level_;
  const Clock& clock_;
  Mutex mutex_;
  int fd_ ABSL_GUARDED_BY(mutex_);
};

// DigestPrefix returns the first 8 hex digits of a digest: enough to follow
// one credential through a log, not enough to be one.
std::string DigestPrefix(absl::string_view digest);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_BASE_LOG_H_
