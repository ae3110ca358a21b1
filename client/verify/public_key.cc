#include "client/verify/public_key.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <openssl/evp.h>
#include <optional>
#include <sodium.h>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"

#include "client/base/status_macros.h"
#include "client/base/utf8.h"
#include "client/verify/base64url.h"
#include "client/verify/evp_verifier.h"
#include "client/verify/json_text.h"
#include "client/verify/key_material.h"

namespace latchkey {

// What a key consists of, by its JWK member names, in base64url. A thumbprint
// needs them in the order of their names, which is that of the fields.
struct PublicKey::Parameters {
  absl::string_view kty;
  Algorithm algorithm;
  std::string crv, e, n, x, y;  // empty: not a member of this kty
};

struct PublicKey::State {
  std::string kid;
  Parameters parameters;
  std::unique_ptr<EvpVerifier> evp;         // ES256, RS256
  std::array<unsigned char, 32> ed25519{};  // EdDSA
  size_t signature_size = 0;
};

namespace {

// One half of an ES256 signature.
constexpr size_t kScalarSize = 32;
constexpr size_t kEs256SignatureSize = 2 * kScalarSize;

// Members that only a secret key has, of any type (RFC 7518 6.2.2, 6.3.2,
// 6.4.1, RFC 8037 2; "priv" is the post-quantum types').
constexpr absl::string_view kPrivateMembers[] = {"d",  "p",   "q", "dp",  "dq",
                                                 "qi", "oth", "k", "priv"};

absl::Status Invalid(absl::string_view rule) {
  return absl::InvalidArgumentError(rule);
}

// Appends one ASN.1 INTEGER (X.690 8.3): as few bytes as it needs, with a zero
// byte in front if it would read as negative.
unsigned char* AppendDerInteger(absl::string_view scalar, unsigned char* out) {
  while (scalar.size() > 1 && scalar[0] == '\0') scalar.remove_prefix(1);
  const bool pad = (static_cast<uint8_t>(scalar[0]) & 0x80) != 0;
  *out++ = 0x02;
  *out++ = static_cast<unsigned char>(scalar.size() + (pad ? 1 : 0));
  if (pad) *out++ = 0;
  std::memcpy(out, scalar.data(), scalar.size());
  return out + scalar.size();
}

bool VerifyEs256(const EvpVerifier& evp, absl::string_view input,
                 absl::string_view signature) {
  // SEQUENCE of two INTEGERs of at most 33 bytes: every length fits one byte.
  std::array<unsigned char, 2 + 2 * (2 + kScalarSize + 1)> der;
  unsigned char* end = der.data() + 2;
  end = AppendDerInteger(signature.substr(0, kScalarSize), end);
  end = AppendDerInteger(signature.substr(kScalarSize), end);
  const auto size = static_cast<size_t>(end - der.data());
  der[0] = 0x30;
  der[1] = static_cast<unsigned char>(size - 2);
  return evp.Verify(
      input,
      absl::string_view(reinterpret_cast<const char*>(der.data()), size));
}

// Reads a member that must be base64url; `bytes` gets what it spells.
absl::StatusOr<std::string> ReadParameter(const JsonValue& jwk,
                                          absl::string_view name) {
  const std::optional<JsonValue> member = jwk.Find(name);
  const auto text = member ? member->AsString() : std::nullopt;
  if (!text.has_value() || !Base64UrlDecode(*text).has_value()) {
    return Invalid("a key parameter is missing or not base64url");
  }
  return std::string(*text);
}

absl::Status CheckNotPrivate(const JsonValue& jwk) {
  for (const absl::string_view name : kPrivateMembers) {
    if (jwk.Find(name).has_value()) {
      return absl::FailedPreconditionError("it holds a secret key");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadKid(const JsonValue& jwk) {
  const std::optional<JsonValue> member = jwk.Find("kid");
  const auto kid = member ? member->AsString() : std::nullopt;
  if (!kid.has_value() || kid->empty() || kid->size() > kMaxKidBytes ||
      HasControlCharacter(*kid)) {
    return Invalid("kid must be a string of 1 to 256 plain bytes");
  }
  return std::string(*kid);
}

// A key for something else than checking signatures is refused, and one whose
// `alg` is not the one that its type has here.
absl::Status CheckPurpose(const JsonValue& jwk, Algorithm algorithm) {
  if (const auto use = jwk.Find("use")) {
    if (use->AsString() != absl::string_view("sig")) {
      return Invalid("use is not sig");
    }
  }
  if (const auto operations = jwk.Find("key_ops")) {
    if (operations->size() != 1 || !operations->IsArray() ||
        (*operations->Elements().begin()).AsString() !=
            absl::string_view("verify")) {
      return Invalid("key_ops is not verify alone");
    }
  }
  if (const auto alg = jwk.Find("alg")) {
    if (alg->AsString() != AlgorithmName(algorithm)) {
      return Invalid("alg is not the one of the key's type");
    }
  }
  return absl::OkStatus();
}

bool HasText(const JsonValue& jwk, absl::string_view name,
             absl::string_view text) {
  const auto member = jwk.Find(name);
  return member.has_value() && member->AsString() == text;
}

// Appends `"name":"value",` unless the value is empty.
void AppendMember(absl::string_view name, absl::string_view value,
                  std::string* out) {
  if (!value.empty()) absl::StrAppend(out, "\"", name, "\":\"", value, "\",");
}

}  // namespace

PublicKey::PublicKey(std::shared_ptr<const State> state)
    : state_(std::move(state)) {}

absl::StatusOr<PublicKey> PublicKey::FromJwk(absl::string_view json) {
  JsonDocument document;
  JsonLimits limits;
  limits.max_bytes = kMaxJwkBytes;
  if (document.Parse(json, limits) != JsonFault::kNone) {
    return Invalid("not one strict JSON text within the limits");
  }
  return FromJwk(document.root());
}

absl::StatusOr<PublicKey> PublicKey::FromJwk(const JsonValue& jwk) {
  if (!jwk.IsObject()) return Invalid("not an object");
  LATCHKEY_RETURN_IF_ERROR(CheckNotPrivate(jwk));
  LATCHKEY_ASSIGN_OR_RETURN(std::string kid, ReadKid(jwk));
  Parameters parameters;
  if (HasText(jwk, "kty", "EC") && HasText(jwk, "crv", "P-256")) {
    parameters.kty = "EC";
    parameters.crv = "P-256";
    parameters.algorithm = Algorithm::kEs256;
    LATCHKEY_ASSIGN_OR_RETURN(parameters.x, ReadParameter(jwk, "x"));
    LATCHKEY_ASSIGN_OR_RETURN(parameters.y, ReadParameter(jwk, "y"));
  } else if (HasText(jwk, "kty", "OKP") && HasText(jwk, "crv", "Ed25519")) {
    parameters.kty = "OKP";
    parameters.crv = "Ed25519";
    parameters.algorithm = Algorithm::kEdDsa;
    LATCHKEY_ASSIGN_OR_RETURN(parameters.x, ReadParameter(jwk, "x"));
  } else if (HasText(jwk, "kty", "RSA")) {
    parameters.kty = "RSA";
    parameters.algorithm = Algorithm::kRs256;
    LATCHKEY_ASSIGN_OR_RETURN(parameters.n, ReadParameter(jwk, "n"));
    LATCHKEY_ASSIGN_OR_RETURN(parameters.e, ReadParameter(jwk, "e"));
  } else {
    return Invalid("not a type or curve that is supported");
  }
  LATCHKEY_RETURN_IF_ERROR(CheckPurpose(jwk, parameters.algorithm));
  return Make(std::move(parameters), std::move(kid));
}

absl::StatusOr<PublicKey> PublicKey::FromEs256Point(absl::string_view x,
                                                    absl::string_view y) {
  Parameters parameters;
  parameters.kty = "EC";
  parameters.crv = "P-256";
  parameters.algorithm = Algorithm::kEs256;
  parameters.x = Base64UrlEncode(x);
  parameters.y = Base64UrlEncode(y);
  return Make(std::move(parameters), "");
}

absl::StatusOr<PublicKey> PublicKey::FromEd25519(absl::string_view bytes) {
  Parameters parameters;
  parameters.kty = "OKP";
  parameters.crv = "Ed25519";
  parameters.algorithm = Algorithm::kEdDsa;
  parameters.x = Base64UrlEncode(bytes);
  return Make(std::move(parameters), "");
}

// An empty `kid` stands for the thumbprint. The parameters are base64url.
absl::StatusOr<PublicKey> PublicKey::Make(Parameters parameters,
                                          std::string kid) {
  auto state = std::make_shared<State>();
  state->parameters = std::move(parameters);
  const Parameters& p = state->parameters;
  if (p.algorithm == Algorithm::kEdDsa) {
    const std::string bytes = *Base64UrlDecode(p.x);
    LATCHKEY_RETURN_IF_ERROR(CheckEd25519Point(bytes));
    std::memcpy(state->ed25519.data(), bytes.data(), bytes.size());
    state->signature_size = crypto_sign_BYTES;
  } else {
    EvpKey key;
    if (p.algorithm == Algorithm::kEs256) {
      LATCHKEY_ASSIGN_OR_RETURN(
          key, MakeP256Key(*Base64UrlDecode(p.x), *Base64UrlDecode(p.y)));
      state->signature_size = kEs256SignatureSize;
    } else {
      LATCHKEY_ASSIGN_OR_RETURN(
          key, MakeRsaKey(*Base64UrlDecode(p.n), *Base64UrlDecode(p.e)));
      state->signature_size = static_cast<size_t>(EVP_PKEY_get_size(key.get()));
    }
    LATCHKEY_ASSIGN_OR_RETURN(state->evp, EvpVerifier::Create(std::move(key)));
  }
  State* const made = state.get();
  PublicKey result(std::move(state));
  made->kid = kid.empty() ? result.Thumbprint() : std::move(kid);
  return result;
}

const std::string& PublicKey::kid() const { return state_->kid; }

Algorithm PublicKey::algorithm() const { return state_->parameters.algorithm; }

bool PublicKey::Verify(absl::string_view input,
                       absl::string_view signature) const {
  if (signature.size() != state_->signature_size) return false;
  switch (state_->parameters.algorithm) {
    case Algorithm::kEs256:
      return VerifyEs256(*state_->evp, input, signature);
    case Algorithm::kRs256:
      return state_->evp->Verify(input, signature);
    case Algorithm::kEdDsa:
      return crypto_sign_verify_detached(
                 reinterpret_cast<const unsigned char*>(signature.data()),
                 reinterpret_cast<const unsigned char*>(input.data()),
                 input.size(), state_->ed25519.data()) == 0;
  }
  return false;
}

std::string PublicKey::Thumbprint() const {
  const Parameters& p = state_->parameters;
  std::string json = "{";
  AppendMember("crv", p.crv, &json);
  AppendMember("e", p.e, &json);
  AppendMember("kty", p.kty, &json);
  AppendMember("n", p.n, &json);
  AppendMember("x", p.x, &json);
  AppendMember("y", p.y, &json);
  json.back() = '}';
  std::array<unsigned char, crypto_hash_sha256_BYTES> digest;
  crypto_hash_sha256(digest.data(),
                     reinterpret_cast<const unsigned char*>(json.data()),
                     json.size());
  return Base64UrlEncode(absl::string_view(
      reinterpret_cast<const char*>(digest.data()), digest.size()));
}

std::string PublicKey::ToJwk() const {
  const Parameters& p = state_->parameters;
  std::string json = "{";
  AppendMember("kty", p.kty, &json);
  AppendMember("crv", p.crv, &json);
  AppendMember("x", p.x, &json);
  AppendMember("y", p.y, &json);
  AppendMember("n", p.n, &json);
  AppendMember("e", p.e, &json);
  json.append("\"kid\":");
  AppendJsonString(state_->kid, &json);
  absl::StrAppend(&json, ",\"alg\":\"", AlgorithmName(p.algorithm),
                  "\",\"use\":\"sig\"}");
  return json;
}

}  // namespace latchkey
