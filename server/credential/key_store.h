#ifndef LATCHKEY_SERVER_CREDENTIAL_KEY_STORE_H_
#define LATCHKEY_SERVER_CREDENTIAL_KEY_STORE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace latchkey {

// KeyAlgorithm is what a signing key of ours signs with. On disk: never reuse
// a number.
enum class KeyAlgorithm : uint8_t { kEs256 = 1, kEdDsa = 2 };

// KeyRecord is a signing key as it lies on disk: the private half sealed.
struct KeyRecord {
  std::string kid;  // RFC 7638 thumbprint
  KeyAlgorithm algorithm = KeyAlgorithm::kEs256;
  absl::Time create_time;
  absl::Time activate_time;    // signs from here until the next one does
  std::string public_jwk;      // the JWK as published, JSON
  std::string sealed_private;  // AES-256-GCM, see sealer.h

  friend bool operator==(const KeyRecord&, const KeyRecord&) = default;
};

// KeyStore keeps signing keys, sealed.
//
// A call that returned OK survives a crash that follows it. Safe from any
// thread; calls may block on the disk. Besides the codes named, every call may
// return kUnavailable (closing, or stopped after a failed write) and kDataLoss.
class KeyStore {
 public:
  virtual ~KeyStore() = default;

  // Add stores a key.
  //   kAlreadyExists  one with this kid is stored; nothing changed
  [[nodiscard]] virtual absl::Status Add(const KeyRecord& record) = 0;

  // List returns all keys, ordered by activate_time, then kid.
  [[nodiscard]] virtual absl::StatusOr<std::vector<KeyRecord>> List() const = 0;

  // Remove forgets a key; OK also if there is none.
  [[nodiscard]] virtual absl::Status Remove(absl::string_view kid) = 0;

  // Revoke forgets a key and records that what it signed has ended; the last
  // of that would have expired at `last_expire_time`. Returns the revision.
  //   kNotFound  there is none; nothing changed
  [[nodiscard]] virtual absl::StatusOr<uint64_t> Revoke(
      absl::string_view kid, absl::Time last_expire_time) = 0;

  // MasterKeyCheck returns the value that SetMasterKeyCheck stored: a known
  // text sealed under the master key, by which a wrong one is told at start.
  //   kNotFound  none stored yet
  [[nodiscard]] virtual absl::StatusOr<std::string> MasterKeyCheck() const = 0;
  [[nodiscard]] virtual absl::Status SetMasterKeyCheck(
      absl::string_view sealed) = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_CREDENTIAL_KEY_STORE_H_
