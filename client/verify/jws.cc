#include "client/verify/jws.h"

#include "absl/types/span.h"

#include "client/verify/base64url.h"
#include "client/verify/json.h"

namespace latchkey {
namespace {

std::optional<absl::string_view> FindString(const JsonValue& object,
                                            absl::string_view name) {
  const std::optional<JsonValue> member = object.Find(name);
  return member.has_value() ? member->AsString() : std::nullopt;
}

// RFC 9068 section 4: the short name or the full media type. Compared with
// case: our issuer writes lower case, and one spelling leaves no doubt.
bool IsAccessTokenType(absl::string_view typ) {
  return typ == "at+jwt" || typ == "application/at+jwt";
}

bool IsOfType(const JsonValue& header, TokenType type) {
  if (type == TokenType::kAny) return true;
  const bool present = header.Find("typ").has_value();
  const auto typ = FindString(header, "typ");
  if (type == TokenType::kClientAssertion) {
    return !present || typ == "JWT" || typ == "client-authentication+jwt";
  }
  return typ.has_value() && IsAccessTokenType(*typ);
}

// Finds the key that the header names. Without `kid` there is no choice to
// make only if the set has one key: no key is ever tried out.
const PublicKey* FindKey(const JsonValue& header, const KeySet& keys) {
  const std::optional<JsonValue> kid = header.Find("kid");
  if (!kid.has_value()) {
    return keys.size() == 1 ? &keys.keys().front() : nullptr;
  }
  const std::optional<absl::string_view> text = kid->AsString();
  return text.has_value() ? keys.Find(*text) : nullptr;
}

}  // namespace

std::optional<Refusal> CheckedJws::Check(absl::string_view token,
                                         const KeySet& keys,
                                         const JwsRules& rules) {
  if (const auto refusal = Decode(token, rules)) return refusal;
  if (const auto refusal = CheckHeader(keys, rules)) return refusal;
  if (!key_->Verify(signing_input_, signature_)) return Refusal::kSignature;
  return std::nullopt;
}

std::optional<Refusal> CheckedJws::Decode(absl::string_view token,
                                          const JwsRules& rules) {
  if (token.size() > rules.max_token_bytes) return Refusal::kSize;
  const size_t first = token.find('.');
  if (first == absl::string_view::npos) return Refusal::kStructure;
  const size_t second = token.find('.', first + 1);
  if (second == absl::string_view::npos ||
      token.find('.', second + 1) != absl::string_view::npos) {
    return Refusal::kStructure;
  }
  const bool payload_missing = second == first + 1;
  if (first == 0 || second + 1 == token.size() ||
      (payload_missing && !rules.allow_empty_payload)) {
    return Refusal::kStructure;
  }

  absl::Span<char> room = absl::MakeSpan(decoded_);
  const auto decode = [&room](absl::string_view part,
                              absl::string_view* bytes) {
    const auto decoded = Base64UrlDecodeInto(part, room);
    if (!decoded.has_value()) return false;
    *bytes = *decoded;
    room.remove_prefix(decoded->size());
    return true;
  };
  if (!decode(token.substr(0, first), &header_) ||
      !decode(token.substr(first + 1, second - first - 1), &payload_) ||
      !decode(token.substr(second + 1), &signature_)) {
    return Refusal::kEncoding;
  }
  signing_input_ = token.substr(0, second);
  return std::nullopt;
}

std::optional<Refusal> CheckedJws::CheckHeader(const KeySet& keys,
                                               const JwsRules& rules) {
  JsonDocument document;
  JsonLimits limits;
  limits.max_bytes = rules.max_token_bytes;
  limits.max_depth = kMaxTokenJsonDepth;
  const JsonFault fault = document.Parse(header_, limits);
  if (fault == JsonFault::kDuplicateName) return Refusal::kDuplicate;
  if (fault != JsonFault::kNone) return Refusal::kJson;
  const JsonValue header = document.root();
  if (!header.IsObject()) return Refusal::kJson;

  const auto alg = FindString(header, "alg");
  const std::optional<Algorithm> algorithm =
      alg.has_value() ? AlgorithmFromName(*alg) : std::nullopt;
  if (!algorithm.has_value()) return Refusal::kAlg;
  if (header.Find("crit").has_value()) return Refusal::kCrit;
  if (!IsOfType(header, rules.type)) return Refusal::kTyp;
  key_ = FindKey(header, keys);
  if (key_ == nullptr) return Refusal::kKid;
  if (key_->algorithm() != *algorithm) return Refusal::kKey;
  return std::nullopt;
}

}  // namespace latchkey
