#include "server/auth/resolver.h"

#include <algorithm>
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
  const VerifyResult verified = Verify(text, *parts_.keys.VerificationKeys(now),
                                       /*allow_expired=*/true, now);
  if (!verified.ok() || !verified.claims().session_id.has_value()) {
    return std::nullopt;
  }
  const absl::StatusOr<SessionKey> key =
      parts_.sessions.FindKey(*verified.claims().session_id);
  if (absl::IsNotFound(key.status())) return std::nullopt;
  LATCHKEY_RETURN_IF_ERROR(key.status());
  return *key;
}

Resolver::Presented Resolver::Read(absl::string_view text) const {
  Presented credential{.text = text, .opaque = std::nullopt};
  if (const auto digest = ReadOpaque(OpaqueKind::kSession, text)) {
    credential.opaque = KeyOf(*digest);
    parts_.sessions.FetchIndex(*credential.opaque);
  }
  return credential;
}

void Resolver::Prepare(const Presented& credential) const {
  if (credential.opaque.has_value()) {
    parts_.sessions.FetchEntry(*credential.opaque);
  }
}

Found Resolver::ByCredential(const Presented& credential, absl::Time now,
                             Reach reach, int* checks_left) const {
  if (credential.opaque.has_value()) {
    return ByKey(*credential.opaque, now, reach);
  }
  return ByJwt(credential.text, now, reach, checks_left);
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
  if (holder.has_value() && holder->session.id != id) {
    return std::nullopt;
  }
  return holder;
}

VerifyResult Resolver::Verify(absl::string_view text, const KeySet& keys,
                              bool allow_expired, absl::Time now) const {
  Expectations expect;
  expect.issuer = parts_.issuer_name;
  // Audiences are the session's to judge, in one place for both forms.
  expect.allow_any_audience = true;
  expect.allow_expired = allow_expired;
  // The server reads the clock that it signed with.
  expect.clock_skew = absl::ZeroDuration();
  VerifyResult verified = VerifyJwt(text, keys, expect, now);
  if (!verified.ok() && parts_.log.Enabled(LogLevel::kDebug)) {
    parts_.log.Debug("jwt refused",
                     {{"reason", RefusalName(verified.refusal())}});
  }
  return verified;
}

Found Resolver::ByJwt(absl::string_view text, absl::Time now, Reach reach,
                      int* checks_left) const {
  // An empty or absurd text is not worth a hash.
  if (text.size() > kMaxTokenBytes || text.empty()) return std::nullopt;
  const auto keys = parts_.keys.VerificationKeys(now);
  std::optional<JwtVerdict> verdict = parts_.verdicts.Find(text, keys, now);
  if (!verdict.has_value()) {
    if (checks_left != nullptr && --*checks_left < 0) {
      return absl::UnavailableError("needs more time than memory takes");
    }
    LATCHKEY_ASSIGN_OR_RETURN(verdict, JudgeJwt(text, keys, now, reach));
    if (!verdict.has_value()) return std::nullopt;
  }
  LATCHKEY_ASSIGN_OR_RETURN(std::optional<Holder> holder,
                            ByKey(verdict->key, now, reach));
  if (!holder.has_value()) return std::nullopt;
  const SessionProfile& profile = *holder->session.profile;
  if (holder->session.id != verdict->session ||
      profile.form != CredentialForm::kJwt ||
      profile.account_uid != verdict->account ||
      profile.generation != verdict->generation) {
    return std::nullopt;
  }
  holder->jwt_expire_time = verdict->expire_time;
  return holder;
}

absl::StatusOr<std::optional<JwtVerdict>> Resolver::JudgeJwt(
    absl::string_view text, const std::shared_ptr<const KeySet>& keys,
    absl::Time now, Reach reach) const {
  const VerifyResult verified =
      Verify(text, *keys, /*allow_expired=*/false, now);
  if (!verified.ok()) return std::nullopt;
  const VerifiedClaims& claims = verified.claims();
  const auto account = AccountUid::FromHex(claims.subject);
  if (!claims.session_id.has_value() || !claims.generation.has_value() ||
      !account.has_value()) {
    return std::nullopt;
  }
  const absl::StatusOr<SessionKey> key =
      reach == Reach::kMemory
          ? parts_.sessions.FindKeyInMemory(*claims.session_id)
          : parts_.sessions.FindKey(*claims.session_id);
  if (absl::IsNotFound(key.status())) return std::nullopt;
  LATCHKEY_RETURN_IF_ERROR(key.status());
  const JwtVerdict verdict{.session = *claims.session_id,
                           .key = *key,
                           .account = *account,
                           .generation = *claims.generation,
                           .expire_time = claims.expire_time};
  parts_.verdicts.Insert(
      text, keys,
      {.from = std::max(claims.issue_time,
                        claims.not_before.value_or(absl::InfinitePast())),
       .until = claims.expire_time},
      verdict);
  return verdict;
}

Found Resolver::ByKey(const SessionKey& key, absl::Time now,
                      Reach reach) const {
  // Memory must not say yes to what the store does not vouch for any more.
  LATCHKEY_RETURN_IF_ERROR(parts_.sessions.Ready());
  absl::StatusOr<LiveSession> session =
      parts_.sessions.FindLive(key, now, reach);
  if (absl::IsNotFound(session.status())) return std::nullopt;
  LATCHKEY_RETURN_IF_ERROR(session.status());
  const SessionProfile& profile = *session->profile;
  LATCHKEY_ASSIGN_OR_RETURN(
      const bool stands,
      parts_.accounts.Stands(profile.account, profile.account_uid,
                             profile.generation, reach, &profile.stood));
  if (!stands) return std::nullopt;
  return Holder{
      .key = key, .session = *std::move(session), .jwt_expire_time = {}};
}

}  // namespace latchkey
