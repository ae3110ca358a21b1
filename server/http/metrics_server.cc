#include "server/http/metrics_server.h"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include "absl/strings/str_cat.h"
#include "microhttpd.h"

#include "client/base/status_macros.h"
#include "server/base/metric_text.h"

namespace latchkey {
namespace {

// Connections that wait to be accepted. Many, since the one that does not fit
// tries again only after a second; they cost us nothing.
constexpr int kBacklog = 128;
// Above kMaxConnections, so that a new one can be there while the oldest goes.
constexpr unsigned kSpareConnections = 4;

// Owns a descriptor until it is taken.
class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&&) = delete;

  int get() const { return fd_; }
  int Take() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

absl::Status CannotListen(const std::string& listen, const char* why) {
  return absl::FailedPreconditionError(
      absl::StrCat("cannot serve metrics on ", listen, ": ", why));
}

absl::StatusOr<Socket> Listen(const std::string& listen) {
  const size_t colon = listen.rfind(':');
  if (colon == std::string::npos) return CannotListen(listen, "no port");
  std::string host = listen.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  const std::string port = listen.substr(colon + 1);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int error = getaddrinfo(host.c_str(), port.c_str(), &hints, &list);
  if (error != 0) return CannotListen(listen, gai_strerror(error));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> found(list,
                                                             freeaddrinfo);
  Socket socket(::socket(found->ai_family,
                         SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  if (socket.get() < 0 ||
      setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) !=
          0 ||
      bind(socket.get(), found->ai_addr, found->ai_addrlen) != 0 ||
      ::listen(socket.get(), kBacklog) != 0) {
    return CannotListen(listen, strerror(errno));
  }
  return socket;
}

int PortOf(const Socket& socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) !=
      0) {
    return 0;
  }
  return ntohs(address.ss_family == AF_INET6
                   ? reinterpret_cast<sockaddr_in6*>(&address)->sin6_port
                   : reinterpret_cast<sockaddr_in*>(&address)->sin_port);
}

// A path has one spelling: left as it came, one that is written otherwise is
// another path.
size_t KeepEscapes(void* /*unused*/, MHD_Connection* /*connection*/,
                   char* text) {
  return strlen(text);
}

// Queues the whole answer; the connection is closed behind it.
MHD_Result Answer(MHD_Connection* connection, unsigned code,
                  const char* content_type, const std::string& body) {
  MHD_Response* const response = MHD_create_response_from_buffer(
      body.size(), const_cast<char*>(body.data()), MHD_RESPMEM_MUST_COPY);
  if (response == nullptr) return MHD_NO;
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
  MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
  if (code == MHD_HTTP_METHOD_NOT_ALLOWED) {
    MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
  }
  const MHD_Result queued = MHD_queue_response(connection, code, response);
  MHD_destroy_response(response);
  return queued;
}

MHD_Result AnswerPlain(MHD_Connection* connection, unsigned code,
                       const std::string& line) {
  return Answer(connection, code, "text/plain; charset=utf-8", line + "\n");
}

}  // namespace

// The library's server; all of this but the constructor and destructor runs on
// its one thread.
class MetricsServer::Daemon {
 public:
  explicit Daemon(Pages pages) : pages_(std::move(pages)) {}
  ~Daemon() {
    if (daemon_ != nullptr) MHD_stop_daemon(daemon_);
  }

  absl::Status Start(Socket socket, absl::Duration idle_timeout) {
    const auto timeout = static_cast<unsigned>(
        std::max<int64_t>(1, absl::ToInt64Seconds(idle_timeout)));
    daemon_ = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_ITC, 0,
        nullptr, nullptr, &Daemon::OnRequest, this,  //
        MHD_OPTION_LISTEN_SOCKET, socket.get(),      //
        MHD_OPTION_CONNECTION_LIMIT,
        static_cast<unsigned>(kMaxConnections) + kSpareConnections,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, kMaxRequestBytes,
        MHD_OPTION_CONNECTION_TIMEOUT, timeout,  //
        MHD_OPTION_STRICT_FOR_CLIENT, 1,         //
        MHD_OPTION_UNESCAPE_CALLBACK, &KeepEscapes, nullptr,
        MHD_OPTION_NOTIFY_CONNECTION, &Daemon::OnConnection, this,
        MHD_OPTION_END);
    if (daemon_ == nullptr) {
      return absl::FailedPreconditionError("cannot start serving metrics");
    }
    socket.Take();  // the library closes it
    return absl::OkStatus();
  }

 private:
  static MHD_Result OnRequest(void* self, MHD_Connection* connection,
                              const char* url, const char* method,
                              const char* /*version*/, const char* /*body*/,
                              size_t* /*body_size*/, void** /*request*/) {
    const absl::string_view name(method);
    if (name != MHD_HTTP_METHOD_GET && name != MHD_HTTP_METHOD_HEAD) {
      return AnswerPlain(connection, MHD_HTTP_METHOD_NOT_ALLOWED,
                         "method not allowed");
    }
    const Pages& pages = static_cast<Daemon*>(self)->pages_;
    const absl::string_view path(url);
    if (path == "/metrics") {
      return Answer(connection, MHD_HTTP_OK, MetricText::kContentType,
                    pages.metrics());
    }
    if (path == "/healthz") {
      return pages.ready()
                 ? AnswerPlain(connection, MHD_HTTP_OK, "ok")
                 : AnswerPlain(connection, MHD_HTTP_SERVICE_UNAVAILABLE,
                               "not ready");
    }
    return AnswerPlain(connection, MHD_HTTP_NOT_FOUND, "not found");
  }

  static void OnConnection(void* self, MHD_Connection* connection,
                           void** /*context*/,
                           MHD_ConnectionNotificationCode what) {
    std::deque<int>& open = static_cast<Daemon*>(self)->open_;
    const int fd =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)
            ->connect_fd;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
      std::erase(open, fd);
      return;
    }
    open.push_back(fd);
    if (open.size() <= kMaxConnections) return;
    // A client that sends a byte now and then is never idle: places go by age.
    shutdown(open.front(), SHUT_RDWR);
    open.pop_front();
  }

  const Pages pages_;
  std::deque<int> open_;  // descriptors of connections, the oldest first
  MHD_Daemon* daemon_ = nullptr;
};

absl::StatusOr<std::unique_ptr<MetricsServer>> MetricsServer::Start(
    Options options, Pages pages) {
  LATCHKEY_ASSIGN_OR_RETURN(Socket socket, Listen(options.listen));
  const int port = PortOf(socket);
  auto daemon = std::make_unique<Daemon>(std::move(pages));
  LATCHKEY_RETURN_IF_ERROR(
      daemon->Start(std::move(socket), options.idle_timeout));
  return std::unique_ptr<MetricsServer>(
      new MetricsServer(std::move(daemon), port));
}

MetricsServer::MetricsServer(std::unique_ptr<Daemon> daemon, int port)
    : daemon_(std::move(daemon)), port_(port) {}

MetricsServer::~MetricsServer() { Stop(); }

void MetricsServer::Stop() { daemon_.reset(); }

}  // namespace latchkey
