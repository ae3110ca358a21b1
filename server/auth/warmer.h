#ifndef LATCHKEY_SERVER_AUTH_WARMER_H_
#define LATCHKEY_SERVER_AUTH_WARMER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "client/base/clock.h"
#include "server/base/log.h"
#include "server/session/session.h"

namespace latchkey {

// Warmer fills the session cache after a start, page by page, on a thread of
// its own, while the server answers already: what is not in memory yet comes
// from the store. No answer depends on it, so if a page fails it gives up.
//
// Its thread stands back from those that serve, and a page is a millisecond or
// two: neither a core nor a lock is taken from them for long.
class Warmer {
 public:
  // The sessions that one page should look at.
  static constexpr int kPageSize = 1000;

  // What one page has come to.
  struct Page {
    std::optional<SessionKey> next;  // where to go on; absent at the end
    bool full = false;               // the cache takes no more
  };
  // Reads the page behind `after` (none: the first) into the cache.
  using ReadPage = std::function<absl::StatusOr<Page>(
      const std::optional<SessionKey>& after, int limit, absl::Time now)>;
  // Tells how many sessions are in the cache; for the log.
  using CountCached = std::function<uint64_t()>;

  // Both functions are called on the warmer's thread, until Stop has returned.
  // `clock` and `log` must outlive it.
  Warmer(ReadPage read_page, CountCached count_cached, const Clock& clock,
         Log& log);
  // Calls Stop.
  ~Warmer();
  Warmer(const Warmer&) = delete;
  Warmer& operator=(const Warmer&) = delete;

  // Start starts the thread, which ends by itself. Call once.
  void Start();
  // Stop ends it behind the page it is at, and joins it. May be called again.
  void Stop();

  // Run reads page after page on the calling thread until the cache is warm, a
  // page fails, or Stop is called. The thread does nothing else.
  void Run();

  // warm tells whether all that the cache takes has been read. It stays false
  // if a page failed. From any thread.
  bool warm() const { return warm_.load(std::memory_order_relaxed); }

 private:
  const ReadPage read_page_;
  const CountCached count_cached_;
  const Clock& clock_;
  Log& log_;

  std::atomic<bool> stopping_{false};
  std::atomic<bool> warm_{false};
  std::thread thread_;  // touched by Start and Stop only
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_AUTH_WARMER_H_
