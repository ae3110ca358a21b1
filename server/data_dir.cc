#include "server/data_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace latchkey {
namespace {

constexpr mode_t kOwnerOnly = 0700;
constexpr mode_t kOthers = 0077;

absl::Status Refuse(absl::string_view path, absl::string_view why) {
  return absl::FailedPreconditionError(
      absl::StrCat("data directory ", path, " ", why));
}

absl::Status CheckDirectory(const std::string& path) {
  if (mkdir(path.c_str(), kOwnerOnly) != 0 && errno != EEXIST) {
    return Refuse(path, absl::StrCat("cannot be made: ", strerror(errno)));
  }
  struct stat info;
  if (stat(path.c_str(), &info) != 0) {
    return Refuse(path, absl::StrCat("cannot be read: ", strerror(errno)));
  }
  if (!S_ISDIR(info.st_mode)) return Refuse(path, "is not a directory");
  if (info.st_uid != geteuid()) {
    return Refuse(path, "belongs to another user; chown it");
  }
  if ((info.st_mode & kOthers) != 0) {
    return Refuse(path, "may be entered by others; chmod 700 it");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<DataDir>> DataDir::Open(
    absl::string_view path_in) {
  std::string path(absl::StripSuffix(path_in, "/"));
  if (path.empty()) return Refuse(path_in, "is not usable");
  const std::string socket = path + "/admin.sock";
  if (socket.size() > kMaxSocketPathBytes) {
    return Refuse(path, absl::StrCat("has too long a name: its admin.sock "
                                     "would have ",
                                     socket.size(),
                                     " bytes, and a socket's "
                                     "path may have ",
                                     kMaxSocketPathBytes));
  }
  const absl::Status usable = CheckDirectory(path);
  if (!usable.ok()) return usable;
  const std::string lock = path + "/LOCK";
  const int fd = open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return Refuse(path, absl::StrCat("cannot be written: ", strerror(errno)));
  }
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const int why = errno;
    close(fd);
    if (why == EWOULDBLOCK) return Refuse(path, "is in use by another server");
    return Refuse(path, absl::StrCat("cannot be locked: ", strerror(why)));
  }
  return std::unique_ptr<DataDir>(new DataDir(std::move(path), fd));
}

DataDir::DataDir(std::string path, int lock_fd)
    : path_(std::move(path)), lock_fd_(lock_fd) {}

DataDir::~DataDir() { close(lock_fd_); }

}  // namespace latchkey
