#ifndef LATCHKEY_CLIENT_FOLLOW_VERIFIER_FIGURES_H_
#define LATCHKEY_CLIENT_FOLLOW_VERIFIER_FIGURES_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace latchkey {

// VerifierFigures is how fresh a verifier's view is and what it has done, for a
// person; no decision rests on it.
struct VerifierFigures {
  // Whether it may answer by itself now, and for how long from now.
  bool leased = false;
  absl::Duration lease_remaining;
  // Since the heartbeat was sent that the newest lease answered: what is older
  // is known here. Infinite before the first lease.
  absl::Duration view_age = absl::InfiniteDuration();
  // The oldest view by which a check may have been answered, ever.
  absl::Duration accepted_staleness_max;
  uint64_t applied_revision = 0;

  // Checks since it was made, each counted once.
  uint64_t local_yes = 0;
  uint64_t local_no = 0;
  uint64_t asked = 0;
  uint64_t refused = 0;  // not known here, and could not be asked

  bool connected = false;        // a stream is there, and has been welcomed
  uint64_t streams = 0;          // begun
  std::string stream_error;      // why the last one that ended did
  uint64_t restarts = 0;         // another epoch than before
  uint64_t bad_key_sets = 0;     // could not be read; the one before was kept
  uint64_t unreported_uses = 0;  // of sessions, for want of room
  size_t revocations = 0;
  size_t revocation_bytes = 0;
  size_t answers = 0;
  size_t answer_bytes = 0;
};

// AppendMetrics appends `figures` in the text format of Prometheus, each name
// beginning with "latchkey_verifier_".
void AppendMetrics(const VerifierFigures& figures, std::string* text);

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_FOLLOW_VERIFIER_FIGURES_H_
