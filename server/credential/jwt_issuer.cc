#include "server/credential/jwt_issuer.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "client/base/fixed_bytes.h"
#include "client/base/status_macros.h"
#include "client/verify/algorithm.h"
#include "client/verify/base64url.h"
#include "client/verify/json_text.h"
#include "server/base/error.h"
#include "server/base/random.h"

namespace latchkey {
namespace {

// In base64url (RFC 7515), without padding.
constexpr size_t kEncodedSignatureBytes = 86;

// JsonObject writes one JSON object member by member. Names are ours and need
// no escaping.
class JsonObject {
 public:
  void Add(absl::string_view name, absl::string_view text) {
    AddName(name);
    AppendJsonString(text, &json_);
  }
  void Add(absl::string_view name, uint64_t number) {
    AddName(name);
    absl::StrAppend(&json_, number);
  }
  void Add(absl::string_view name, absl::Time time) {
    AddName(name);
    absl::StrAppend(&json_, absl::ToUnixSeconds(time));
  }
  void Add(absl::string_view name, const std::vector<std::string>& texts) {
    AddName(name);
    json_ += '[';
    for (size_t i = 0; i < texts.size(); ++i) {
      if (i > 0) json_ += ',';
      AppendJsonString(texts[i], &json_);
    }
    json_ += ']';
  }

  std::string Finish() && { return std::move(json_) + "}"; }

 private:
  void AddName(absl::string_view name) {
    absl::StrAppend(&json_, json_.empty() ? "{\"" : ",\"", name, "\":");
  }

  std::string json_;
};

// Cuts down to whole seconds, before the epoch too.
absl::Time CutToSecond(absl::Time time) {
  return absl::FromUnixSeconds(absl::ToUnixSeconds(time));
}

std::string Header(const SigningKey& key) {
  JsonObject header;
  header.Add("typ", "at+jwt");
  header.Add("alg", AlgorithmName(key.public_key().algorithm()));
  header.Add("kid", key.kid());
  return std::move(header).Finish();
}

std::string Claims(const JwtIssuer::Options& options, const JwtSubject& subject,
                   absl::string_view jti, absl::Time issue_time,
                   absl::Time expire_time) {
  JsonObject claims;
  claims.Add("iss", options.issuer);
  claims.Add("sub", subject.account_uid.ToHex());
  claims.Add("account", subject.account);
  claims.Add("client_id", subject.account);
  if (subject.audiences.empty()) {
    claims.Add("aud", options.default_audience);
  } else if (subject.audiences.size() == 1) {
    claims.Add("aud", subject.audiences[0]);
  } else {
    claims.Add("aud", subject.audiences);
  }
  claims.Add("exp", expire_time);
  claims.Add("iat", issue_time);
  claims.Add("jti", jti);
  claims.Add("sid", subject.session_id.ToHex());
  claims.Add("gen", subject.generation);
  claims.Add("auth_time", subject.auth_time);
  claims.Add("amr", subject.amr);
  claims.Add("roles", subject.roles);
  return std::move(claims).Finish();
}

std::string MakeJti() {
  return Base64UrlEncode(RandomBytes<FixedBytes<16, struct JtiTag>>().view());
}

}  // namespace

JwtIssuer::JwtIssuer(const KeyRing& keys, Options options)
    : keys_(keys), options_(std::move(options)) {}

absl::StatusOr<IssuedJwt> JwtIssuer::Issue(const JwtSubject& subject,
                                           absl::Time now) const {
  const absl::Duration life = std::min(options_.life, keys_.max_token_life());
  const absl::Time issue_time = CutToSecond(now);
  const absl::Time expire_time = CutToSecond(
      std::min({now + life, subject.expire_time, subject.idle_expire_time}));
  if (expire_time <= issue_time) {
    return MakeError(absl::StatusCode::kUnauthenticated,
                     Reason::kRefreshRefused, "the session has ended");
  }
  const std::shared_ptr<const SigningKey> key = keys_.Signer(now);
  std::string jti = MakeJti();
  std::string text = absl::StrCat(
      Base64UrlEncode(Header(*key)), ".",
      Base64UrlEncode(Claims(options_, subject, jti, issue_time, expire_time)));
  if (text.size() + 1 + kEncodedSignatureBytes > kMaxJwtBytes) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     Reason::kCredentialTooLarge,
                     "the JWT would be over 4096 bytes: fewer or shorter "
                     "audiences or roles, or an opaque credential");
  }
  LATCHKEY_ASSIGN_OR_RETURN(std::string signature, key->Sign(text));
  SecretBytes whole(text.size() + 1 + kEncodedSignatureBytes);
  std::string encoded = Base64UrlEncode(signature);
  char* const out = reinterpret_cast<char*>(whole.data());
  text.copy(out, text.size());
  out[text.size()] = '.';
  encoded.copy(out + text.size() + 1, encoded.size());
  // What is left of the text is no credential without it.
  WipeMemory(signature.data(), signature.size());
  WipeMemory(encoded.data(), encoded.size());
  return IssuedJwt{.text = std::move(whole),
                   .expire_time = expire_time,
                   .jti = std::move(jti)};
}

}  // namespace latchkey
