#ifndef LATCHKEY_CLIENT_VERIFY_KEY_SET_H_
#define LATCHKEY_CLIENT_VERIFY_KEY_SET_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "client/verify/public_key.h"

namespace latchkey {

// Keys of one set, usable or not. An issuer has a next, a current and a few
// retiring ones; a flood of keys would slow every look-up.
inline constexpr size_t kMaxKeys = 32;

// The text of a set: kMaxKeys of 2 KiB each, which a certificate chain takes.
inline constexpr size_t kMaxJwksBytes = 64 * 1024;

// KeySet is the public keys of one issuer, told apart by their kid. A token
// is judged by the key it names and by no other.
//
// Immutable. Safe from any thread.
class KeySet {
 public:
  // Holds no key: every token is refused.
  KeySet() = default;

  // FromJwks reads a JWK Set (RFC 7517 section 5). A key that PublicKey does
  // not take is left out, as the RFC asks for; see left_out(). An empty array
  // makes an empty set.
  //   kInvalidArgument     not a JWK set in strict JSON within the limits, an
  //                        entry that is no object, a kid twice (left-out keys
  //                        included), or keys but none of use: keep the old set
  //   kFailedPrecondition  a secret key is in it, so it is published now: keep
  //                        the old set and raise an alarm
  // No message holds anything of the text.
  static absl::StatusOr<KeySet> FromJwks(absl::string_view json);

  // FromKeys makes a set of up to kMaxKeys keys.
  //   kInvalidArgument  more, or a kid twice
  static absl::StatusOr<KeySet> FromKeys(std::vector<PublicKey> keys);

  // Find returns the key of exactly that kid, or null. It lives as long as
  // this set.
  const PublicKey* Find(absl::string_view kid) const;

  // keys returns the keys in the order they were given.
  const std::vector<PublicKey>& keys() const { return keys_; }
  size_t size() const { return keys_.size(); }

  // left_out tells a person why keys of the text are not in the set, one line
  // each: "key 2: RSA modulus must be odd". Keys are counted from 1.
  const std::vector<std::string>& left_out() const { return left_out_; }

  // ToJwks returns the set as one JSON object without white space.
  std::string ToJwks() const;

 private:
  std::vector<PublicKey> keys_;
  std::vector<std::string> left_out_;
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_VERIFY_KEY_SET_H_
