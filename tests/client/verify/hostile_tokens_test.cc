// Every case of tests/vectors/hostile_tokens.json: see its note and README.

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"

#include "client/verify/jwt_verifier.h"
#include "tests/support/vectors.h"

namespace latchkey {
namespace {

using Json = nlohmann::ordered_json;

class HostileTokens : public ::testing::Test {
 protected:
  void SetUp() override {
    const Json& context = vectors_.at("context");
    now_ = absl::FromUnixSeconds(context.at("now").get<int64_t>());
    expect_.issuer = context.at("issuer").get<std::string>();
    expect_.audience = context.at("audience").get<std::string>();
    expect_.clock_skew =
        absl::Seconds(context.at("clock_skew_s").get<int64_t>());
    expect_.max_lifetime =
        absl::Seconds(context.at("max_lifetime_s").get<int64_t>());
    expect_.max_token_bytes = context.at("max_token_bytes").get<size_t>();
    ASSERT_EQ(context.at("max_json_depth").get<int>(), kMaxTokenJsonDepth);
    auto keys = KeySet::FromJwks(vectors_.at("jwks").dump());
    ASSERT_TRUE(keys.ok()) << keys.status();
    keys_ = *std::move(keys);
    ASSERT_EQ(keys_.size(), 3u);
  }

  VerifyResult Verify(const std::string& token) const {
    return VerifyJwt(token, keys_, expect_, now_);
  }

  // "accepted", or the reason of the refusal.
  std::string Outcome(const std::string& token) const {
    const VerifyResult result = Verify(token);
    if (result.ok()) return "accepted";
    return std::string(RefusalName(result.refusal()));
  }

  void ExpectRefused(const std::string& name, const std::string& token,
                     const std::string& reasons) const {
    const std::vector<std::string> allowed = absl::StrSplit(reasons, '|');
    const std::string outcome = Outcome(token);
    EXPECT_NE(std::find(allowed.begin(), allowed.end(), outcome), allowed.end())
        << name << ": " << outcome << " instead of " << reasons;
  }

  const Json vectors_ = ReadVectors("hostile_tokens.json");
  KeySet keys_;
  Expectations expect_;
  absl::Time now_;
};

// Makes the four tokens too large to be in the file, by their recipes.
std::string Generate(const std::string& recipe, const std::string& control) {
  if (recipe == "'.' * 1000000") return std::string(1000000, '.');
  if (recipe == "'A' * 1000000") return std::string(1000000, 'A');
  if (recipe == "'eyJhbGciOiJFZERTQSJ9.' + 'A' * 4194304 + '.AAAA'") {
    return absl::StrCat("eyJhbGciOiJFZERTQSJ9.", std::string(4194304, 'A'),
                        ".AAAA");
  }
  if (recipe ==
      "control[0].header + '.' + control[0].payload + '.' + 'A' * 1048576") {
    return control.substr(0, control.rfind('.') + 1) +
           std::string(1048576, 'A');
  }
  ADD_FAILURE() << "unknown recipe: " << recipe;
  return "";
}

TEST_F(HostileTokens, ControlsAreAcceptedAndAllOthersRefusedForTheReason) {
  const Json& controls = vectors_.at("controls_must_be_accepted");
  const Json& cases = vectors_.at("cases_must_be_refused");
  const Json& generated = vectors_.at("generated_must_be_refused");
  ASSERT_EQ(controls.size(), 11u);
  ASSERT_EQ(cases.size(), 297u);
  ASSERT_EQ(generated.size(), 4u);
  for (const Json& control : controls) {
    EXPECT_EQ(Outcome(control.at("token")), "accepted") << control.at("name");
  }
  for (const Json& hostile : cases) {
    ExpectRefused(hostile.at("name"), hostile.at("token"),
                  hostile.at("reason"));
  }
  const std::string control = controls.at(0).at("token");
  for (const Json& hostile : generated) {
    ExpectRefused(hostile.at("name"), Generate(hostile.at("generate"), control),
                  hostile.at("reason"));
  }
}

TEST_F(HostileTokens, PolicyCasesAreJudgedAsDocumented) {
  const std::map<std::string, std::string> chosen = {
      {"es256-high-s", "accepted"},  // JWS has no low-s rule
      {"exp-float", "exp"},          // whole seconds only
      {"exp-exponent", "exp"},
      {"typ-uppercase", "typ"},                  // one spelling
      {"legit-signature-with-jku", "accepted"},  // never looked at
      {"alg-Ed25519-rfc9864", "alg"},
      {"kid-missing", "kid"},  // three keys are loaded
      {"unknown-large-int-claim", "accepted"},
      {"sub-nfd", "accepted"},
  };
  const Json& cases = vectors_.at("policy_either_way_but_never_crash");
  ASSERT_EQ(cases.size(), chosen.size());
  for (const Json& policy : cases) {
    const std::string name = policy.at("name");
    EXPECT_EQ(Outcome(policy.at("token")), chosen.at(name)) << name;
  }
}

TEST_F(HostileTokens, NoChangedCharacterOfAGoodTokenIsAccepted) {
  const Json& controls = vectors_.at("controls_must_be_accepted");
  for (size_t i = 0; i < 3; ++i) {  // one of each algorithm
    const std::string good = controls.at(i).at("token");
    for (size_t at = 0; at < good.size(); ++at) {
      for (const char c : {'A', '_', '.'}) {
        if (good[at] == c) continue;
        std::string changed = good;
        changed[at] = c;
        EXPECT_FALSE(Verify(changed).ok()) << i << " at " << at;
      }
      EXPECT_FALSE(Verify(good.substr(0, at)).ok()) << i << " cut at " << at;
    }
  }
}

TEST_F(HostileTokens, SubjectIsNotNormalised) {
  for (const Json& policy : vectors_.at("policy_either_way_but_never_crash")) {
    if (policy.at("name") != "sub-nfd") continue;
    EXPECT_EQ(Verify(policy.at("token")).claims().subject, "Jo\xcc\x88rg");
  }
}

TEST_F(HostileTokens, SignatureOnlyAcceptsExactlyWhatOnlyTypAndPayloadBreak) {
  // Reasons that the payload or typ alone give; all else is refused alike.
  const std::vector<std::string> of_typ_and_payload = {
      "typ", "iss", "sub", "aud", "exp", "nbf", "iat", "jti"};
  for (const Json& control : vectors_.at("controls_must_be_accepted")) {
    EXPECT_TRUE(
        VerifySignatureOnly(control.at("token").get<std::string>(), keys_)
            .ok());
  }
  for (const Json& hostile : vectors_.at("cases_must_be_refused")) {
    const std::string name = hostile.at("name");
    const std::string token = hostile.at("token");
    const std::string outcome = Outcome(token);
    const bool payload_alone =
        std::find(of_typ_and_payload.begin(), of_typ_and_payload.end(),
                  outcome) != of_typ_and_payload.end() ||
        (outcome == "json" && name.rfind("header-", 0) != 0) ||
        (outcome == "duplicate" && name.rfind("claim-", 0) == 0) ||
        name == "empty-payload";
    const SignatureResult result = VerifySignatureOnly(token, keys_);
    EXPECT_EQ(result.ok(), payload_alone) << name;
    if (!result.ok()) {
      EXPECT_EQ(RefusalName(result.refusal()), outcome) << name;
    }
  }
}

}  // namespace
}  // namespace latchkey
