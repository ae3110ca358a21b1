#ifndef LATCHKEY_SERVER_HTTP_METRICS_SERVER_H_
#define LATCHKEY_SERVER_HTTP_METRICS_SERVER_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace latchkey {

// MetricsServer answers HTTP on a port of its own, for monitoring: GET and HEAD
// of
//
//   /metrics   200, the metrics as Prometheus text
//   /healthz   200 "ok" while the server is ready, else 503 "not ready"
//
// All else is 404, other methods 405; nothing can be changed by it. It knows
// nobody: whoever reaches the port may read.
//
// One thread serves all connections, one request each. A slow one keeps nobody
// waiting, and when there are too many the oldest gives up its place.
class MetricsServer {
 public:
  // Prometheus, a health check and a curious person, several times over.
  static constexpr size_t kMaxConnections = 16;
  // Request line and headers of one request; a scraper sends some 300 bytes.
  static constexpr size_t kMaxRequestBytes = size_t{8} << 10;

  struct Options {
    std::string listen;  // host:port; port 0: any free one
    // A connection on which nothing moves for so long is closed.
    absl::Duration idle_timeout = absl::Seconds(10);
  };
  // Both are called on the server's thread, until Stop has returned; while one
  // works, others wait.
  struct Pages {
    std::function<std::string()> metrics;
    std::function<bool()> ready;
  };

  // Start listens and serves.
  //   kFailedPrecondition  the address is bad or taken; one line says which
  static absl::StatusOr<std::unique_ptr<MetricsServer>> Start(Options options,
                                                              Pages pages);
  // Calls Stop.
  ~MetricsServer();
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;

  // port returns the port that it got.
  int port() const { return port_; }

  // Stop closes the port and all connections and joins the thread. May be
  // called again.
  void Stop();

 private:
  class Daemon;

  MetricsServer(std::unique_ptr<Daemon> daemon, int port);

  std::unique_ptr<Daemon> daemon_;  // null once stopped
  const int port_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_HTTP_METRICS_SERVER_H_
