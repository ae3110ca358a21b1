#include "server/base/short_turns.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <sys/syscall.h>
#include <unistd.h>

namespace latchkey {
namespace {

constexpr long kTurnNanos = 500'000;

std::atomic<uint64_t> offers = 0;
static_assert(std::atomic<uint64_t>::is_always_lock_free);

int Signal() { return SIGRTMIN + 1; }

void Offer(int) {
  const int before = errno;
  offers.fetch_add(1, std::memory_order_relaxed);
  // By its number: sched_yield is not among what handlers may call.
  syscall(SYS_sched_yield);
  errno = before;
}

bool InstallHandler() {
  struct sigaction action = {};
  action.sa_handler = Offer;
  action.sa_flags = SA_RESTART;
  return sigaction(Signal(), &action, nullptr) == 0;
}

}  // namespace

ShortTurns::ShortTurns() {
  static const bool installed = InstallHandler();
  if (!installed) return;
  sigevent event = {};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = Signal();
  event._sigev_un._tid = gettid();
  made_ = timer_create(CLOCK_MONOTONIC, &event, &timer_) == 0;
  if (!made_) return;
  const timespec turn = {.tv_sec = 0, .tv_nsec = kTurnNanos};
  const itimerspec each = {.it_interval = turn, .it_value = turn};
  timer_settime(timer_, 0, &each, nullptr);
}

ShortTurns::~ShortTurns() {
  if (made_) timer_delete(timer_);
}

uint64_t ShortTurns::Offers() { return offers.load(std::memory_order_relaxed); }

}  // namespace latchkey
