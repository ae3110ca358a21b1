#ifndef LATCHKEY_SERVER_BASE_LINE_FILE_H_
#define LATCHKEY_SERVER_BASE_LINE_FILE_H_

#include <memory>
#include <string>
#include <sys/types.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace latchkey {

// LineSink takes whole lines. One thread at a time.
class LineSink {
 public:
  virtual ~LineSink() = default;

  // Append puts `lines` down, each with its newline: all of them, or, with a
  // status, none as far as that is possible. After a failure it may be called
  // again, and works again once the cause is gone.
  [[nodiscard]] virtual absl::Status Append(absl::string_view lines) = 0;

  // Reopen goes on in what bears the name now, after a rotation. The old one
  // stays in use if that fails.
  [[nodiscard]] virtual absl::Status Reopen() = 0;
};

// LineFile is a file that lines are appended to. What a failed write left of
// them is cut off again; where it cannot be (a pipe, a terminal), the next line
// begins on a fresh line, as it does behind what a crash left. So no line is
// ever glued to the torn half of another.
class LineFile final : public LineSink {
 public:
  struct Options {
    // Whether Append returns only when the lines are on the disk itself, and
    // survive a loss of power too. A crash of the process they survive anyway.
    bool sync = false;
  };

  // Open appends to `path`, made 0600 if it is not there.
  //   kFailedPrecondition  with the system's reason
  static absl::StatusOr<std::unique_ptr<LineFile>> Open(std::string path,
                                                        Options options);
  // OnStderr appends to standard error, where nothing is cut or synced.
  static std::unique_ptr<LineFile> OnStderr();

  ~LineFile() override;
  LineFile(const LineFile&) = delete;
  LineFile& operator=(const LineFile&) = delete;

  absl::Status Append(absl::string_view lines) override;
  absl::Status Reopen() override;

 private:
  LineFile(std::string path, Options options, int fd);

  // Looks at what `fd_` is.
  void Inspect();
  // Undoes a write that began at `start` and got `written` bytes far.
  void TakeBack(off_t start, absl::string_view written);

  const std::string path_;  // empty: standard error
  const Options options_;
  int fd_;
  bool regular_ = false;  // can be cut and synced
  bool torn_ = false;     // does not end with a newline
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_BASE_LINE_FILE_H_
