#include "client/verify/jwt_verifier.h"

#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "tests/support/notification.h"
#include "tests/support/token_maker.h"
#include "tests/support/vectors.h"

namespace latchkey {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kNow = 1893456000;  // 2030-01-01T00:00:00Z

Json UsualClaims() {
  return {{"iss", "https://issuer.example"},
          {"sub", "user-1"},
          {"aud", {"svc-a", "svc-b"}},
          {"iat", kNow - 10},
          {"exp", kNow + 300},
          {"jti", "j1"}};
}

Expectations UsualExpectations() {
  Expectations expect;
  expect.issuer = "https://issuer.example";
  expect.audience = "svc-a";
  return expect;
}

class JwtVerifier : public ::testing::Test {
 protected:
  // "ok" or the reason. `now` counts from kNow.
  std::string Judge(const std::string& token,
                    const Expectations& expect = UsualExpectations(),
                    absl::Duration now = absl::ZeroDuration()) const {
    const VerifyResult result =
        VerifyJwt(token, keys_, expect, absl::FromUnixSeconds(kNow) + now);
    return result.ok() ? "ok" : std::string(RefusalName(result.refusal()));
  }

  // Judges the usual claims with one of them changed.
  std::string JudgeWith(const std::string& name, const Json& value,
                        const Expectations& expect = UsualExpectations(),
                        absl::Duration now = absl::ZeroDuration()) const {
    Json claims = UsualClaims();
    claims[name] = value;
    return Judge(maker_.Make(claims.dump()), expect, now);
  }

  const TokenMaker maker_;
  const KeySet keys_ = *KeySet::FromJwks(TokenMaker::kJwks);
};

TEST_F(JwtVerifier, GivesEveryClaimOfALatchkeyToken) {
  Json claims = UsualClaims();
  claims.update(Json{{"account", "alice"},
                     {"client_id", "alice"},
                     {"sid", "000102030405060708090a0b0c0d0eff"},
                     {"gen", 18446744073709551615u},
                     {"auth_time", kNow - 20},
                     {"nbf", kNow - 5},
                     {"amr", {"pwd", "otp"}},
                     {"roles", {"reader"}}});
  const VerifyResult result =
      VerifyJwt(maker_.Make(claims.dump()), keys_, UsualExpectations(),
                absl::FromUnixSeconds(kNow));
  ASSERT_TRUE(result.ok()) << RefusalName(result.refusal());
  const VerifiedClaims& read = result.claims();
  EXPECT_EQ(read.kid, "ed-1");
  EXPECT_EQ(read.issuer, "https://issuer.example");
  EXPECT_EQ(read.subject, "user-1");
  EXPECT_EQ(read.jti, "j1");
  EXPECT_EQ(read.audiences, (std::vector<std::string>{"svc-a", "svc-b"}));
  EXPECT_EQ(read.issue_time, absl::FromUnixSeconds(kNow - 10));
  EXPECT_EQ(read.expire_time, absl::FromUnixSeconds(kNow + 300));
  EXPECT_EQ(read.not_before, absl::FromUnixSeconds(kNow - 5));
  EXPECT_EQ(read.account, "alice");
  EXPECT_EQ(read.client_id, "alice");
  EXPECT_EQ(read.session_id,
            SessionId::FromHex("000102030405060708090a0b0c0d0eff"));
  EXPECT_EQ(read.generation, UINT64_MAX);
  EXPECT_EQ(read.auth_time, absl::FromUnixSeconds(kNow - 20));
  EXPECT_EQ(read.amr, (std::vector<std::string>{"pwd", "otp"}));
  EXPECT_EQ(read.roles, std::vector<std::string>{"reader"});
}

TEST_F(JwtVerifier, ClaimsOfOthersHaveNoneOfLatchkeysOwn) {
  const VerifyResult result =
      VerifyJwt(maker_.Make(UsualClaims().dump()), keys_, UsualExpectations(),
                absl::FromUnixSeconds(kNow));
  ASSERT_TRUE(result.ok());
  const VerifiedClaims& read = result.claims();
  EXPECT_EQ(read.account, "");
  EXPECT_EQ(read.client_id, "");
  EXPECT_FALSE(read.not_before.has_value());
  EXPECT_FALSE(read.session_id.has_value());
  EXPECT_FALSE(read.generation.has_value());
  EXPECT_FALSE(read.auth_time.has_value());
  EXPECT_TRUE(read.amr.empty());
  EXPECT_TRUE(read.roles.empty());
}

TEST_F(JwtVerifier, IsGoodUntilExpPlusSkewAndNotAtThatInstant) {
  const absl::Duration tick = absl::Microseconds(1);
  for (const absl::Duration skew :
       {absl::ZeroDuration(), absl::Seconds(5), kMaxClockSkew}) {
    Expectations expect = UsualExpectations();
    expect.clock_skew = skew;
    const std::string token = maker_.Make(UsualClaims().dump());
    const absl::Duration end = absl::Seconds(300) + skew;
    EXPECT_EQ(Judge(token, expect, end - tick), "ok");
    EXPECT_EQ(Judge(token, expect, end), "exp");
    EXPECT_EQ(Judge(token, expect, end + tick), "exp");
  }
}

TEST_F(JwtVerifier, IsGoodFromNbfMinusSkewOn) {
  const absl::Duration tick = absl::Microseconds(1);
  for (const absl::Duration skew : {absl::ZeroDuration(), kMaxClockSkew}) {
    Expectations expect = UsualExpectations();
    expect.clock_skew = skew;
    const absl::Duration start = absl::Seconds(100) - skew;
    EXPECT_EQ(JudgeWith("nbf", kNow + 100, expect, start - tick), "nbf");
    EXPECT_EQ(JudgeWith("nbf", kNow + 100, expect, start), "ok");
    EXPECT_EQ(JudgeWith("nbf", kNow + 100, expect, start + tick), "ok");
  }
}

TEST_F(JwtVerifier, IsGoodFromIatMinusSkewOn) {
  const absl::Duration tick = absl::Microseconds(1);
  for (const absl::Duration skew : {absl::ZeroDuration(), kMaxClockSkew}) {
    Expectations expect = UsualExpectations();
    expect.clock_skew = skew;
    const absl::Duration start = absl::Seconds(100) - skew;
    EXPECT_EQ(JudgeWith("iat", kNow + 100, expect, start - tick), "iat");
    EXPECT_EQ(JudgeWith("iat", kNow + 100, expect, start), "ok");
    EXPECT_EQ(JudgeWith("iat", kNow + 100, expect, start + tick), "ok");
  }
}

TEST_F(JwtVerifier, LifetimeHasALimit) {
  Expectations expect = UsualExpectations();
  expect.max_lifetime = absl::Seconds(310);
  EXPECT_EQ(JudgeWith("exp", kNow + 299, expect), "ok");
  EXPECT_EQ(JudgeWith("exp", kNow + 300, expect), "ok");
  EXPECT_EQ(JudgeWith("exp", kNow + 301, expect), "exp");
}

TEST_F(JwtVerifier, IssuedAtItsExpiryIsGoodOnlyWithSkewAndAfterItNever) {
  Expectations expect = UsualExpectations();
  EXPECT_EQ(JudgeWith("iat", kNow + 300, expect), "iat");
  expect.clock_skew = kMaxClockSkew;
  EXPECT_EQ(JudgeWith("iat", kNow + 300, expect, absl::Seconds(300)), "ok");
  EXPECT_EQ(JudgeWith("iat", kNow + 301, expect, absl::Seconds(300)), "iat");
}

TEST_F(JwtVerifier, AllowExpiredLeavesOnlyExpAndNbfOutOfTheComparison) {
  Expectations expect = UsualExpectations();
  expect.allow_expired = true;
  const absl::Duration later = absl::Hours(24 * 365);
  const std::string token = maker_.Make(UsualClaims().dump());
  EXPECT_EQ(Judge(token, expect, later), "ok");
  EXPECT_EQ(JudgeWith("nbf", kNow + 100, expect), "ok");
  EXPECT_EQ(JudgeWith("exp", "soon", expect), "exp");
  EXPECT_EQ(JudgeWith("exp", nullptr, expect), "exp");
  EXPECT_EQ(JudgeWith("exp", kNow + 90000, expect), "exp");
  EXPECT_EQ(JudgeWith("nbf", "soon", expect), "nbf");
  EXPECT_EQ(JudgeWith("iat", kNow + 100, expect), "iat");
  EXPECT_EQ(JudgeWith("iss", "https://other.example", expect, later), "iss");
  EXPECT_EQ(JudgeWith("aud", "svc-z", expect, later), "aud");
  EXPECT_EQ(Judge(token.substr(0, token.size() - 4) + "AAAA", expect, later),
            "signature");
}

TEST_F(JwtVerifier, AllowAnyAudienceStillWantsAWellFormedOne) {
  Expectations expect = UsualExpectations();
  expect.audience.reset();
  expect.allow_any_audience = true;
  EXPECT_EQ(JudgeWith("aud", "svc-z", expect), "ok");
  EXPECT_EQ(JudgeWith("aud", {"x", "y"}, expect), "ok");
  EXPECT_EQ(JudgeWith("aud", Json::array(), expect), "aud");
  EXPECT_EQ(JudgeWith("aud", "", expect), "aud");
  EXPECT_EQ(JudgeWith("aud", 1, expect), "aud");
  Json claims = UsualClaims();
  claims.erase("aud");
  EXPECT_EQ(Judge(maker_.Make(claims.dump()), expect), "aud");
}

TEST_F(JwtVerifier, ExpectationsThatSkipACheckByAccidentRefuseAll) {
  const std::string token = maker_.Make(UsualClaims().dump());
  ASSERT_EQ(Judge(token), "ok");
  const std::vector<void (*)(Expectations&)> mistakes = {
      [](Expectations& e) { e.issuer.clear(); },
      [](Expectations& e) { e.audience.reset(); },
      [](Expectations& e) { e.allow_any_audience = true; },
      [](Expectations& e) { e.clock_skew = absl::Microseconds(-1); },
      [](Expectations& e) {
        e.clock_skew = kMaxClockSkew + absl::Microseconds(1);
      },
      [](Expectations& e) { e.clock_skew = absl::InfiniteDuration(); },
      [](Expectations& e) { e.max_lifetime = absl::ZeroDuration(); },
      [](Expectations& e) { e.max_token_bytes = kMaxTokenBytes + 1; },
      [](Expectations& e) { e.type = TokenType::kAny; },
  };
  for (size_t i = 0; i < mistakes.size(); ++i) {
    Expectations expect = UsualExpectations();
    mistakes[i](expect);
    EXPECT_EQ(Judge(token, expect), "expectations") << i;
  }
  const SignatureResult result =
      VerifySignatureOnly(token, keys_, kMaxTokenBytes + 1);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.refusal(), Refusal::kExpectations);
}

TEST_F(JwtVerifier, NoTypePassesForAnother) {
  const std::string claims = UsualClaims().dump();
  Expectations assertion = UsualExpectations();
  assertion.type = TokenType::kClientAssertion;
  const auto judge = [&](const std::string& typ, const Expectations& expect) {
    return Judge(
        maker_.Make(R"({"alg":"EdDSA","kid":"ed-1")" + typ + "}", claims),
        expect);
  };
  for (const char* typ :
       {"", R"(,"typ":"JWT")", R"(,"typ":"client-authentication+jwt")"}) {
    EXPECT_EQ(judge(typ, assertion), "ok") << typ;
    EXPECT_EQ(judge(typ, UsualExpectations()), "typ") << typ;
  }
  for (const char* typ : {R"(,"typ":"at+jwt")", R"(,"typ":"jwt")",
                          R"(,"typ":"")", R"(,"typ":null)"}) {
    EXPECT_EQ(judge(typ, assertion), "typ") << typ;
  }
}

TEST_F(JwtVerifier, TokenSizeHasALimitAtAndBelowTheLargest) {
  const std::string token = maker_.Make(UsualClaims().dump());
  Expectations expect = UsualExpectations();
  expect.max_token_bytes = token.size();
  EXPECT_EQ(Judge(token, expect), "ok");
  expect.max_token_bytes = token.size() - 1;
  EXPECT_EQ(Judge(token, expect), "size");

  // The largest token of all that base64url can spell in 8,192 bytes.
  Json claims = UsualClaims();
  claims["pad"] = "";
  const size_t rest = maker_.Make(claims.dump()).size();
  claims["pad"] = std::string((kMaxTokenBytes - rest) * 3 / 4, 'a');
  const std::string largest = maker_.Make(claims.dump());
  EXPECT_GE(largest.size(), kMaxTokenBytes - 1);
  EXPECT_LE(largest.size(), kMaxTokenBytes);
  EXPECT_EQ(Judge(largest), "ok");
  claims["pad"] = std::string((kMaxTokenBytes - rest) * 3 / 4 + 2, 'a');
  EXPECT_EQ(Judge(maker_.Make(claims.dump())), "size");
}

TEST_F(JwtVerifier, WithoutAKidTheOnlyKeyOfASetJudges) {
  const std::string header = R"({"alg":"EdDSA","typ":"at+jwt"})";
  const std::string token = maker_.Make(header, UsualClaims().dump());
  const VerifyResult result =
      VerifyJwt(token, keys_, UsualExpectations(), absl::FromUnixSeconds(kNow));
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result.claims().kid, "ed-1");
  EXPECT_EQ(VerifyJwt(token, KeySet(), UsualExpectations(),
                      absl::FromUnixSeconds(kNow))
                .refusal(),
            Refusal::kKid);
  EXPECT_EQ(Judge(maker_.Make(R"({"alg":"ES256","typ":"at+jwt"})",
                              UsualClaims().dump())),
            "key");
  // A kid that is there counts, whatever it is.
  EXPECT_EQ(Judge(maker_.Make(R"({"alg":"EdDSA","kid":null,"typ":"at+jwt"})",
                              UsualClaims().dump())),
            "kid");
}

TEST_F(JwtVerifier, EmptySetRefusesEveryToken) {
  EXPECT_EQ(VerifyJwt(maker_.Make(UsualClaims().dump()), KeySet(),
                      UsualExpectations(), absl::FromUnixSeconds(kNow))
                .refusal(),
            Refusal::kKid);
}

TEST_F(JwtVerifier, SignatureOnlyTakesAnyPayloadAlsoNone) {
  const std::string header = R"({"alg":"EdDSA","kid":"ed-1"})";
  const std::string any("\0\xff not JSON", 12);
  for (const std::string& payload : {std::string(), any, std::string("{}")}) {
    const SignatureResult result =
        VerifySignatureOnly(maker_.Make(header, payload), keys_);
    ASSERT_TRUE(result.ok()) << RefusalName(result.refusal());
    EXPECT_EQ(result.kid(), "ed-1");
    EXPECT_EQ(result.algorithm(), Algorithm::kEdDsa);
  }
  const std::string encoded = Base64UrlEncode(header);
  EXPECT_EQ(VerifySignatureOnly(maker_.Sign(encoded + ".A"), keys_).refusal(),
            Refusal::kEncoding);
  EXPECT_EQ(VerifySignatureOnly(encoded + "..", keys_).refusal(),
            Refusal::kStructure);
  EXPECT_EQ(VerifySignatureOnly(".." + encoded, keys_).refusal(),
            Refusal::kStructure);
}

TEST_F(JwtVerifier, RefusalNamesAreDistinctAndPlain) {
  std::set<absl::string_view> names;
  for (int i = 0; i <= static_cast<int>(Refusal::kRoles); ++i) {
    const absl::string_view name = RefusalName(static_cast<Refusal>(i));
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"),
              absl::string_view::npos);
  }
}

using JwtVerifierDeathTest = JwtVerifier;

TEST_F(JwtVerifierDeathTest, ARefusedTokenHasNoClaimsToRead) {
  const VerifyResult refused =
      VerifyJwt("", keys_, UsualExpectations(), absl::FromUnixSeconds(kNow));
  EXPECT_DEATH(refused.claims(), "");
  const SignatureResult unsigned_token = VerifySignatureOnly("", keys_);
  EXPECT_DEATH(unsigned_token.kid(), "");
  EXPECT_DEATH(unsigned_token.algorithm(), "");
}

struct ClaimRow {
  std::string name;
  std::string claim;
  Json value;
  std::string outcome;
};

class JwtClaim : public JwtVerifier,
                 public ::testing::WithParamInterface<ClaimRow> {};

TEST_P(JwtClaim, IsJudgedByItsRule) {
  EXPECT_EQ(JudgeWith(GetParam().claim, GetParam().value), GetParam().outcome);
}

Json Many(size_t count, const std::string& text) {
  return std::vector<std::string>(count, text);
}

std::vector<ClaimRow> ClaimRows() {
  const std::string sid = "000102030405060708090a0b0c0d0eff";
  Json sixteen = Many(15, "x");
  sixteen.push_back("svc-a");
  return {
      {"SubLongest", "sub", std::string(256, 's'), "ok"},
      {"SubTooLong", "sub", std::string(257, 's'), "sub"},
      {"SubC1Control", "sub",
       "a\xc2\x9b"
       "b",
       "sub"},
      {"JtiLongest", "jti", std::string(256, 'j'), "ok"},
      {"JtiTooLong", "jti", std::string(257, 'j'), "jti"},
      {"JtiControl", "jti", "a\nb", "jti"},
      {"AudMost", "aud", sixteen, "ok"},
      {"AudTooMany", "aud", Many(17, "svc-a"), "aud"},
      {"AudLongest", "aud", {"svc-a", std::string(256, 'a')}, "ok"},
      {"AudTooLong", "aud", {"svc-a", std::string(257, 'a')}, "aud"},
      {"AudEmptyText", "aud", {"svc-a", ""}, "aud"},
      {"ExpLast", "exp", 253402300799, "exp"},  // lifetime
      {"NbfEarliest", "nbf", 0, "ok"},
      {"NbfMinus", "nbf", -1, "nbf"},
      {"NbfFloat", "nbf", 1.5, "nbf"},
      {"IatMinus", "iat", -1, "iat"},
      {"AccountLongest", "account", std::string(64, 'a'), "ok"},
      {"AccountTooLong", "account", std::string(65, 'a'), "account"},
      {"AccountEmpty", "account", "", "account"},
      {"AccountNull", "account", nullptr, "account"},
      {"AccountControl", "account", "a\nb", "account"},
      {"ClientIdLongest", "client_id", std::string(256, 'c'), "ok"},
      {"ClientIdTooLong", "client_id", std::string(257, 'c'), "client_id"},
      {"ClientIdNumber", "client_id", 1, "client_id"},
      {"Sid", "sid", sid, "ok"},
      {"SidUpperCase", "sid", "000102030405060708090A0B0C0D0EFF", "sid"},
      {"SidShort", "sid", sid.substr(1), "sid"},
      {"SidLong", "sid", sid + "0", "sid"},
      {"SidNumber", "sid", 1, "sid"},
      {"SidNull", "sid", nullptr, "sid"},
      {"GenZero", "gen", 0, "ok"},
      {"GenMinus", "gen", -1, "gen"},
      {"GenText", "gen", "1", "gen"},
      {"GenFloat", "gen", 1.0, "gen"},
      {"GenNull", "gen", nullptr, "gen"},
      {"AuthTimeEarliest", "auth_time", 0, "ok"},
      {"AuthTimeLast", "auth_time", 253402300799, "ok"},
      {"AuthTimeAfterTheLast", "auth_time", 253402300800, "auth_time"},
      {"AuthTimeText", "auth_time", "1", "auth_time"},
      {"AmrNone", "amr", Json::array(), "ok"},
      {"AmrMost", "amr", Many(16, "pwd"), "ok"},
      {"AmrTooMany", "amr", Many(17, "pwd"), "amr"},
      {"AmrLongest", "amr", {std::string(64, 'a')}, "ok"},
      {"AmrTooLong", "amr", {std::string(65, 'a')}, "amr"},
      {"AmrText", "amr", "pwd", "amr"},
      {"AmrNull", "amr", nullptr, "amr"},
      {"RolesMost", "roles", Many(64, "r"), "ok"},
      {"RolesTooMany", "roles", Many(65, "r"), "roles"},
      {"RoleLongest", "roles", {std::string(64, 'r')}, "ok"},
      {"RoleTooLong", "roles", {std::string(65, 'r')}, "roles"},
      {"RoleEmpty", "roles", {""}, "roles"},
      {"RoleNumber", "roles", {1}, "roles"},
      {"RolesObject", "roles", Json::object(), "roles"},
  };
}

INSTANTIATE_TEST_SUITE_P(Claims, JwtClaim, ::testing::ValuesIn(ClaimRows()),
                         [](const ::testing::TestParamInfo<ClaimRow>& row) {
                           return row.param.name;
                         });

TEST_F(JwtVerifier, IssuerHasALengthLimitToo) {
  Expectations expect = UsualExpectations();
  expect.issuer = std::string(256, 'i');
  EXPECT_EQ(JudgeWith("iss", expect.issuer, expect), "ok");
  expect.issuer += "i";
  EXPECT_EQ(JudgeWith("iss", expect.issuer, expect), "iss");
}

TEST(JwtVerifierThreads, OneKeySetServesManyAtOnce) {
  const Json vectors = ReadVectors("hostile_tokens.json");
  const KeySet keys = *KeySet::FromJwks(vectors.at("jwks").dump());
  Expectations expect;
  expect.issuer = "https://auth.test.example";
  expect.audience = "svc-a";
  expect.clock_skew = absl::Seconds(60);
  std::vector<std::string> good;
  for (const Json& control : vectors.at("controls_must_be_accepted")) {
    good.push_back(control.at("token"));
  }
  Notification start;
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (size_t i = 0; i < wrong.size(); ++i) {
    threads.emplace_back([&, i] {
      start.Wait();
      for (int round = 0; round < 10; ++round) {
        for (const std::string& token : good) {
          // Ends in other bits than the control, in the same alphabet.
          std::string bad = token;
          bad[bad.rfind('.') + 1] = bad[bad.rfind('.') + 1] == 'A' ? 'B' : 'A';
          const absl::Time now = absl::FromUnixSeconds(kNow);
          wrong[i] += VerifyJwt(token, keys, expect, now).ok() ? 0 : 1;
          wrong[i] += VerifyJwt(bad, keys, expect, now).ok() ? 1 : 0;
        }
      }
    });
  }
  start.Notify();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

}  // namespace
}  // namespace latchkey
