#ifndef LATCHKEY_CLIENT_FOLLOW_ASKER_H_
#define LATCHKEY_CLIENT_FOLLOW_ASKER_H_

#include <functional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "client/follow/principal.h"
#include "client/follow/validator.h"

namespace latchkey {

// AskedAnswer is what a server said of a credential.
struct AskedAnswer {
  bool active = false;
  // The rest: only if active. `kid` is empty whatever the credential is; epoch
  // is zero if no revision was told.
  Principal principal;
  // Whether it was told by what the answer can be revoked: account_uid and
  // account_generation of the principal.
  bool revocable = false;
};

// Asker asks the server about one credential. Safe from any thread.
class Asker {
 public:
  virtual ~Asker() = default;

  // Ask calls `done` once, from any thread, perhaps before it returns.
  //   as Validator::Check; kCancelled or kUnavailable after CancelAll
  // The views are not used any more once it has returned.
  using Done = std::function<void(absl::StatusOr<AskedAnswer>)>;
  virtual void Ask(absl::string_view credential, const CheckOptions& options,
                   absl::Time deadline, Done done) = 0;

  // CancelAll ends all questions, also those yet to come: when it returns, each
  // `done` has. Not to be called by a `done`.
  virtual void CancelAll() = 0;
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_FOLLOW_ASKER_H_
