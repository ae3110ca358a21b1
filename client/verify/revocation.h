#ifndef LATCHKEY_CLIENT_VERIFY_REVOCATION_H_
#define LATCHKEY_CLIENT_VERIFY_REVOCATION_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "client/base/ids.h"
#include "client/verify/token_limits.h"

namespace latchkey {

// Revocation says what is not good any more, though it looks so. It is only
// ever added to what is known, never taken back.
struct Revocation {
  // On the wire: never reuse a number.
  enum class Kind : uint8_t {
    kSession = 1,
    kAccount = 2,
    kKey = 3,
    kEpoch = 4
  };

  // Each takes when the last token, or cached answer about an opaque
  // credential, that it could stop ends by its own time.
  static Revocation OfSession(const SessionId& id, absl::Time last_expire_time);
  // `lowest_good`: sessions of a lower generation have ended.
  static Revocation OfAccount(const AccountUid& uid, uint64_t lowest_good,
                              absl::Time last_expire_time);
  static Revocation OfKey(std::string kid, absl::Time last_expire_time);
  static Revocation OfEpoch(const Epoch& epoch, absl::Time last_expire_time);

  Kind kind = Kind::kSession;
  SessionId session;         // kSession
  AccountUid account;        // kAccount
  uint64_t lowest_good = 0;  // kAccount: the lowest generation still good
  std::string kid;           // kKey
  Epoch epoch;               // kEpoch
  // When it may be forgotten: the most lenient verifier, whose clock is behind
  // by all that is allowed, has seen the last of what it stops expire.
  absl::Time drop_time;

  friend bool operator==(const Revocation&, const Revocation&) = default;
};

// DropTime returns when a revocation of what ends at `last_expire_time` may be
// forgotten.
inline absl::Time DropTime(absl::Time last_expire_time) {
  return last_expire_time + kMaxClockSkew;
}

// The text of a key id: a thumbprint has 43 bytes.
inline constexpr size_t kMaxRevokedKidBytes = kMaxNameClaimBytes;

// RevocableFacts is what of a credential can have been revoked.
struct RevocableFacts {
  SessionId session;
  AccountUid account;
  uint64_t generation = 0;
  absl::string_view kid;  // empty: not signed
  Epoch epoch;            // in which it was issued, or answered about
};

inline Revocation Revocation::OfSession(const SessionId& id,
                                        absl::Time last_expire_time) {
  Revocation result;
  result.kind = Kind::kSession;
  result.session = id;
  result.drop_time = DropTime(last_expire_time);
  return result;
}

inline Revocation Revocation::OfAccount(const AccountUid& uid,
                                        uint64_t lowest_good,
                                        absl::Time last_expire_time) {
  Revocation result;
  result.kind = Kind::kAccount;
  result.account = uid;
  result.lowest_good = lowest_good;
  result.drop_time = DropTime(last_expire_time);
  return result;
}

inline Revocation Revocation::OfKey(std::string kid,
                                    absl::Time last_expire_time) {
  Revocation result;
  result.kind = Kind::kKey;
  result.kid = std::move(kid);
  result.drop_time = DropTime(last_expire_time);
  return result;
}

inline Revocation Revocation::OfEpoch(const Epoch& epoch,
                                      absl::Time last_expire_time) {
  Revocation result;
  result.kind = Kind::kEpoch;
  result.epoch = epoch;
  result.drop_time = DropTime(last_expire_time);
  return result;
}

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_VERIFY_REVOCATION_H_
