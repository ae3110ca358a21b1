#ifndef LATCHKEY_SERVER_AUTH_SESSION_ADMIN_H_
#define LATCHKEY_SERVER_AUTH_SESSION_ADMIN_H_

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "server/auth/parts.h"
#include "server/auth/resolver.h"
#include "server/session/session.h"

namespace latchkey {

// SessionAdmin shows an operator the live sessions. (Ending one by name is
// Authority::LogoutByName.) Safe from any thread; blocks: for workers.
class SessionAdmin {
 public:
  // `parts` must outlive this object.
  explicit SessionAdmin(const AuthParts& parts);

  // Get returns the live session `id` of `account`.
  //   kNotFound  kSessionNotFound
  absl::StatusOr<Session> Get(absl::string_view account,
                              const SessionId& id) const;

  struct Page {
    std::vector<Session> sessions;
    std::optional<SessionId> next_after;  // absent: there are no more
  };

  // List returns at most `limit` live sessions of `account` after `after`, by
  // id. A page may be short although there are more.
  //   kNotFound  kAccountNotFound
  absl::StatusOr<Page> List(absl::string_view account,
                            const std::optional<SessionId>& after,
                            int limit) const;

 private:
  const AuthParts& parts_;
  const Resolver resolver_;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_AUTH_SESSION_ADMIN_H_
