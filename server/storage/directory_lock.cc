#include "server/storage/directory_lock.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace latchkey {
namespace {

absl::Status Refused(const std::string& path, int error) {
  return absl::FailedPreconditionError(
      absl::StrCat("database directory ", path, ": ", strerror(error)));
}

}  // namespace

absl::StatusOr<DirectoryLock> DirectoryLock::Take(const std::string& path) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return Refused(path, errno);
  }
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return Refused(path, errno);
  DirectoryLock lock(fd);
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return Refused(path, errno);
    return absl::FailedPreconditionError(
        absl::StrCat("database directory ", path, " is in use"));
  }
  if (access(path.c_str(), R_OK | W_OK | X_OK) != 0) {
    return Refused(path, errno);
  }
  return lock;
}

DirectoryLock::~DirectoryLock() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace latchkey
