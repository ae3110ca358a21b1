// Tokens in compact form. The input is a token; or, behind a line "sign", a
// line that is a header and the rest that is a payload, which are signed here,
// so that what lies behind the signature is reached.
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "client/base/utf8.h"
#include "client/verify/base64url.h"
#include "client/verify/jwt_verifier.h"
#include "client/verify/token_limits.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/token_maker.h"
#include "tests/support/vectors.h"

namespace latchkey {
namespace {

// The keys and tokens of tests/vectors/hostile_tokens.json.
struct World {
  World() {
    const auto vectors = ReadVectors("hostile_tokens.json");
    const auto& context = vectors.at("context");
    now = absl::FromUnixSeconds(context.at("now").get<int64_t>());
    expect.issuer = context.at("issuer").get<std::string>();
    expect.audience = context.at("audience").get<std::string>();
    expect.clock_skew = absl::Seconds(context.at("clock_skew_s").get<int>());
    keys = KeySet::FromJwks(vectors.at("jwks").dump()).value();
    own_keys = KeySet::FromJwks(TokenMaker::kJwks).value();
    for (const char* list :
         {"controls_must_be_accepted", "cases_must_be_refused",
          "policy_either_way_but_never_crash"}) {
      for (const auto& one : vectors.at(list)) {
        const std::string token = one.at("token");
        signed_inputs.insert(token.substr(0, token.rfind('.')));
      }
    }
  }

  absl::Time now;
  Expectations expect;
  KeySet keys;
  // Everything that these keys have ever signed, and more.
  absl::flat_hash_set<std::string> signed_inputs;
  TokenMaker maker;
  KeySet own_keys;
};

const World& TheWorld() {
  static const World* const world = new World();
  return *world;
}

void CheckTexts(const std::vector<std::string>& texts, size_t most,
                size_t most_bytes) {
  Require(texts.size() <= most);
  for (const std::string& text : texts) {
    Require(text.size() <= most_bytes && IsValidUtf8(text) &&
            !HasControlCharacter(text));
  }
}

// What must be true of a token that was accepted.
void CheckAccepted(absl::string_view token, const KeySet& keys,
                   const VerifiedClaims& claims) {
  const World& world = TheWorld();
  Expectations expect = world.expect;
  const absl::Duration skew = expect.clock_skew;
  Require(claims.issuer == expect.issuer);
  Require(world.now < claims.expire_time + skew);
  Require(claims.expire_time - claims.issue_time <= expect.max_lifetime);
  Require(keys.Find(claims.kid) != nullptr);
  CheckTexts({claims.issuer, claims.subject, claims.jti, claims.client_id}, 4,
             kMaxNameClaimBytes);
  CheckTexts({claims.account}, 1, kMaxAccountClaimBytes);
  CheckTexts(claims.audiences, kMaxAudiences, kMaxAudienceBytes);
  CheckTexts(claims.roles, kMaxRoleClaims, kMaxRoleClaimBytes);
  CheckTexts(claims.amr, kMaxAmrEntries, kMaxAmrBytes);

  const auto at = [&](absl::Time now) {
    return VerifyJwt(token, keys, expect, now).ok();
  };
  Require(!at(claims.expire_time + skew));
  Require(!at(claims.issue_time - skew - absl::Microseconds(1)));
  if (claims.not_before.has_value()) {
    Require(!at(*claims.not_before - skew - absl::Microseconds(1)));
  }
  expect.audience = "\x01";  // nobody's
  Require(!at(world.now));
  expect.audience = world.expect.audience;
  expect.issuer.push_back('x');
  Require(!at(world.now));
}

void Check(absl::string_view token, const KeySet& keys) {
  const World& world = TheWorld();
  const SignatureResult signature = VerifySignatureOnly(token, keys);
  const VerifyResult result = VerifyJwt(token, keys, world.expect, world.now);
  if (!signature.ok()) {
    Require(!result.ok());
    return;
  }
  // One text per token: what decodes alike is alike.
  const std::vector<std::string> parts = absl::StrSplit(token, '.');
  Require(parts.size() == 3);
  for (const std::string& part : parts) {
    const auto bytes = Base64UrlDecode(part);
    Require(bytes.has_value() && Base64UrlEncode(*bytes) == part);
  }
  if (result.ok()) CheckAccepted(token, keys, result.claims());
}

}  // namespace
}  // namespace latchkey

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace latchkey;
  const World& world = TheWorld();
  absl::string_view input = ViewOf(data, size);
  if (!absl::ConsumePrefix(&input, "sign\n")) {
    Check(input, world.keys);
    // Nobody signs here: a right signature stands over what was signed before.
    Require(!VerifySignatureOnly(input, world.keys).ok() ||
            world.signed_inputs.contains(input.substr(0, input.rfind('.'))));
    return 0;
  }
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(input, absl::MaxSplits('\n', 1));
  Check(world.maker.Make(parts.first, parts.second), world.own_keys);
  return 0;
}
