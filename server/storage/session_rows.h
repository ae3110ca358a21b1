#ifndef LATCHKEY_SERVER_STORAGE_SESSION_ROWS_H_
#define LATCHKEY_SERVER_STORAGE_SESSION_ROWS_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "client/base/ids.h"
#include "server/account/account.h"
#include "server/session/session.h"
#include "server/session/session_store.h"
#include "server/storage/change_view.h"

namespace latchkey {

// The rows that one session has in four families, read and written together.

// AccountIndexKey returns the key in `sessions_by_account`.
std::string AccountIndexKey(const AccountUid& uid, const SessionId& id);

// AssertionKey returns the key in `session_ids` of a used assertion. It is
// longer than that of a session's id.
std::string AssertionKey(const AccountUid& uid, const AssertionId& id);

// NoSuchSession is the one answer for never existed, ended and not alive.
absl::Status NoSuchSession();

// ApplyActivity moves last_seen_time on to what the row of the family
// `activity` says, if that is later.
[[nodiscard]] absl::Status ApplyActivity(absl::string_view activity_row,
                                         Session* session);

// ReadSession returns the session under `key` as a change sees it, alive or
// not, with its newest activity; nullopt if there is none.
[[nodiscard]] absl::StatusOr<std::optional<Session>> ReadSession(
    const ChangeView& view, const SessionKey& key);

// PutSession writes the session's rows.
void PutSession(ChangeView& view, const SessionKey& key,
                const Session& session);

// DeleteSession removes them, and the activity noted.
void DeleteSession(ChangeView& view, const SessionKey& key,
                   const Session& session);

// UseProof decides whether the proof of `account` is still good, and uses it up
// for the session under `key`.
//   kUnauthenticated  kLoginRefused: see SessionStore::StartCreate
[[nodiscard]] absl::Status UseProof(ChangeView& view, const Account& account,
                                    const ProofUse& use, const SessionKey& key,
                                    absl::Time now);

// AccountBehind returns the session's account, as the change sees it, if that
// stands behind it: exists, is enabled, and has its uid and generation.
[[nodiscard]] absl::StatusOr<std::optional<Account>> AccountBehind(
    const ChangeView& view, const Session& session);

// LeftBehind tells whether the session's account, as the change sees it, does
// not stand behind it any more: gone, disabled, of another uid or generation.
[[nodiscard]] absl::StatusOr<bool> LeftBehind(const ChangeView& view,
                                              const Session& session);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_STORAGE_SESSION_ROWS_H_
