#include "server/rpc/listening.h"

#include <cstring>
#include <errno.h>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "client/base/status_macros.h"

namespace latchkey {
namespace {

// Connections that wait to be accepted; the system lowers it to its own
// maximum (net.core.somaxconn), 4,096 on Debian.
constexpr int kBacklog = 4096;

absl::Status CannotListen(absl::string_view where, absl::string_view why) {
  return absl::FailedPreconditionError(
      absl::StrCat("cannot listen on ", where, ": ", why));
}

using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

absl::StatusOr<Addresses> Resolve(const std::string& listen) {
  const size_t colon = listen.rfind(':');
  std::string host = listen.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  const std::string port = listen.substr(colon + 1);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  if (error != 0) return CannotListen(listen, gai_strerror(error));
  return Addresses(found, &freeaddrinfo);
}

bool SetOption(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

// Sets or reads the port of an IPv4 or IPv6 address: at the same place in both.
in_port_t* PortOf(sockaddr_storage* address) {
  return address->ss_family == AF_INET6
             ? &reinterpret_cast<sockaddr_in6*>(address)->sin6_port
             : &reinterpret_cast<sockaddr_in*>(address)->sin_port;
}

// Listens on one address; an invalid descriptor, and errno, if it cannot.
FileDescriptor ListenOnAddress(const sockaddr_storage& address,
                               socklen_t size) {
  FileDescriptor fd(
      socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return fd;
  const bool is_ipv6 = address.ss_family == AF_INET6;
  // Answers are small and at once: none waits for the next one to fill a
  // packet. A restart may take the port over from connections that linger.
  if (!SetOption(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1) ||
      !SetOption(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1) ||
      (is_ipv6 && !SetOption(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0)) ||
      bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      listen(fd.get(), kBacklog) != 0) {
    const int why = errno;
    fd.Close();
    errno = why;
  }
  return fd;
}

int BoundPort(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return 0;
  }
  return ntohs(*PortOf(&address));
}

}  // namespace

absl::StatusOr<Listening> ListenOnNetwork(const std::string& listen) {
  LATCHKEY_ASSIGN_OR_RETURN(const Addresses found, Resolve(listen));
  Listening result;
  int absent = 0;
  for (const addrinfo* one = found.get(); one != nullptr; one = one->ai_next) {
    sockaddr_storage address{};
    std::memcpy(&address, one->ai_addr, one->ai_addrlen);
    // The port that the first one got, where any would do.
    if (result.port != 0) {
      *PortOf(&address) = htons(static_cast<uint16_t>(result.port));
    }
    FileDescriptor fd = ListenOnAddress(address, one->ai_addrlen);
    if (!fd.valid() && (errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT)) {
      // A name may have addresses of a family that this machine is without.
      absent = errno;
      continue;
    }
    if (!fd.valid()) return CannotListen(listen, strerror(errno));
    result.port = BoundPort(fd.get());
    result.sockets.push_back(std::move(fd));
  }
  if (result.sockets.empty()) return CannotListen(listen, strerror(absent));
  return result;
}

absl::StatusOr<Listening> ListenOnPath(const std::string& path) {
  const std::string where = absl::StrCat("unix:", path);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return CannotListen(where, "the path is too long");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  FileDescriptor fd(
      socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // A path gets its socket's mode: so there is no moment at which it is open
  // to others, and no umask that other threads would share.
  if (!fd.valid() || fchmod(fd.get(), S_IRUSR | S_IWUSR) != 0) {
    return CannotListen(where, strerror(errno));
  }
  unlink(path.c_str());
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address),
           sizeof(address)) != 0 ||
      listen(fd.get(), kBacklog) != 0) {
    return CannotListen(where, strerror(errno));
  }
  Listening result;
  result.sockets.push_back(std::move(fd));
  return result;
}

}  // namespace latchkey
