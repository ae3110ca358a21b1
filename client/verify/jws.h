#ifndef LATCHKEY_CLIENT_VERIFY_JWS_H_
#define LATCHKEY_CLIENT_VERIFY_JWS_H_

#include <array>
#include <cstddef>
#include <optional>

#include "absl/strings/string_view.h"

#include "client/verify/key_set.h"
#include "client/verify/refusal.h"
#include "client/verify/token_limits.h"
#include "client/verify/token_type.h"

namespace latchkey {

// Which rules of JWS a reader asks for besides those of every JWS.
struct JwsRules {
  size_t max_token_bytes;
  TokenType type = TokenType::kAccessToken;
  bool allow_empty_payload;
};

// CheckedJws is a JWS in compact form whose signature was checked. It holds
// the decoded payload and no more: one to a token, on the stack.
class CheckedJws {
 public:
  CheckedJws() = default;
  CheckedJws(const CheckedJws&) = delete;
  CheckedJws& operator=(const CheckedJws&) = delete;

  // Check applies the rules from kSize to kSignature, in that order, and
  // returns the first one broken. `keys` must outlive this object.
  // REQUIRES: max_token_bytes <= kMaxTokenBytes.
  std::optional<Refusal> Check(absl::string_view token, const KeySet& keys,
                               const JwsRules& rules);

  // REQUIRES, of both: Check returned nullopt.
  const PublicKey& key() const { return *key_; }
  absl::string_view payload() const { return payload_; }

 private:
  std::optional<Refusal> Decode(absl::string_view token, const JwsRules& rules);
  std::optional<Refusal> CheckHeader(const KeySet& keys, const JwsRules& rules);

  absl::string_view signing_input_;  // part of the token; only during Check
  absl::string_view header_;
  absl::string_view payload_;
  absl::string_view signature_;
  const PublicKey* key_ = nullptr;
  // The three parts decoded, one behind the other: 3/4 of the largest token.
  std::array<char, kMaxTokenBytes / 4 * 3> decoded_;
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_VERIFY_JWS_H_
