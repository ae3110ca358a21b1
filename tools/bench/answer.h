#ifndef LATCHKEY_TOOLS_BENCH_ANSWER_H_
#define LATCHKEY_TOOLS_BENCH_ANSWER_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace latchkey::bench {

// Answer is what Validate must say of a credential: active, under that very
// session's name, or not active (an empty name).
struct Answer {
  std::string session_name;

  bool active() const { return !session_name.empty(); }
};

// IsRight tells whether `message`, a ValidateResponse, says `answer` and
// nothing more: an inactive answer that names a session is wrong. The usual
// spelling is compared in place, since the load generator has better things to
// do than to parse; anything else is parsed before it is called wrong.
bool IsRight(absl::string_view message, const Answer& answer);

// AreRight is IsRight for a BatchValidateResponse: as many responses as there
// are answers, each right.
bool AreRight(absl::string_view message,
              const std::vector<const Answer*>& answers);

// Describe puts a ValidateResponse into words: "active as accounts/..." or
// "not active".
std::string Describe(absl::string_view message);
std::string Describe(const Answer& answer);

}  // namespace latchkey::bench

#endif  // LATCHKEY_TOOLS_BENCH_ANSWER_H_
