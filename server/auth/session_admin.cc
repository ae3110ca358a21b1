#include "server/auth/session_admin.h"

#include <utility>

#include "absl/status/status.h"

#include "client/base/status_macros.h"
#include "server/account/account.h"
#include "server/base/error.h"

namespace latchkey {

SessionAdmin::SessionAdmin(const AuthParts& parts)
    : parts_(parts), resolver_(parts_) {}

absl::StatusOr<Session> SessionAdmin::Get(absl::string_view account,
                                          const SessionId& id) const {
  LATCHKEY_ASSIGN_OR_RETURN(
      std::optional<Holder> holder,
      resolver_.ById(id, parts_.clock.Now(), Reach::kDisk));
  if (!holder.has_value() || holder->session.profile->account != account) {
    return MakeError(absl::StatusCode::kNotFound, Reason::kSessionNotFound,
                     "no such session");
  }
  return holder->session.ToSession();
}

absl::StatusOr<SessionAdmin::Page> SessionAdmin::List(
    absl::string_view account, const std::optional<SessionId>& after,
    int limit) const {
  LATCHKEY_ASSIGN_OR_RETURN(const Account found, parts_.accounts.Find(account));
  LATCHKEY_ASSIGN_OR_RETURN(
      std::vector<StoredSession> stored,
      parts_.sessions.List(found.uid, after, limit, parts_.clock.Now()));
  Page page;
  if (stored.size() == static_cast<size_t>(limit)) {
    page.next_after = stored.back().session.id;
  }
  for (StoredSession& one : stored) {
    const Session& session = one.session;
    if (SessionsHold(found, session.account_uid, session.generation)) {
      page.sessions.push_back(std::move(one.session));
    }
  }
  return page;
}

}  // namespace latchkey
