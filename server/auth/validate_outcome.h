#ifndef LATCHKEY_SERVER_AUTH_VALIDATE_OUTCOME_H_
#define LATCHKEY_SERVER_AUTH_VALIDATE_OUTCOME_H_

#include <cstddef>
#include <cstdint>

namespace latchkey {

// ValidateOutcome is what a check came to, told apart as far as the check knows
// anyway: for counting, whoever asks. Why in detail takes another look, see
// InactiveReason.
enum class ValidateOutcome : uint8_t {
  kActive,
  // No live session is behind the credential: it was never one, has expired,
  // or was taken back.
  kNotGood,
  // There is one, but not for the audience that was asked for.
  kAudience,
  // There is one, but its holder's last proof is older than was asked for.
  kAuthTooOld,
};

inline constexpr size_t kValidateOutcomes = 4;

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_AUTH_VALIDATE_OUTCOME_H_
