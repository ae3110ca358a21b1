#include "server/base/line_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "absl/strings/str_cat.h"

namespace latchkey {
namespace {

constexpr mode_t kFileMode = 0600;

int OpenForAppend(const std::string& path) {
  return open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
              kFileMode);
}

absl::Status SystemError(absl::string_view what) {
  return absl::FailedPreconditionError(
      absl::StrCat(what, ": ", strerror(errno)));
}

// Tells whether the file of `size` bytes ends with a newline; if it cannot be
// read, no: a fresh line more does no harm.
bool EndsWithNewline(const std::string& path, off_t size) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return false;
  char last = '\0';
  const ssize_t got = pread(fd, &last, 1, size - 1);
  close(fd);
  return got == 1 && last == '\n';
}

// Writes `text` and returns how many bytes of it were taken, with `errno` set
// if that is not all of them.
size_t WriteAll(int fd, absl::string_view text) {
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t got = write(fd, text.data() + done, text.size() - done);
    if (got > 0) {
      done += static_cast<size_t>(got);
    } else if (got == 0) {
      errno = EIO;  // nothing says why; nothing is gained by asking again
      return done;
    } else if (errno != EINTR) {
      return done;
    }
  }
  return done;
}

}  // namespace

absl::StatusOr<std::unique_ptr<LineFile>> LineFile::Open(std::string path,
                                                         Options options) {
  const int fd = OpenForAppend(path);
  if (fd < 0) return SystemError(absl::StrCat("cannot open ", path));
  return std::unique_ptr<LineFile>(new LineFile(std::move(path), options, fd));
}

std::unique_ptr<LineFile> LineFile::OnStderr() {
  return std::unique_ptr<LineFile>(new LineFile("", Options{}, STDERR_FILENO));
}

LineFile::LineFile(std::string path, Options options, int fd)
    : path_(std::move(path)), options_(options), fd_(fd) {
  if (!path_.empty()) Inspect();
}

LineFile::~LineFile() {
  if (!path_.empty()) close(fd_);
}

void LineFile::Inspect() {
  struct stat info {};
  regular_ = fstat(fd_, &info) == 0 && S_ISREG(info.st_mode);
  torn_ = regular_ && info.st_size > 0 && !EndsWithNewline(path_, info.st_size);
}

absl::Status LineFile::Append(absl::string_view lines) {
  std::string fresh;
  absl::string_view text = lines;
  if (torn_) {
    fresh = absl::StrCat("\n", lines);
    text = fresh;
  }
  const off_t start = regular_ ? lseek(fd_, 0, SEEK_END) : 0;
  const size_t written = WriteAll(fd_, text);
  absl::Status status;
  if (written < text.size()) {
    status = SystemError("cannot write");
  } else if (options_.sync && regular_ && fdatasync(fd_) != 0) {
    status = SystemError("cannot sync");
  }
  if (status.ok()) {
    torn_ = false;
  } else {
    TakeBack(start, text.substr(0, written));
  }
  return status;
}

void LineFile::TakeBack(off_t start, absl::string_view written) {
  if (written.empty()) return;
  // Only our own bytes: if the file has another length, somebody else has
  // written or cut it meanwhile.
  const off_t end = start + static_cast<off_t>(written.size());
  if (regular_ && lseek(fd_, 0, SEEK_END) == end &&
      ftruncate(fd_, start) == 0) {
    return;
  }
  torn_ = written.back() != '\n';
}

absl::Status LineFile::Reopen() {
  if (path_.empty()) return absl::OkStatus();
  const int fd = OpenForAppend(path_);
  if (fd < 0) return SystemError("cannot reopen");
  close(std::exchange(fd_, fd));
  Inspect();
  return absl::OkStatus();
}

}  // namespace latchkey
