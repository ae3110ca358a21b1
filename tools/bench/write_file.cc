#include "tools/bench/write_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"

#include "client/base/status_macros.h"

namespace latchkey::bench {
namespace {

absl::Status Failed(const std::string& path, int error) {
  const std::string text =
      absl::StrCat("cannot write ", path, ": ", std::strerror(error));
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
    return absl::ResourceExhaustedError(text);
  }
  return absl::FailedPreconditionError(text);
}

// Returns zero or an errno.
int WriteAll(int fd, absl::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    text.remove_prefix(static_cast<size_t>(written));
  }
  return fsync(fd) == 0 ? 0 : errno;
}

}  // namespace

absl::Status WriteFile(const std::string& path, absl::string_view text) {
  // Beside it, because a rename works within one file system only.
  const std::string part = absl::StrCat(path, ".", getpid(), ".part");
  const int fd =
      open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0) return Failed(path, errno);
  int error = WriteAll(fd, text);
  // Some file systems tell of a full disk only here.
  if (close(fd) != 0 && error == 0) error = errno;
  if (error == 0 && std::rename(part.c_str(), path.c_str()) != 0) {
    error = errno;
  }
  if (error == 0) return absl::OkStatus();
  unlink(part.c_str());
  return Failed(path, error);
}

}  // namespace latchkey::bench
