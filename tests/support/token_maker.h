#ifndef LATCHKEY_TESTS_SUPPORT_TOKEN_MAKER_H_
#define LATCHKEY_TESTS_SUPPORT_TOKEN_MAKER_H_

#include <sodium.h>
#include <string>

#include "absl/strings/string_view.h"

#include "client/verify/base64url.h"

namespace latchkey {

// TokenMaker signs any header and any payload with the Ed25519 key of RFC 8037
// appendix A, whose private half is published: a test's issuer that makes the
// tokens no real one would.
class TokenMaker {
 public:
  // The public half, as a set of one key named "ed-1".
  static constexpr char kJwks[] =
      R"({"keys":[{"kty":"OKP","crv":"Ed25519","kid":"ed-1",)"
      R"("x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})";
  static constexpr char kHeader[] =
      R"({"alg":"EdDSA","kid":"ed-1","typ":"at+jwt"})";

  TokenMaker() {
    const std::string seed =
        *Base64UrlDecode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A");
    unsigned char public_key[crypto_sign_PUBLICKEYBYTES];
    crypto_sign_seed_keypair(public_key, private_key_, Bytes(seed));
  }

  std::string Make(absl::string_view payload) const {
    return Make(kHeader, payload);
  }
  std::string Make(absl::string_view header, absl::string_view payload) const {
    return Sign(Base64UrlEncode(header) + "." + Base64UrlEncode(payload));
  }

  // Sign appends the signature over `input` to it.
  std::string Sign(const std::string& input) const {
    std::string signature(crypto_sign_BYTES, '\0');
    crypto_sign_detached(reinterpret_cast<unsigned char*>(signature.data()),
                         nullptr, Bytes(input), input.size(), private_key_);
    return input + "." + Base64UrlEncode(signature);
  }

 private:
  static const unsigned char* Bytes(const std::string& text) {
    return reinterpret_cast<const unsigned char*>(text.data());
  }

  unsigned char private_key_[crypto_sign_SECRETKEYBYTES];
};

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_SUPPORT_TOKEN_MAKER_H_
