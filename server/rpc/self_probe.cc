#include "server/rpc/self_probe.h"

#include <chrono>
#include <cstring>
#include <errno.h>
#include <memory>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>

#include "grpcpp/client_context.h"
#include "grpcpp/create_channel_posix.h"
#include "grpcpp/support/channel_arguments.h"

#include "grpc/health/v1/health.grpc.pb.h"

namespace latchkey {
namespace {

// Means that there was nobody to answer, not that the answer was no.
bool IsSilence(grpc::StatusCode code) {
  return code == grpc::StatusCode::UNAVAILABLE ||
         code == grpc::StatusCode::DEADLINE_EXCEEDED ||
         code == grpc::StatusCode::CANCELLED;
}

bool IsWant(int why) {
  return why == EMFILE || why == ENFILE || why == ENOBUFS || why == ENOMEM ||
         why == EADDRNOTAVAIL;
}

absl::Status NotConnected(int why) {
  return IsWant(why) ? absl::ResourceExhaustedError(strerror(why))
                     : absl::UnavailableError(strerror(why));
}

// Waits until the connection is made and returns 0, or why it is not.
int WaitConnected(int fd, absl::Duration limit) {
  pollfd polled{.fd = fd, .events = POLLOUT};
  const int millis = static_cast<int>(absl::ToInt64Milliseconds(limit));
  const int ready = poll(&polled, 1, millis);
  if (ready < 0) return errno;
  if (ready == 0) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof(error);
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  // Taken, and closed at once: there were too many.
  return error == ECONNRESET ? 0 : error;
}

}  // namespace

absl::Status AskHealth(FileDescriptor connection, absl::Duration limit) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  const auto stub =
      grpc::health::v1::Health::NewStub(grpc::CreateCustomInsecureChannelFromFd(
          "localhost", connection.Release(), arguments));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       absl::ToChronoMilliseconds(limit));
  grpc::health::v1::HealthCheckResponse response;
  const grpc::Status status = stub->Check(&context, {}, &response);
  if (status.ok() || !IsSilence(status.error_code())) return absl::OkStatus();
  return absl::UnavailableError(status.error_message());
}

absl::Status ConnectTo(const sockaddr_storage& address, absl::Duration limit) {
  const FileDescriptor fd(
      socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return NotConnected(errno);
  // Many of these must not leave as many sockets in TIME_WAIT.
  const linger reset{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
  const socklen_t size = address.ss_family == AF_INET6 ? sizeof(sockaddr_in6)
                                                       : sizeof(sockaddr_in);
  int why = 0;
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) !=
      0) {
    why = errno == EINPROGRESS ? WaitConnected(fd.get(), limit) : errno;
  }
  return why == 0 ? absl::OkStatus() : NotConnected(why);
}

sockaddr_storage NearAddressOf(const FileDescriptor& listener) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
  if (address.ss_family == AF_INET6) {
    auto* const v6 = reinterpret_cast<sockaddr_in6*>(&address);
    if (IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr)) {
      v6->sin6_addr = in6addr_loopback;
    }
  } else {
    auto* const v4 = reinterpret_cast<sockaddr_in*>(&address);
    if (v4->sin_addr.s_addr == htonl(INADDR_ANY)) {
      v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    }
  }
  return address;
}

}  // namespace latchkey
