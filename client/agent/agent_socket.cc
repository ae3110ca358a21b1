#include "client/agent/agent_socket.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "client/base/status_macros.h"

namespace latchkey {
namespace {

absl::Status CannotListen(absl::string_view path, absl::string_view why) {
  return absl::FailedPreconditionError(
      absl::StrCat("cannot listen on unix:", path, ": ", why));
}

// Connects to the socket at `path`: 0, or the error.
int TryConnect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return errno;
  const absl::Cleanup closer = [fd] { close(fd); };
  const int done =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  return done == 0 ? 0 : errno;
}

// Removes a socket at which nobody listens.
absl::Status RemoveStale(const std::string& path) {
  struct stat about;
  if (lstat(path.c_str(), &about) != 0) {
    if (errno == ENOENT) return absl::OkStatus();
    return CannotListen(path, std::strerror(errno));
  }
  if (!S_ISSOCK(about.st_mode)) return CannotListen(path, "it is no socket");
  const int error = TryConnect(path);
  // Nothing but a refusal says that nobody is there.
  if (error == 0) return CannotListen(path, "somebody listens there");
  if (error != ECONNREFUSED) return CannotListen(path, std::strerror(error));
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    return CannotListen(path, std::strerror(errno));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<AgentSocket>> AgentSocket::Claim(
    const std::string& path) {
  if (path.empty() || path.size() > kMaxPathBytes) {
    return CannotListen(path, "the path is empty or too long");
  }
  const std::string lock_path = path + ".lock";
  const int lock =
      open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock < 0) {
    return CannotListen(path,
                        absl::StrCat(lock_path, ": ", std::strerror(errno)));
  }
  absl::Cleanup closer = [lock] { close(lock); };
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    const bool is_held = errno == EWOULDBLOCK;
    return CannotListen(
        path, is_held ? "another agent serves there" : std::strerror(errno));
  }
  LATCHKEY_RETURN_IF_ERROR(RemoveStale(path));
  std::move(closer).Cancel();
  return std::unique_ptr<AgentSocket>(new AgentSocket(path, lock));
}

AgentSocket::AgentSocket(std::string path, int lock)
    : path_(std::move(path)), lock_(lock) {}

AgentSocket::~AgentSocket() {
  unlink(path_.c_str());
  close(lock_);
}

}  // namespace latchkey
