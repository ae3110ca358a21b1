#ifndef LATCHKEY_CLIENT_FOLLOW_VERIFIER_OPTIONS_H_
#define LATCHKEY_CLIENT_FOLLOW_VERIFIER_OPTIONS_H_

#include <cstddef>
#include <string>

#include "absl/time/time.h"

namespace latchkey {

// AskPolicy is what a verifier does when it cannot answer by itself.
enum class AskPolicy {
  // Asks the server. It is then as slow, and as available, as that.
  kWhenNeeded,
  // Refuses: kUnavailable. Opaque credentials are never good then.
  kNever,
};

// VerifierOptions is how a verifier judges, and what it may take.
struct VerifierOptions {
  // `iss` of the server's JWTs. Required.
  std::string issuer;
  // `aud` of JWTs whose session has no audiences: the server's
  // --default_audience; empty: the issuer.
  std::string default_audience;
  // Added in the holder's favour to the times of JWTs: 0 to 60 s. Needed where
  // this machine's clock is ahead of the server's; if it is behind, the
  // server's counts.
  absl::Duration clock_skew;
  AskPolicy ask = AskPolicy::kWhenNeeded;

  // Answers kept, so that a credential seen before costs next to nothing; 1.5
  // KiB each if it is a JWT.
  size_t max_answer_bytes = 64 << 20;
  // Sessions and accounts known to be revoked, at up to 64 bytes each. If there
  // are more, nothing is answered here.
  size_t max_revocations = 4'000'000;
  // Questions under way; more are refused.
  size_t max_asks = 10'000;

  // Between heartbeats, at least 10 ms; the server's, if that is less.
  absl::Duration heartbeat_interval = absl::Milliseconds(500);
  // A stream on which nothing came for so long is given up.
  absl::Duration silence_timeout = absl::Seconds(10);
  // Before a lost stream is made anew: from the first to the longest, doubling,
  // of which a random part between a half and all is waited.
  absl::Duration first_backoff = absl::Milliseconds(100);
  absl::Duration longest_backoff = absl::Seconds(5);
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_FOLLOW_VERIFIER_OPTIONS_H_
