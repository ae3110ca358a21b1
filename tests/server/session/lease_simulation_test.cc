#include "tests/server/session/lease_simulation.h"

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

#include "absl/strings/numbers.h"
#include "gtest/gtest.h"

namespace latchkey {
namespace {

constexpr uint64_t kSeeds = LATCHKEY_LEASE_SEEDS;
// Within so many seeds a planted fault is found, most of them in a few.
constexpr uint64_t kSeedsForAFault = 3'000;

// LATCHKEY_LEASE_SEED=n runs that one instead of all.
std::optional<uint64_t> SeedToReplay() {
  const char* const text = std::getenv("LATCHKEY_LEASE_SEED");
  uint64_t seed = 0;
  if (text == nullptr || !absl::SimpleAtoi(text, &seed)) return std::nullopt;
  return seed;
}

TEST(LeaseSimulation, NoCheckAfterAPropagatedLogoutAccepts) {
  uint64_t first = 1, last = kSeeds;
  if (const auto seed = SeedToReplay()) first = last = *seed;
  LeaseOutcome sum;
  for (uint64_t seed = first; seed <= last; ++seed) {
    const LeaseOutcome one = SimulateLeases(seed, {});
    ASSERT_EQ(one.violation, "") << "replay: LATCHKEY_LEASE_SEED=" << seed;
    sum.logouts += one.logouts;
    sum.propagated += one.propagated;
    sum.acknowledged += one.acknowledged;
    sum.expired += one.expired;
    sum.checks += one.checks;
    sum.accepted += one.accepted;
    sum.restarts += one.restarts;
    sum.restores += one.restores;
  }
  if (first == last) return;
  // It would find nothing if nothing happened.
  const int seeds = static_cast<int>(kSeeds);
  EXPECT_GT(sum.propagated, 5 * seeds);
  EXPECT_GT(sum.acknowledged, seeds);
  EXPECT_GT(sum.expired, seeds);
  EXPECT_GT(sum.accepted, 5 * seeds);
  EXPECT_GT(sum.checks, 100 * seeds);
  EXPECT_GT(sum.restarts, seeds);
  EXPECT_GT(sum.restores, seeds / 5);
}

struct Planted {
  std::string name;
  bool LeaseFaults::*fault;
};

class LeaseSimulationFinds : public ::testing::TestWithParam<Planted> {};

TEST_P(LeaseSimulationFinds, ThePlantedFault) {
  LeaseFaults faults;
  faults.*GetParam().fault = true;
  for (uint64_t seed = 1; seed <= kSeedsForAFault; ++seed) {
    const LeaseOutcome outcome = SimulateLeases(seed, faults);
    if (outcome.violation.empty()) continue;
    RecordProperty("seed", static_cast<int>(seed));
    RecordProperty("violation", outcome.violation);
    return;
  }
  FAIL() << "not found";
}

INSTANTIATE_TEST_SUITE_P(
    All, LeaseSimulationFinds,
    ::testing::Values(
        Planted{"LeaseFromReceipt", &LeaseFaults::lease_from_receipt},
        Planted{"AcknowledgementBeforeApply",
                &LeaseFaults::acknowledges_before_apply},
        Planted{"LeaseReadLast", &LeaseFaults::lease_read_last},
        Planted{"ClockStopsInSuspend", &LeaseFaults::clock_stops_in_suspend},
        Planted{"ClocksDriftApart", &LeaseFaults::clocks_drift_apart},
        Planted{"NoWaitAfterRestart", &LeaseFaults::no_wait_after_restart},
        Planted{"ForgetsLongerTtl", &LeaseFaults::forgets_longer_ttl},
        Planted{"RenewsLaggards", &LeaseFaults::renews_laggards},
        Planted{"StreamsByName", &LeaseFaults::streams_by_name},
        Planted{"DropsAtExpiry", &LeaseFaults::drops_at_expiry}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace latchkey
