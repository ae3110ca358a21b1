#ifndef LATCHKEY_TESTS_SERVER_SESSION_LEASE_SIMULATION_H_
#define LATCHKEY_TESTS_SERVER_SESSION_LEASE_SIMULATION_H_

#include <cstdint>
#include <string>

namespace latchkey {

// LeaseFaults are breaches of the protocol that a simulation plants from
// outside: in a clock, a store, or what lies between the two sides. The code
// under test is the same with and without them.
struct LeaseFaults {
  // The verifier counts its lease from when it came.
  bool lease_from_receipt = false;
  // The verifier acknowledges a batch, then applies it.
  bool acknowledges_before_apply = false;
  // The verifier takes the end of the lease after it has read the set.
  bool lease_read_last = false;
  // Verifiers measure by a clock that stands still in suspend.
  bool clock_stops_in_suspend = false;
  // Clocks run at rates that differ by more than the margin allows.
  bool clocks_drift_apart = false;
  // The server forgets, when it starts, that it granted leases before.
  bool no_wait_after_restart = false;
  // The server takes the ttl it has now for the longest it ever granted.
  bool forgets_longer_ttl = false;
  // The server renews the lease of a verifier that lags.
  bool renews_laggards = false;
  // What one stream acknowledges counts for another one, whose client goes by
  // the same name.
  bool streams_by_name = false;
  // Entries are dropped when what they stop expires by the server's clock.
  bool drops_at_expiry = false;
};

// What came of one simulation.
struct LeaseOutcome {
  std::string violation;  // empty: none
  // How much it has tried, so that a test can see that it tried something.
  int logouts = 0;
  int propagated = 0;    // logouts that were answered: complete
  int acknowledged = 0;  // of these: by at least one verifier
  int expired = 0;       // of these: by the end of at least one lease
  int checks = 0;
  int accepted = 0;
  int restarts = 0;
  int restores = 0;
};

// SimulateLeases runs a server and a few verifiers, the real code of both
// sides, over a network and clocks that `seed` decides: messages are delayed,
// lost and overtaken, streams are cut, processes are stopped at every step,
// suspended, restarted and restored, wall clocks step and boot clocks drift.
//
// It ends at the first violation of:
//   - a check that begins after a logout was answered as complete accepts none
//     of what was logged out; a restore of a backup logs out all before it
//   - a wait takes no longer than its bound, but for what the server itself
//     was stopped
LeaseOutcome SimulateLeases(uint64_t seed, const LeaseFaults& faults);

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SERVER_SESSION_LEASE_SIMULATION_H_
