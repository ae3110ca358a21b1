#ifndef LATCHKEY_CLIENT_FOLLOW_VALIDATOR_H_
#define LATCHKEY_CLIENT_FOLLOW_VALIDATOR_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "client/follow/principal.h"

namespace latchkey {

// CheckOptions is what is asked of a credential besides that it is good.
struct CheckOptions {
  // Who asks: a credential with audiences is good only if this is one of them.
  // At most 256 bytes.
  std::string audience;
  // The holder's last proof must not be older.
  std::optional<absl::Duration> max_auth_age;
  // The token of a revision (an answer's, or metadata latchkey-revision): the
  // check must know all that had happened there. Empty: of none.
  std::string at_least_as_fresh;
  // This check is no activity of the holder.
  bool passive = false;
};

// A Verdict is who stands behind a credential, or null: it is not good.
using Verdict = std::shared_ptr<const Principal>;

// Validator tells whether a credential is good. Not knowing is an error, never
// a verdict. Safe from any thread.
class Validator {
 public:
  virtual ~Validator() = default;

  // CheckNow answers from what is at hand, without waiting for anything;
  // nullopt: not known here, ask Check.
  virtual std::optional<Verdict> CheckNow(absl::string_view credential,
                                          const CheckOptions& options) = 0;

  // Check calls `done` once, perhaps before it returns, from any thread; `done`
  // must not block. `deadline` is for all of it.
  //   kUnavailable, kDeadlineExceeded  the server could not be asked in time
  //   kInvalidArgument                 a malformed option
  //   kFailedPrecondition              at_least_as_fresh is of other data
  //   else                             as AuthService.Validate
  using Done = std::function<void(absl::StatusOr<Verdict>)>;
  virtual void Check(absl::string_view credential, const CheckOptions& options,
                     absl::Time deadline, Done done) = 0;

  // Standing is what is known of a principal that was found good before.
  enum class Standing {
    kGood,     // nothing was taken back, as of now
    kEnded,    // revoked or expired
    kUnknown,  // what is at hand does not tell: Check again, or refuse
  };
  virtual Standing StandingOf(const Principal& principal) = 0;

  // OnChange has `changed` called after anything was taken back, and when what
  // is at hand may not be relied on any more: ask StandingOf then. It must not
  // block. It is called no more once the subscription is gone.
  class Subscription {
   public:
    virtual ~Subscription() = default;
  };
  [[nodiscard]] virtual std::unique_ptr<Subscription> OnChange(
      std::function<void()> changed) = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_FOLLOW_VALIDATOR_H_
