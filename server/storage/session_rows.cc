#include "server/storage/session_rows.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "client/base/status_macros.h"
#include "server/account/account.h"
#include "server/base/error.h"
#include "server/storage/records.h"
#include "server/storage/rocks_account_store.h"

namespace latchkey {

std::string AccountIndexKey(const AccountUid& uid, const SessionId& id) {
  return absl::StrCat(uid.view(), id.view());
}

std::string AssertionKey(const AccountUid& uid, const AssertionId& id) {
  return absl::StrCat(uid.view(), id.view());
}

absl::Status NoSuchSession() {
  // Asked for at every unknown credential: made once, then shared.
  static const absl::Status& status =
      *new absl::Status(MakeError(absl::StatusCode::kNotFound,
                                  Reason::kSessionNotFound, "no such session"));
  return status;
}

absl::Status ApplyActivity(absl::string_view activity_row, Session* session) {
  LATCHKEY_ASSIGN_OR_RETURN(const ActivityNote note,
                            DecodeActivity(activity_row));
  session->last_seen_time = std::max(session->last_seen_time, note.seen);
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Session>> ReadSession(const ChangeView& view,
                                                   const SessionKey& key) {
  LATCHKEY_ASSIGN_OR_RETURN(const std::optional<std::string> row,
                            view.Get(Family::kSessions, key.view()));
  if (!row.has_value()) return std::optional<Session>();
  LATCHKEY_ASSIGN_OR_RETURN(Session session, DecodeSession(*row));
  LATCHKEY_ASSIGN_OR_RETURN(const std::optional<std::string> activity,
                            view.Get(Family::kActivity, key.view()));
  if (activity.has_value()) {
    LATCHKEY_RETURN_IF_ERROR(ApplyActivity(*activity, &session));
  }
  return std::optional<Session>(std::move(session));
}

void PutSession(ChangeView& view, const SessionKey& key,
                const Session& session) {
  const std::string pointer = EncodeSessionPointer({session.expire_time, key});
  view.Put(Family::kSessions, key.view(), EncodeSession(session));
  view.Put(Family::kSessionIds, session.id.view(), pointer);
  view.Put(Family::kSessionsByAccount,
           AccountIndexKey(session.account_uid, session.id), pointer);
}

void DeleteSession(ChangeView& view, const SessionKey& key,
                   const Session& session) {
  view.Delete(Family::kSessions, key.view());
  view.Delete(Family::kSessionIds, session.id.view());
  view.Delete(Family::kSessionsByAccount,
              AccountIndexKey(session.account_uid, session.id));
  view.Delete(Family::kActivity, key.view());
}

absl::Status UseProof(ChangeView& view, const Account& account,
                      const ProofUse& use, const SessionKey& key,
                      absl::Time now) {
  if (account.proof_generation != use.proof_generation) return LoginRefused();
  if (!use.assertion.has_value()) return absl::OkStatus();
  // It was good when it was checked. Were it let through now, the record of an
  // earlier use would have expired with it.
  if (now >= use.assertion->expire_time) return LoginRefused();
  const std::string row = AssertionKey(account.uid, use.assertion->id);
  LATCHKEY_ASSIGN_OR_RETURN(const std::optional<std::string> used,
                            view.Get(Family::kSessionIds, row));
  if (used.has_value()) {
    LATCHKEY_ASSIGN_OR_RETURN(const SessionPointer pointer,
                              DecodeSessionPointer(*used));
    // One that has expired may lie here for a while before it is freed.
    if (now < pointer.expire_time) return LoginRefused();
  }
  view.Put(Family::kSessionIds, row,
           EncodeSessionPointer({use.assertion->expire_time, key}));
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Account>> AccountBehind(const ChangeView& view,
                                                     const Session& session) {
  absl::StatusOr<Account> account = ReadAccount(view, session.account);
  if (absl::IsNotFound(account.status())) return std::nullopt;
  LATCHKEY_RETURN_IF_ERROR(account.status());
  if (!SessionsHold(*account, session.account_uid, session.generation)) {
    return std::nullopt;
  }
  return *std::move(account);
}

absl::StatusOr<bool> LeftBehind(const ChangeView& view,
                                const Session& session) {
  LATCHKEY_ASSIGN_OR_RETURN(const std::optional<Account> account,
                            AccountBehind(view, session));
  return !account.has_value();
}

}  // namespace latchkey
