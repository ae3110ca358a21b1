#ifndef LATCHKEY_CLIENT_VERIFY_TOKEN_TYPE_H_
#define LATCHKEY_CLIENT_VERIFY_TOKEN_TYPE_H_

namespace latchkey {

// TokenType is what a token must say that it is, by `typ` in its header, so
// that one made for one purpose is not taken for another.
enum class TokenType {
  // RFC 9068: "at+jwt" or "application/at+jwt", in lower case.
  kAccessToken,
  // RFC 7523, which asks for no typ: absent, "JWT", or
  // "client-authentication+jwt".
  kClientAssertion,
  // Whatever it says; where nobody is logged in by it.
  kAny,
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_VERIFY_TOKEN_TYPE_H_
