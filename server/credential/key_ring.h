#ifndef LATCHKEY_SERVER_CREDENTIAL_KEY_RING_H_
#define LATCHKEY_SERVER_CREDENTIAL_KEY_RING_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "client/base/mutex.h"
#include "client/verify/key_set.h"
#include "server/credential/key_store.h"
#include "server/credential/sealer.h"
#include "server/credential/signing_key.h"

namespace latchkey {

struct KeyRingOptions {
  // Of keys made from now on; those that are there keep theirs.
  KeyAlgorithm algorithm = KeyAlgorithm::kEs256;
  // Between a key's publication and its first signature: verifiers elsewhere
  // fetch the key set at least that often. Not negative.
  absl::Duration publish_lead = absl::Hours(1);
  // After that a key has a successor. At least publish_lead.
  absl::Duration signing_life = absl::Hours(24 * 30);
  // No token lives longer, whatever --jwt_life is now or was before a restart,
  // so that a changed setting strands no token. Positive.
  absl::Duration max_token_life = absl::Hours(24);
};

enum class KeyState { kPublished, kSigning, kRetiring };

// KeyInfo is what people may know of a key.
struct KeyInfo {
  std::string kid;
  KeyAlgorithm algorithm = KeyAlgorithm::kEs256;
  KeyState state = KeyState::kPublished;
  absl::Time create_time;
  absl::Time activate_time;
  // Signs until here, leaves the key set there; absent while no successor is
  // known.
  std::optional<absl::Time> retire_time;
  std::optional<absl::Time> gone_time;

  friend bool operator==(const KeyInfo&, const KeyInfo&) = default;
};

// KeyRing holds the keys that JWTs are signed and checked with. The life of
// one key:
//
//   create        activate           activate of       retire +
//     |             |               the next one       max_token_life + 60 s
//     |  published  |     signing        |    retiring     |   gone
//     +-------------+--------------------+-----------------+----------> time
//     |<---- lead ->|                    |                 |
//     |<---------- in the key set, verifies -------------->|
//
// So every token's key is in the set from publish_lead before the token is
// made until the token has ended for the most lenient verifier (skew 60 s).
// The last 60 s and nothing else depend on other machines' clocks.
//
// A state follows from the stored keys and `now` alone; each border belongs to
// the later state. The signing key is the last one whose activate_time is not
// after `now`, or the first of all: there always is one, whatever the clock
// says. The first key of a store signs at once, since nobody can hold an older
// set.
//
// Safe from any thread. Reading never waits for a change under way: changes go
// to the store first and to memory after.
class KeyRing {
 public:
  // Open reads and unseals the keys of `store`, or makes the first one. The
  // store must outlive the ring. Blocks.
  //   kInvalidArgument     options out of range
  //   kFailedPrecondition  the store holds more than kMaxKeys keys
  //   kDataLoss            a key does not unseal or does not fit
  //   others               as the store answers
  static absl::StatusOr<std::unique_ptr<KeyRing>> Open(
      KeyStore& store, Sealer sealer, const KeyRingOptions& options,
      absl::Time now);

  KeyRing(const KeyRing&) = delete;
  KeyRing& operator=(const KeyRing&) = delete;

  // VerificationKeys returns the published, signing and retiring keys. Unless
  // a border was passed since the last call, it copies a pointer under a lock.
  std::shared_ptr<const KeySet> VerificationKeys(absl::Time now) const;

  // Signer returns the key that signs at `now`; never null.
  std::shared_ptr<const SigningKey> Signer(absl::Time now) const;

  // List returns the keys that are not gone, in order of activate_time.
  std::vector<KeyInfo> List(absl::Time now) const;

  // Jwks returns VerificationKeys as a JWK set (RFC 7517).
  std::string Jwks(absl::Time now) const;

  // Rotate makes the next key: published now, signing after publish_lead.
  // Blocks.
  //   kFailedPrecondition  a next key is waiting already, or kMaxKeys keys
  //                        have not gone yet (kRotationTooSoon)
  //   others               as the store answers; then nothing changed, or the
  //                        key is found after a restart
  absl::StatusOr<KeyInfo> Rotate(absl::Time now);

  // Revoke takes a key out for good: what it signed verifies no more. If that
  // was the key that signs, a new one signs from `now` on, unpublished before;
  // so it also is if the ring has no other key. Blocks.
  //   kNotFound  kKeyNotFound: not in the ring
  //   others     as the store answers: the key may be revoked all the same, or
  //              it is and has no successor but an older key or the next one
  struct Revoked {
    uint64_t revision = 0;
    std::optional<KeyInfo> successor;
  };
  absl::StatusOr<Revoked> Revoke(absl::string_view kid, absl::Time now);

  // Tick does what is due: makes the next key publish_lead before the present
  // one's signing_life is over, and forgets keys that are gone. To be called
  // now and then, well more often than publish_lead. Blocks. Errors as Rotate;
  // the ring goes on with what it has.
  absl::Status Tick(absl::Time now);

  absl::Duration max_token_life() const { return options_.max_token_life; }

 private:
  struct Held {
    absl::Time create_time;
    absl::Time activate_time;
    std::shared_ptr<const SigningKey> key;
  };
  // What holds from `since` until before `until`.
  struct View {
    absl::Time since = absl::InfinitePast();
    absl::Time until = absl::InfiniteFuture();
    std::vector<KeyInfo> infos;
    std::shared_ptr<const SigningKey> signer;
    std::shared_ptr<const KeySet> verification;
  };

  KeyRing(KeyStore& store, Sealer sealer, const KeyRingOptions& options,
          std::vector<Held> keys);

  std::shared_ptr<const View> ViewAt(absl::Time now) const;
  std::shared_ptr<const View> MakeView(absl::Time now) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<KeyInfo> AddNext(absl::Time activate_time, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_mutex_);
  absl::StatusOr<KeyInfo> AddSigner(absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_mutex_);
  absl::Status RemoveGone(absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_mutex_);
  std::vector<Held> Keys() const;
  void SetKeys(std::vector<Held> keys)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_mutex_);

  KeyStore& store_;
  const Sealer sealer_;
  const KeyRingOptions options_;
  // Held through a change, store writes included, so that two of them cannot
  // both find no next key. Readers never take it. Before mutex_.
  Mutex change_mutex_;
  mutable Mutex mutex_;
  // Ordered by activate_time, then kid; never empty.
  std::vector<Held> keys_ ABSL_GUARDED_BY(mutex_);
  mutable std::shared_ptr<const View> view_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_CREDENTIAL_KEY_RING_H_
