// Assertions that no service should be let in by, each broken in one way; the
// control is in the same table, so that refusing everything is no pass.
#include "server/auth/service_proof.h"

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

#include "server/credential/digest.h"
#include "tests/support/token_maker.h"
#include "tests/support/vectors.h"

namespace latchkey {
namespace {

constexpr char kIssuer[] = "latchkey:test";
constexpr int64_t kNow = 1893456000;

Account Billing() {
  Account account;
  account.name = "billing";
  account.kind = AccountKind::kService;
  account.proof_generation = 5;
  account.jwks = TokenMaker::kJwks;
  return account;
}

// The claims of a good assertion, to spoil.
nlohmann::json Claims() {
  return {{"iss", "billing"}, {"sub", "billing"},  {"aud", kIssuer},
          {"iat", kNow},      {"exp", kNow + 300}, {"jti", "j"}};
}

nlohmann::json With(const char* name, nlohmann::json value) {
  nlohmann::json claims = Claims();
  claims[name] = std::move(value);
  return claims;
}

nlohmann::json Without(const char* name) {
  nlohmann::json claims = Claims();
  claims.erase(name);
  return claims;
}

constexpr char kHeader[] = R"({"alg":"EdDSA","kid":"ed-1"})";

struct Row {
  const char* name;
  nlohmann::json claims;
  bool good = false;
  std::string header = kHeader;
};
std::ostream& operator<<(std::ostream& out, const Row& row) {
  return out << row.name;
}

class AssertionTable : public testing::TestWithParam<Row> {};

TEST_P(AssertionTable, IsJudgedRightly) {
  const Account billing = Billing();
  const std::string assertion =
      TokenMaker().Make(GetParam().header, GetParam().claims.dump());
  const auto proof = CheckClientAssertion(&billing, "billing", assertion,
                                          kIssuer, absl::FromUnixSeconds(kNow));
  EXPECT_EQ(proof.has_value(), GetParam().good);
}

INSTANTIATE_TEST_SUITE_P(
    All, AssertionTable,
    testing::Values(
        Row{"Good", Claims(), true},
        Row{"TypJwt", Claims(), true,
            R"({"alg":"EdDSA","kid":"ed-1","typ":"JWT"})"},
        Row{"TypClientAuthentication", Claims(), true,
            R"({"alg":"EdDSA","kid":"ed-1","typ":"client-authentication+jwt"})"},
        Row{"TypAccessToken", Claims(), false,
            R"({"alg":"EdDSA","kid":"ed-1","typ":"at+jwt"})"},
        Row{"TypNumber", Claims(), false,
            R"({"alg":"EdDSA","kid":"ed-1","typ":1})"},
        Row{"KidOmittedOfOneKey", Claims(), true, R"({"alg":"EdDSA"})"},
        Row{"KidUnknown", Claims(), false, R"({"alg":"EdDSA","kid":"ed-2"})"},
        Row{"AlgNone", Claims(), false, R"({"alg":"none","kid":"ed-1"})"},
        Row{"AlgHmac", Claims(), false, R"({"alg":"HS256","kid":"ed-1"})"},
        Row{"AlgOfAnotherKey", Claims(), false,
            R"({"alg":"ES256","kid":"ed-1"})"},
        Row{"Crit", Claims(), false,
            R"({"alg":"EdDSA","kid":"ed-1","crit":["exp"]})"},
        Row{"OwnKeyInHeader", Claims(), false,
            R"({"alg":"EdDSA","kid":"me","jwk":{"kty":"OKP","crv":"Ed25519",)"
            R"("x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}})"},
        Row{"IssWrong", With("iss", "mail")}, Row{"IssMissing", Without("iss")},
        Row{"SubWrong", With("sub", "mail")}, Row{"SubMissing", Without("sub")},
        Row{"SubCase", With("sub", "Billing")},
        Row{"AudWrong", With("aud", "latchkey:other")},
        Row{"AudMissing", Without("aud")}, Row{"AudEmpty", With("aud", "")},
        Row{"AudPrefix", With("aud", "latchkey:test/")},
        Row{"AudListOfUsAlone", With("aud", {kIssuer}), true},
        Row{"AudListWithAnother", With("aud", {kIssuer, "mail"})},
        Row{"AudListOfUsTwice", With("aud", {kIssuer, kIssuer})},
        Row{"AudEmptyList", With("aud", nlohmann::json::array())},
        Row{"ExpMissing", Without("exp")},
        Row{"ExpText", With("exp", "1893456300")},
        Row{"ExpFraction", With("exp", kNow + 0.5)},
        Row{"ExpTooFar", With("exp", kNow + 301)},
        Row{"ExpYear9999", With("exp", 253402300799)},
        Row{"ExpiredWithinSkew",
            {{"iss", "billing"},
             {"sub", "billing"},
             {"aud", kIssuer},
             {"iat", kNow - 60},
             {"exp", kNow - 9},
             {"jti", "j"}},
            true},
        Row{"Expired",
            {{"iss", "billing"},
             {"sub", "billing"},
             {"aud", kIssuer},
             {"iat", kNow - 60},
             {"exp", kNow - 10},
             {"jti", "j"}}},
        Row{"IatMissing", Without("iat")},
        Row{"IatAheadWithinSkew", With("iat", kNow + 10), true},
        Row{"IatInFuture", With("iat", kNow + 11)},
        Row{"NbfInFuture", With("nbf", kNow + 11)},
        Row{"JtiMissing", Without("jti")}, Row{"JtiEmpty", With("jti", "")},
        Row{"JtiNumber", With("jti", 1)},
        Row{"JtiTooLong", With("jti", std::string(257, 'j'))}),
    [](const auto& row) { return row.param.name; });

TEST(CheckClientAssertion, UsesUpTheJtiForAsLongAsItWouldBeGood) {
  const Account billing = Billing();
  const auto proof = CheckClientAssertion(
      &billing, "billing", TokenMaker().Make(kHeader, Claims().dump()), kIssuer,
      absl::FromUnixSeconds(kNow));
  ASSERT_TRUE(proof.has_value());
  EXPECT_EQ(proof->use.proof_generation, 5u);
  ASSERT_TRUE(proof->use.assertion.has_value());
  EXPECT_EQ(proof->use.assertion->id.view(), DigestOf("j").view());
  EXPECT_EQ(proof->use.assertion->expire_time,
            absl::FromUnixSeconds(kNow + 310));
}

TEST(CheckClientAssertion, AnotherAccountsKeyIsNoKey) {
  // Signed for mail with the key of mail, which has the kid of billing's.
  Account billing = Billing();
  billing.jwks = absl::StrReplaceAll(
      TokenMaker::kJwks, {{"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                           "O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik"}});
  const std::string assertion = TokenMaker().Make(kHeader, Claims().dump());
  EXPECT_FALSE(CheckClientAssertion(&billing, "billing", assertion, kIssuer,
                                    absl::FromUnixSeconds(kNow))
                   .has_value());
}

TEST(CheckClientAssertion, NoTokenOfTheHostileSetIsAnAssertion) {
  // Not even the good ones: they are access tokens.
  const nlohmann::json hostile = ReadVectors("hostile_tokens.json");
  Account billing = Billing();
  billing.jwks = hostile.at("jwks").dump();
  billing.name = hostile.at("context").at("issuer");
  int judged = 0;
  for (const char* part : {"controls_must_be_accepted", "cases_must_be_refused",
                           "policy_either_way_but_never_crash"}) {
    for (const auto& row : hostile.at(part)) {
      const std::string token = row.at("token");
      EXPECT_FALSE(
          CheckClientAssertion(
              &billing, billing.name, token,
              hostile.at("context").at("audience"),
              absl::FromUnixSeconds(hostile.at("context").at("now").get<int>()))
              .has_value())
          << row.at("name");
      ++judged;
    }
  }
  EXPECT_GE(judged, 300);
}

TEST(CheckClientAssertion, NobodyGetsInWithoutKeysOfHisOwn) {
  Account keyless = Billing();
  keyless.jwks = "";
  Account person = Billing();
  person.kind = AccountKind::kPerson;
  Account disabled = Billing();
  disabled.disabled = true;
  const std::string assertion = TokenMaker().Make(kHeader, Claims().dump());
  const std::vector<const Account*> accounts = {nullptr, &keyless, &person,
                                                &disabled};
  for (const Account* account : accounts) {
    EXPECT_FALSE(CheckClientAssertion(account, "billing", assertion, kIssuer,
                                      absl::FromUnixSeconds(kNow))
                     .has_value());
  }
}

}  // namespace
}  // namespace latchkey
