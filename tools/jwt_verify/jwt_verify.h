#ifndef LATCHKEY_TOOLS_JWT_VERIFY_JWT_VERIFY_H_
#define LATCHKEY_TOOLS_JWT_VERIFY_JWT_VERIFY_H_

#include <istream>
#include <optional>
#include <ostream>
#include <string>

#include "absl/time/time.h"

#include "client/base/clock.h"

namespace latchkey {

// What `latchkey jwt verify` is asked for.
struct JwtVerifyOptions {
  std::string jwks_path;
  // Checks the signature and nothing of typ and payload; the fields below are
  // then without meaning.
  bool signature_only = false;
  std::string issuer;                   // required
  std::optional<std::string> audience;  // this or allow_any_audience
  bool allow_any_audience = false;
  absl::Duration clock_skew = absl::ZeroDuration();  // 0 to 60 s
  // Judges as of this time; absent: by the clock, read anew for each line.
  std::optional<absl::Time> now;
};

// RunJwtVerify reads tokens from `in`, one a line, and writes one line of JSON
// about each to `out`, at once, in their order:
//   {"line":1,"ok":true,"kid":"...","alg":"ES256","claims":{...}}
//   {"line":2,"ok":false,"reason":"signature"}
// With signature_only a good line has no claims. Lines end with a line feed
// alone and are taken as they are: a carriage return or an empty line is
// refused like any wrong token, and so is an empty input, as one empty line. A
// line longer than a token may be is refused as "size" without being held in
// memory. Claims are those that Latchkey knows, by their names in the token.
//
// It returns the exit code:
//   0  every line is good
//   1  a line was refused
//   2  key set or options cannot be used, or out cannot be written; one line
//      on `err` says why
// A key of the set that had to be left out is told on `err`, one line each.
// Nothing of a refused token is written anywhere.
int RunJwtVerify(std::istream& in, std::ostream& out, std::ostream& err,
                 const Clock& clock, const JwtVerifyOptions& options);

}  // namespace latchkey

#endif  // LATCHKEY_TOOLS_JWT_VERIFY_JWT_VERIFY_H_
