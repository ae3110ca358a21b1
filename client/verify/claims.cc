#include "client/verify/claims.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "client/base/utf8.h"
#include "client/verify/json.h"

namespace latchkey {
namespace {

// 9999-12-31T23:59:59Z, where RFC 3339 ends. Far below what overflows.
constexpr uint64_t kMaxNumericDate = 253402300799;

// Reads a text of 1 to `max_bytes` bytes without control characters.
bool ReadText(const JsonValue& value, size_t max_bytes, std::string* out) {
  const std::optional<absl::string_view> text = value.AsString();
  if (!text.has_value() || text->empty() || text->size() > max_bytes ||
      HasControlCharacter(*text)) {
    return false;
  }
  out->assign(text->data(), text->size());
  return true;
}

bool ReadRequiredText(const JsonValue& claims, absl::string_view name,
                      std::string* out) {
  const std::optional<JsonValue> value = claims.Find(name);
  return value.has_value() && ReadText(*value, kMaxNameClaimBytes, out);
}

bool ReadOptionalText(const JsonValue& claims, absl::string_view name,
                      size_t max_bytes, std::string* out) {
  const std::optional<JsonValue> value = claims.Find(name);
  return !value.has_value() || ReadText(*value, max_bytes, out);
}

bool ReadTexts(const JsonValue& array, size_t max_size, size_t max_bytes,
               std::vector<std::string>* out) {
  if (!array.IsArray() || array.size() > max_size) return false;
  out->reserve(array.size());
  for (const JsonValue element : array.Elements()) {
    if (!ReadText(element, max_bytes, &out->emplace_back())) return false;
  }
  return true;
}

bool ReadOptionalTexts(const JsonValue& claims, absl::string_view name,
                       size_t max_size, size_t max_bytes,
                       std::vector<std::string>* out) {
  const std::optional<JsonValue> value = claims.Find(name);
  return !value.has_value() || ReadTexts(*value, max_size, max_bytes, out);
}

// Reads a NumericDate (RFC 7519 section 2), whole seconds only.
bool ReadTime(const JsonValue& value, absl::Time* out) {
  const std::optional<uint64_t> seconds = value.AsUint64();
  if (!seconds.has_value() || *seconds > kMaxNumericDate) return false;
  *out = absl::FromUnixSeconds(static_cast<int64_t>(*seconds));
  return true;
}

bool ReadRequiredTime(const JsonValue& claims, absl::string_view name,
                      absl::Time* out) {
  const std::optional<JsonValue> value = claims.Find(name);
  return value.has_value() && ReadTime(*value, out);
}

bool ReadOptionalTime(const JsonValue& claims, absl::string_view name,
                      std::optional<absl::Time>* out) {
  const std::optional<JsonValue> value = claims.Find(name);
  return !value.has_value() || ReadTime(*value, &out->emplace());
}

// RFC 7519 section 4.1.3: one string, or an array of them.
bool ReadAudiences(const JsonValue& claims, const Expectations& expect,
                   std::vector<std::string>* out) {
  const std::optional<JsonValue> value = claims.Find("aud");
  if (!value.has_value()) return false;
  if (value->IsArray()) {
    if (value->size() == 0 ||
        !ReadTexts(*value, kMaxAudiences, kMaxAudienceBytes, out)) {
      return false;
    }
  } else if (!ReadText(*value, kMaxAudienceBytes, &out->emplace_back())) {
    return false;
  }
  return expect.allow_any_audience ||
         std::find(out->begin(), out->end(), *expect.audience) != out->end();
}

std::optional<Refusal> ReadTimes(const JsonValue& object,
                                 const Expectations& expect, absl::Time now,
                                 VerifiedClaims* claims) {
  if (!ReadRequiredTime(object, "exp", &claims->expire_time)) {
    return Refusal::kExp;
  }
  if (!expect.allow_expired && now >= claims->expire_time + expect.clock_skew) {
    return Refusal::kExp;
  }
  if (!ReadOptionalTime(object, "nbf", &claims->not_before)) {
    return Refusal::kNbf;
  }
  if (!expect.allow_expired && claims->not_before.has_value() &&
      now < *claims->not_before - expect.clock_skew) {
    return Refusal::kNbf;
  }
  if (!ReadRequiredTime(object, "iat", &claims->issue_time) ||
      now < claims->issue_time - expect.clock_skew ||
      claims->issue_time > claims->expire_time) {
    return Refusal::kIat;
  }
  if (claims->expire_time - claims->issue_time > expect.max_lifetime) {
    return Refusal::kExp;
  }
  return std::nullopt;
}

bool ReadSessionId(const JsonValue& object, std::optional<SessionId>* out) {
  const std::optional<JsonValue> value = object.Find("sid");
  if (!value.has_value()) return true;
  const std::optional<absl::string_view> text = value->AsString();
  if (text.has_value()) *out = SessionId::FromHex(*text);
  return out->has_value();
}

bool ReadGeneration(const JsonValue& object, std::optional<uint64_t>* out) {
  const std::optional<JsonValue> value = object.Find("gen");
  if (!value.has_value()) return true;
  *out = value->AsUint64();
  return out->has_value();
}

// What Latchkey's own tokens say besides the registered claims.
std::optional<Refusal> ReadOwnClaims(const JsonValue& object,
                                     VerifiedClaims* claims) {
  if (!ReadOptionalText(object, "account", kMaxAccountClaimBytes,
                        &claims->account)) {
    return Refusal::kAccount;
  }
  if (!ReadOptionalText(object, "client_id", kMaxNameClaimBytes,
                        &claims->client_id)) {
    return Refusal::kClientId;
  }
  if (!ReadSessionId(object, &claims->session_id)) return Refusal::kSid;
  if (!ReadGeneration(object, &claims->generation)) return Refusal::kGen;
  if (!ReadOptionalTime(object, "auth_time", &claims->auth_time)) {
    return Refusal::kAuthTime;
  }
  if (!ReadOptionalTexts(object, "amr", kMaxAmrEntries, kMaxAmrBytes,
                         &claims->amr)) {
    return Refusal::kAmr;
  }
  if (!ReadOptionalTexts(object, "roles", kMaxRoleClaims, kMaxRoleClaimBytes,
                         &claims->roles)) {
    return Refusal::kRoles;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Refusal> ReadClaims(absl::string_view payload,
                                  const Expectations& expect, absl::Time now,
                                  VerifiedClaims* claims) {
  JsonDocument document;
  JsonLimits limits;
  limits.max_bytes = expect.max_token_bytes;
  limits.max_depth = kMaxTokenJsonDepth;
  const JsonFault fault = document.Parse(payload, limits);
  if (fault == JsonFault::kDuplicateName) return Refusal::kDuplicate;
  if (fault != JsonFault::kNone) return Refusal::kJson;
  const JsonValue object = document.root();
  if (!object.IsObject()) return Refusal::kJson;

  if (!ReadRequiredText(object, "iss", &claims->issuer) ||
      claims->issuer != expect.issuer) {
    return Refusal::kIss;
  }
  if (!ReadRequiredText(object, "sub", &claims->subject)) return Refusal::kSub;
  if (!ReadAudiences(object, expect, &claims->audiences)) return Refusal::kAud;
  if (const auto refusal = ReadTimes(object, expect, now, claims)) {
    return refusal;
  }
  if (!ReadRequiredText(object, "jti", &claims->jti)) return Refusal::kJti;
  return ReadOwnClaims(object, claims);
}

}  // namespace latchkey
