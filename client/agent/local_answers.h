#ifndef LATCHKEY_CLIENT_AGENT_LOCAL_ANSWERS_H_
#define LATCHKEY_CLIENT_AGENT_LOCAL_ANSWERS_H_

#include <optional>

#include "absl/time/time.h"

#include "client/agent/session_book.h"
#include "client/base/clock.h"
#include "client/offline_validator.h"
#include "client/principal.h"
#include "client/validator.h"
#include "latchkey/v1/auth.pb.h"

namespace latchkey {

// ActiveAnswer returns what the server would say, but for the revision, of a
// good credential of `who`, whose session is `session`.
v1::ValidateResponse ActiveAnswer(const Principal& who, v1::Session session,
                                  bool want_revocable);

// LocalAnswers answers Validate in this process, field by field as the server
// would, where what is known here suffices. It learns by the server's answers.
// Safe from any thread; never blocks.
class LocalAnswers {
 public:
  // All must outlive it.
  LocalAnswers(OfflineValidator& validator, SessionBook& book,
               const Clock& clock);

  // Answer returns what is to be said, but for the revision; nullopt: the
  // server has to be asked. `options` is what `request` asks, read.
  std::optional<v1::ValidateResponse> Answer(const v1::ValidateRequest& request,
                                             const CheckOptions& options);

  // Learn takes up what the server answered to `request`, which had
  // want_revocable. The answer carries its revision.
  void Learn(const v1::ValidateRequest& request,
             const v1::ValidateResponse& response);

  // revision returns the one that every Answer knows which begins from now on,
  // an empty token if there is none.
  v1::Revision revision() const;

 private:
  OfflineValidator& validator_;
  SessionBook& book_;
  const Clock& clock_;
};

}  // namespace latchkey

#endif  // LATCHKEY_CLIENT_AGENT_LOCAL_ANSWERS_H_
