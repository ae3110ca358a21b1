#include "server/auth/resolver.h"

#include <utility>

#include "absl/status/status.h"

#include "client/base/status_macros.h"
#include "server/account/account.h"
#include "server/credential/opaque_id.h"

namespace latchkey {
namespace {

using Found = absl::StatusOr<std::optional<Holder>>;

SessionKey KeyOf(const CredentialDigest& digest) {
  return SessionKey(digest.array());
}

}  // namespace

absl::StatusOr<std::optional<SessionKey>> Resolver::KeyBehind(
    absl::string_view text, absl::Time now) const {
  for (const OpaqueKind kind : {OpaqueKind::kSession, OpaqueKind::kRefresh}) {
    if (const auto digest = ReadOpaque(kind, text)) return KeyOf(*digest);
  }
  const VerifyResult verified = Verify(text, /*allow_expired=*/true, now);
  if (!verified.ok() || !verified.claims().session_id.has_value()) {
    return std::nullopt;
  }
  const absl::StatusOr<SessionKey> key =
      parts_.sessions.FindKey(*verified.claims().session_id);
  if (absl::IsNotFound(key.status())) return std::nullopt;
  LATCHKEY_RETURN_IF_ERROR(key.status());
  return *key;
}

Found Resolver::ByCredential(absl::string_view text, absl::Time now,
                             Reach reach) const {
  if (const auto digest = ReadOpaque(OpaqueKind::kSession, text)) {
    return ByKey(KeyOf(*digest), now, reach);
  }
  return ByJwt(text, now, reach);
}

Found Resolver::ByRefreshCredential(absl::string_view text,
                                    absl::Time now) const {
  const auto digest = ReadOpaque(OpaqueKind::kRefresh, text);
  if (!digest.has_value()) return std::nullopt;
  return ByKey(KeyOf(*digest), now, Reach::kDisk);
}

Found Resolver::ById(const SessionId& id, absl::Time now, Reach reach) const {
  const absl::StatusOr<SessionKey> key =
      reach == Reach::kMemory ? parts_.sessions.FindKeyInMemory(id)
                              : parts_.sessions.FindKey(id);
  if (absl::IsNotFound(key.status())) return std::nullopt;
  LATCHKEY_RETURN_IF_ERROR(key.status());
  LATCHKEY_ASSIGN_OR_RETURN(std::optional<Holder> holder,
                            ByKey(*key, now, reach));
  if (holder.has_value() && holder->stored.session.id != id) {
    return std::nullopt;
  }
  return holder;
}

VerifyResult Resolver::Verify(absl::string_view text, bool allow_expired,
                              absl::Time now) const {
  Expectations expect;
  expect.issuer = parts_.issuer_name;
  // Audiences are the session's to judge, in one place for both forms.
  expect.allow_any_audience = true;
  expect.allow_expired = allow_expired;
  // The server reads the clock that it signed with.
  expect.clock_skew = absl::ZeroDuration();
  const auto keys = parts_.keys.VerificationKeys(now);
  VerifyResult verified = VerifyJwt(text, *keys, expect, now);
  if (!verified.ok() && parts_.log.Enabled(LogLevel::kDebug)) {
    parts_.log.Debug("jwt refused",
                     {{"reason", RefusalName(verified.refusal())}});
  }
  return verified;
}

Found Resolver::ByJwt(absl::string_view text, absl::Time now,
                      Reach reach) const {
  const VerifyResult verified = Verify(text, /*allow_expired=*/false, now);
  if (!verified.ok()) return std::nullopt;
  const VerifiedClaims& claims = verified.claims();
  if (!claims.session_id.has_value() || !claims.generation.has_value()) {
    return std::nullopt;
  }
  LATCHKEY_ASSIGN_OR_RETURN(std::optional<Holder> holder,
                            ById(*claims.session_id, now, reach));
  if (!holder.has_value()) return std::nullopt;
  const Session& session = holder->stored.session;
  if (session.form != CredentialForm::kJwt ||
      session.account_uid.ToHex() != claims.subject ||
      session.generation != *claims.generation) {
    return std::nullopt;
  }
  holder->jwt_expire_time = claims.expire_time;
  return holder;
}

Found Resolver::ByKey(const SessionKey& key, absl::Time now,
                      Reach reach) const {
  absl::StatusOr<Session> session = reach == Reach::kMemory
                                        ? parts_.sessions.FindInMemory(key, now)
                                        : parts_.sessions.Find(key, now);
  if (absl::IsNotFound(session.status())) return std::nullopt;
  LATCHKEY_RETURN_IF_ERROR(session.status());
  const absl::StatusOr<Account> account =
      reach == Reach::kMemory ? parts_.accounts.FindInMemory(session->account)
                              : parts_.accounts.Find(session->account);
  if (absl::IsNotFound(account.status())) return std::nullopt;
  LATCHKEY_RETURN_IF_ERROR(account.status());
  if (!SessionsHold(*account, session->account_uid, session->generation)) {
    return std::nullopt;
  }
  return Holder{.stored = {key, *std::move(session)}, .jwt_expire_time = {}};
}

}  // namespace latchkey
