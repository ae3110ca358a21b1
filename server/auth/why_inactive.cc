// Why a credential is not good: asked only after it was found not to be, and
// only for callers who may know. So it may take its time, and Validate need
// not.
#include "client/base/status_macros.h"
#include "server/account/account.h"
#include "server/auth/resolver.h"
#include "server/credential/opaque_id.h"

namespace latchkey {
namespace {

using Why = absl::StatusOr<InactiveReason>;

}  // namespace

Why Resolver::WhyInactive(absl::string_view text, absl::Time now,
                          Reach reach) const {
  LATCHKEY_RETURN_IF_ERROR(parts_.sessions.Ready());
  if (const auto digest = ReadOpaque(OpaqueKind::kSession, text)) {
    return WhySession(SessionKey(digest->array()), InactiveReason::kUnknown,
                      now, reach);
  }
  if (text.size() > kMaxTokenBytes || text.empty()) {
    return InactiveReason::kUnknown;
  }
  return WhyJwt(text, now, reach);
}

Why Resolver::WhyJwt(absl::string_view text, absl::Time now,
                     Reach reach) const {
  if (reach == Reach::kMemory) {
    // Up to two signatures, on top of that of the check itself.
    return absl::UnavailableError("needs more time than memory takes");
  }
  const auto keys = parts_.keys.VerificationKeys(now);
  const VerifyResult verified =
      Verify(text, *keys, /*allow_expired=*/false, now);
  if (!verified.ok()) {
    const bool expired = verified.refusal() == Refusal::kExp &&
                         Verify(text, *keys, /*allow_expired=*/true, now).ok();
    return expired ? InactiveReason::kExpired : InactiveReason::kUnknown;
  }
  if (!verified.claims().session_id.has_value()) {
    return InactiveReason::kUnknown;
  }
  const absl::StatusOr<SessionKey> key =
      parts_.sessions.FindKey(*verified.claims().session_id);
  // We signed it, so there was a session.
  if (absl::IsNotFound(key.status())) return InactiveReason::kSessionEnded;
  LATCHKEY_RETURN_IF_ERROR(key.status());
  return WhySession(*key, InactiveReason::kSessionEnded, now, reach);
}

Why Resolver::WhySession(const SessionKey& key, InactiveReason absent,
                         absl::Time now, Reach reach) const {
  // As of the beginning of time a store shows what it holds, expired or not.
  const absl::StatusOr<LiveSession> session =
      parts_.sessions.FindLive(key, absl::InfinitePast(), reach);
  if (absl::IsNotFound(session.status())) return absent;
  LATCHKEY_RETURN_IF_ERROR(session.status());
  if (now >= session->expire_time) return InactiveReason::kExpired;
  if (now >= session->idle_expire_time()) return InactiveReason::kIdle;
  const SessionProfile& profile = *session->profile;
  const absl::StatusOr<Account> account =
      reach == Reach::kMemory ? parts_.accounts.FindInMemory(profile.account)
                              : parts_.accounts.Find(profile.account);
  if (absl::IsNotFound(account.status())) {
    return InactiveReason::kAccountDeleted;
  }
  LATCHKEY_RETURN_IF_ERROR(account.status());
  // The name may be another account's by now.
  if (account->uid != profile.account_uid) {
    return InactiveReason::kAccountDeleted;
  }
  if (account->disabled) return InactiveReason::kAccountDisabled;
  if (account->generation != profile.generation) {
    return InactiveReason::kSessionEnded;
  }
  // Nothing is wrong with the session: the token is none that we made for it.
  return InactiveReason::kUnknown;
}

}  // namespace latchkey
