#include "server/base/short_turns.h"

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <optional>
#include <thread>

#include "gtest/gtest.h"

namespace latchkey {
namespace {

// Uses the processor until there are more offers than `before`. It never ends
// if there are none.
void ComputeUntilMoreThan(uint64_t before) {
  while (ShortTurns::Offers() <= before) {
  }
}

sigset_t TheSignal() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGRTMIN + 1);
  return signals;
}

TEST(ShortTurns, AThreadThatOnlyComputesOffersItsProcessorAgainAndAgain) {
  const uint64_t before = ShortTurns::Offers();
  errno = EDOM;
  const ShortTurns turns;
  ComputeUntilMoreThan(before + 2);
  EXPECT_EQ(errno, EDOM);
}

TEST(ShortTurns, AThreadIsLeftAloneWhenItsOwnHaveEnded) {
  std::thread([] {
    const uint64_t before = ShortTurns::Offers();
    std::optional<ShortTurns> turns(std::in_place);
    ComputeUntilMoreThan(before);
    turns.reset();
    // What its timer would send it from here on would be kept.
    const sigset_t signals = TheSignal();
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::thread([&signals] {
      pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
      const ShortTurns others;
      ComputeUntilMoreThan(ShortTurns::Offers() + 10);
    }).join();
    sigset_t kept;
    sigpending(&kept);
    EXPECT_EQ(sigismember(&kept, SIGRTMIN + 1), 0);
  }).join();
}

}  // namespace
}  // namespace latchkey
