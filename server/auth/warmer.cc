#include "server/auth/warmer.h"

#include <pthread.h>
#include <utility>

#include "server/base/thread_priority.h"

namespace latchkey {

Warmer::Warmer(ReadPage read_page, CountCached count_cached, const Clock& clock,
               Log& log)
    : read_page_(std::move(read_page)),
      count_cached_(std::move(count_cached)),
      clock_(clock),
      log_(log) {}

Warmer::~Warmer() { Stop(); }

void Warmer::Start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "warmer");
    // Not lower: it holds the cache's locks for moments, as those who serve do.
    LowerThisThread(ThreadPriority::kHousekeeping);
    Run();
  });
}

void Warmer::Stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

void Warmer::Run() {
  const absl::Duration start = clock_.SinceBoot();
  Page page;
  do {
    if (stopping_) return;
    absl::StatusOr<Page> read = read_page_(page.next, kPageSize, clock_.Now());
    if (!read.ok()) {
      log_.Warning("session cache not warmed",
                   {{"status", read.status()}, {"sessions", count_cached_()}});
      return;
    }
    page = *std::move(read);
  } while (page.next.has_value() && !page.full);
  warm_ = true;
  log_.Info("session cache warm", {{"sessions", count_cached_()},
                                   {"full", page.full},
                                   {"took", clock_.SinceBoot() - start}});
}

}  // namespace latchkey
