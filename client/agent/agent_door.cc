#include "client/agent/agent_door.h"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace latchkey {
namespace {

constexpr int kBacklog = 128;
// Between two looks at whether to close, which a flood must not put off.
constexpr int kMostAtOnce = 64;
// How long accepting rests where it cannot go on.
constexpr int kPauseMillis = 100;

absl::Status CannotListen(const std::string& path) {
  return absl::FailedPreconditionError(
      absl::StrCat("cannot listen on unix:", path, ": ", std::strerror(errno)));
}

bool Bind(int listener, const std::string& path, mode_t mode) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    errno = ENAMETOOLONG;
    return false;
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  // The system makes the socket with all rights but these.
  const mode_t before = umask(~mode & 0777);
  const absl::Cleanup restore = [before] { umask(before); };
  return bind(listener, reinterpret_cast<const sockaddr*>(&address),
              sizeof(address)) == 0;
}

// Whether accept failed for a reason that passes with the connection itself.
bool IsOfTheConnection(int error) {
  return error == EINTR || error == ECONNABORTED || error == EPROTO;
}

}  // namespace

absl::StatusOr<std::unique_ptr<AgentDoor>> AgentDoor::Open(
    const std::string& path, mode_t mode) {
  const int listener =
      socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener < 0) return CannotListen(path);
  absl::Cleanup closer = [listener] { close(listener); };
  if (!Bind(listener, path, mode) || listen(listener, kBacklog) != 0) {
    return CannotListen(path);
  }
  const int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake < 0) return CannotListen(path);
  std::move(closer).Cancel();
  return std::unique_ptr<AgentDoor>(new AgentDoor(listener, wake));
}

AgentDoor::~AgentDoor() {
  const uint64_t one = 1;
  // An eventfd takes it, unless it was told 2^64 times.
  (void)!write(wake_, &one, sizeof(one));
  if (thread_.joinable()) thread_.join();
  close(listener_);
  close(wake_);
}

void AgentDoor::Start(int end, HandOver hand_over) {
  thread_ = std::thread([this, end, hand_over = std::move(hand_over)] {
    pthread_setname_np(pthread_self(), "door");
    Run(end, hand_over);
  });
}

void AgentDoor::Run(int end, const HandOver& hand_over) {
  bool rests = false;
  while (true) {
    pollfd polled[] = {{.fd = wake_, .events = POLLIN},
                       {.fd = listener_, .events = POLLIN}};
    poll(polled, rests ? 1 : 2, rests ? kPauseMillis : -1);
    if (polled[0].revents != 0) return;
    rests = !AcceptSome(end, hand_over);
  }
}

bool AgentDoor::AcceptSome(int end, const HandOver& hand_over) {
  for (int i = 0; i < kMostAtOnce; ++i) {
    const int taken =
        accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (taken < 0) {
      if (IsOfTheConnection(errno)) continue;
      return errno == EAGAIN || errno == EWOULDBLOCK;
    }
    if (taken < end) {
      hand_over(taken);
    } else {
      close(taken);
    }
  }
  return true;
}

}  // namespace latchkey
