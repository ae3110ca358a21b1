#include "server/rpc/acceptor.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utility>

namespace latchkey {
namespace {

// Connections accepted from one listener before the others have their turn.
constexpr int kMostAtOnce = 64;
// Refusals are told about in one line a minute, or a flood of connections
// would be a flood of log lines.
constexpr absl::Duration kLogInterval = absl::Minutes(1);

FileDescriptor OpenSpare() {
  return FileDescriptor(open("/dev/null", O_RDONLY | O_CLOEXEC));
}

// Closes by a reset: no TIME_WAIT is left here, and the peer is told at once.
void CloseAtOnce(FileDescriptor fd) {
  const linger reset{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
}

int AcceptFrom(int listener, sockaddr_storage* address) {
  socklen_t size = sizeof(*address);
  return accept4(listener, reinterpret_cast<sockaddr*>(address), &size,
                 SOCK_CLOEXEC | SOCK_NONBLOCK);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Acceptor>> Acceptor::Start(
    std::vector<Door> doors, const Clock& clock, Log& log) {
  std::unique_ptr<Acceptor> result(new Acceptor(std::move(doors), clock, log));
  if (!result->wake_.valid()) {
    return absl::FailedPreconditionError("no file descriptor is left");
  }
  result->thread_ = std::thread([acceptor = result.get()] {
    pthread_setname_np(pthread_self(), "acceptor");
    acceptor->Run();
  });
  return result;
}

Acceptor::Acceptor(std::vector<Door> doors, const Clock& clock, Log& log)
    : clock_(clock),
      log_(log),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      spare_(OpenSpare()) {
  for (Door& door : doors) doors_.emplace_back(std::move(door));
}

Acceptor::~Acceptor() { Stop(); }

void Acceptor::Stop() {
  if (!thread_.joinable()) return;
  eventfd_write(wake_.get(), 1);
  thread_.join();
  doors_.clear();
}

Acceptor::Counts Acceptor::counts() const {
  return {.open = open_,
          .taken = taken_,
          .refused_full = refused_full_,
          .refused_source = refused_source_,
          .refused_descriptors = refused_descriptors_,
          .rounds = rounds_};
}

void Acceptor::Run() {
  std::vector<pollfd> polled = {{.fd = wake_.get(), .events = POLLIN}};
  std::vector<CountedDoor*> behind = {nullptr};
  for (CountedDoor& counted : doors_) {
    for (const FileDescriptor& listener : counted.door.listening.sockets) {
      polled.push_back({.fd = listener.get(), .events = POLLIN});
      behind.push_back(&counted);
    }
  }
  bool pause = false;
  while (true) {
    // While it pauses only Stop wakes it: what waits to be accepted would do
    // so at once, again and again.
    const absl::Duration limit = pause ? kPause : kRound;
    const int ready = poll(polled.data(), pause ? 1 : polled.size(),
                           static_cast<int>(absl::ToInt64Milliseconds(limit)));
    ++rounds_;
    if (ready > 0 && polled[0].revents != 0) return;
    SweepSometimes();
    const bool accept = !pause && ready > 0;
    pause = false;
    for (size_t i = 1; accept && i < polled.size(); ++i) {
      if (polled[i].revents == 0) continue;
      if (!AcceptSome(*behind[i], polled[i].fd)) pause = true;
    }
  }
}

void Acceptor::SweepSometimes() {
  const absl::Duration now = clock_.SinceBoot();
  if (now - last_sweep_ < kRound) return;
  last_sweep_ = now;
  uint64_t open = 0;
  for (CountedDoor& counted : doors_) {
    counted.count.Sweep(now);
    open += counted.count.open();
  }
  open_ = open;
  LogRefusals(now);
}

bool Acceptor::HasSpare() {
  if (!spare_.valid()) spare_ = OpenSpare();
  return spare_.valid();
}

bool Acceptor::AcceptSome(CountedDoor& counted, int listener) {
  for (int i = 0; i < kMostAtOnce; ++i) {
    switch (AcceptOne(counted, listener)) {
      case Outcome::kAccepted:
        break;
      case Outcome::kNothingWaits:
        return true;
      case Outcome::kPauseFirst:
        return false;
    }
  }
  return true;
}

Acceptor::Outcome Acceptor::AcceptOne(CountedDoor& counted, int listener) {
  if (!HasSpare()) return Outcome::kPauseFirst;
  sockaddr_storage address{};
  FileDescriptor fd(AcceptFrom(listener, &address));
  if (!fd.valid()) return AcceptFailed(listener, errno);
  const size_t before = counted.count.open();
  const ConnectionCount::Verdict verdict = counted.count.Add(
      fd.get(), counted.door.find_source(address), clock_.SinceBoot());
  open_ += counted.count.open() - before;
  switch (verdict) {
    case ConnectionCount::Verdict::kTaken:
      ++taken_;
      counted.door.hand_over(std::move(fd));
      break;
    case ConnectionCount::Verdict::kFull:
      ++refused_full_;
      CloseAtOnce(std::move(fd));
      break;
    case ConnectionCount::Verdict::kSourceFull:
      ++refused_source_;
      CloseAtOnce(std::move(fd));
      break;
  }
  return Outcome::kAccepted;
}

Acceptor::Outcome Acceptor::AcceptFailed(int listener, int why) {
  switch (why) {
    case EAGAIN:
      return Outcome::kNothingWaits;
    case EMFILE:
    case ENFILE:
      if (!RefuseWithSpare(listener)) return Outcome::kPauseFirst;
      ++refused_descriptors_;
      return Outcome::kAccepted;
    case EINTR:
    // What went wrong with the one connection, before it was accepted.
    case ECONNABORTED:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENOPROTOOPT:
    case ENONET:
      return Outcome::kAccepted;
    default:  // the system is short of memory, or worse
      return Outcome::kPauseFirst;
  }
}

bool Acceptor::RefuseWithSpare(int listener) {
  spare_.Close();
  sockaddr_storage address{};
  // Another thread may have been faster: then this fails, and so will opening.
  FileDescriptor fd(AcceptFrom(listener, &address));
  const bool accepted = fd.valid();
  if (accepted) CloseAtOnce(std::move(fd));
  spare_ = OpenSpare();
  return accepted;
}

void Acceptor::LogRefusals(absl::Duration now) {
  const Counts all = counts();
  const uint64_t refused =
      all.refused_full + all.refused_source + all.refused_descriptors;
  if (refused == logged_refusals_ || now - last_logged_ < kLogInterval) return;
  last_logged_ = now;
  log_.Warning("connections refused",
               {{"since_last_line", refused - logged_refusals_},
                {"open", all.open},
                {"all_full", all.refused_full},
                {"source_full", all.refused_source},
                {"no_descriptors", all.refused_descriptors}});
  logged_refusals_ = refused;
}

}  // namespace latchkey
