#include "server/credential/jwt_issuer.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

#include "client/verify/base64url.h"
#include "client/verify/jwt_verifier.h"
#include "server/base/error.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_store.h"

namespace latchkey {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr absl::Duration kStep = absl::Microseconds(1);

class JwtIssuerTest : public ::testing::TestWithParam<KeyAlgorithm> {
 protected:
  void SetUp() override {
    auto ring = KeyRing::Open(memory_.keys(),
                              *Sealer::FromKey(SecretBytes(Sealer::kKeyBytes)),
                              {.algorithm = GetParam()}, start_);
    ASSERT_TRUE(ring.ok()) << ring.status();
    ring_ = *std::move(ring);
    issuer_ = MakeIssuer(absl::Minutes(5));
    subject_.account_uid =
        *AccountUid::FromHex("000102030405060708090a0b0c0d0e0f");
    subject_.account = "alice";
    subject_.session_id =
        *SessionId::FromHex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
    subject_.generation = 7;
    subject_.auth_time = start_ - absl::Minutes(3);
    subject_.audiences = {"billing", "mail"};
    subject_.amr = {"pwd"};
    subject_.roles = {"admin", "reader"};
    subject_.expire_time = start_ + absl::Hours(12);
    subject_.idle_expire_time = start_ + absl::Minutes(30);
  }

  std::unique_ptr<JwtIssuer> MakeIssuer(absl::Duration life) {
    return std::make_unique<JwtIssuer>(
        *ring_, JwtIssuer::Options{.issuer = "latchkey:test",
                                   .default_audience = "everyone",
                                   .life = life});
  }

  std::string Text(absl::Time now) {
    const auto issued = issuer_->Issue(subject_, now);
    EXPECT_TRUE(issued.ok()) << issued.status();
    return std::string(issued->text.Reveal());
  }

  VerifyResult Verify(const std::string& text, absl::Time now,
                      std::optional<std::string> audience = "mail") {
    Expectations expect;
    expect.issuer = "latchkey:test";
    expect.audience = std::move(audience);
    return VerifyJwt(text, *ring_->VerificationKeys(now), expect, now);
  }

  static nlohmann::json Part(const std::string& text, size_t index) {
    const std::vector<std::string> parts = absl::StrSplit(text, '.');
    return nlohmann::json::parse(*Base64UrlDecode(parts.at(index)));
  }

  absl::Time ExpiryAt(absl::Time now) {
    const auto issued = issuer_->Issue(subject_, now);
    EXPECT_TRUE(issued.ok()) << issued.status();
    EXPECT_TRUE(
        Verify(std::string(issued->text.Reveal()), issued->expire_time - kStep)
            .ok());
    EXPECT_EQ(Verify(std::string(issued->text.Reveal()), issued->expire_time)
                  .refusal(),
              Refusal::kExp);
    return issued->expire_time;
  }

  const absl::Time start_ = FakeClock().Now();  // a whole second
  MemoryStore memory_;
  std::unique_ptr<KeyRing> ring_;
  std::unique_ptr<JwtIssuer> issuer_;
  JwtSubject subject_;
};

TEST_P(JwtIssuerTest, TheVerifierReadsWhatWasIssued) {
  const auto issued = issuer_->Issue(subject_, start_);
  ASSERT_TRUE(issued.ok()) << issued.status();
  const VerifyResult result =
      Verify(std::string(issued->text.Reveal()), start_);
  ASSERT_TRUE(result.ok()) << RefusalName(result.refusal());
  const VerifiedClaims& claims = result.claims();
  EXPECT_EQ(claims.kid, ring_->Signer(start_)->kid());
  EXPECT_EQ(claims.issuer, "latchkey:test");
  EXPECT_EQ(claims.subject, "000102030405060708090a0b0c0d0e0f");
  EXPECT_EQ(claims.account, "alice");
  EXPECT_EQ(claims.client_id, "alice");
  EXPECT_THAT(claims.audiences, ElementsAre("billing", "mail"));
  EXPECT_EQ(claims.issue_time, start_);
  EXPECT_EQ(claims.expire_time, start_ + absl::Minutes(5));
  EXPECT_EQ(claims.expire_time, issued->expire_time);
  EXPECT_EQ(claims.not_before, std::nullopt);
  EXPECT_EQ(claims.jti, issued->jti);
  EXPECT_EQ(claims.session_id, subject_.session_id);
  EXPECT_EQ(claims.generation, 7u);
  EXPECT_EQ(claims.auth_time, subject_.auth_time);
  EXPECT_THAT(claims.amr, ElementsAre("pwd"));
  EXPECT_THAT(claims.roles, ElementsAre("admin", "reader"));
}

TEST_P(JwtIssuerTest, HeaderAndClaimsAreTheseAndNoOthers) {
  const std::string text = Text(start_);
  EXPECT_EQ(Part(text, 0),
            (nlohmann::json{
                {"typ", "at+jwt"},
                {"alg", GetParam() == KeyAlgorithm::kEs256 ? "ES256" : "EdDSA"},
                {"kid", ring_->Signer(start_)->kid()}}));
  nlohmann::json claims = Part(text, 1);
  EXPECT_EQ(claims.at("jti").get<std::string>().size(), 22u);
  claims.erase("jti");
  EXPECT_EQ(claims, (nlohmann::json{
                        {"iss", "latchkey:test"},
                        {"sub", "000102030405060708090a0b0c0d0e0f"},
                        {"account", "alice"},
                        {"client_id", "alice"},
                        {"aud", {"billing", "mail"}},
                        {"exp", 1893456300},
                        {"iat", 1893456000},
                        {"sid", "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"},
                        {"gen", 7},
                        {"auth_time", 1893455820},
                        {"amr", {"pwd"}},
                        {"roles", {"admin", "reader"}},
                    }));
}

TEST_P(JwtIssuerTest, OneAudienceIsATextAndNoneTheDefault) {
  subject_.audiences = {"billing"};
  EXPECT_EQ(Part(Text(start_), 1).at("aud"), "billing");
  EXPECT_TRUE(Verify(Text(start_), start_, "billing").ok());
  subject_.audiences = {};
  EXPECT_EQ(Part(Text(start_), 1).at("aud"), "everyone");
  EXPECT_TRUE(Verify(Text(start_), start_, "everyone").ok());
}

TEST_P(JwtIssuerTest, NoRolesAndNoMethodsAreEmptyArrays) {
  subject_.roles = {};
  subject_.amr = {};
  const VerifyResult result = Verify(Text(start_), start_);
  ASSERT_TRUE(result.ok()) << RefusalName(result.refusal());
  EXPECT_THAT(result.claims().roles, IsEmpty());
  EXPECT_THAT(result.claims().amr, IsEmpty());
}

TEST_P(JwtIssuerTest, TextsCannotBreakOutOfTheirClaims) {
  subject_.audiences = {"a\",\"roles\":[\"root\"],\"x\":\"\\", "p\xc3\xa4"};
  const std::string text = Text(start_);
  const VerifyResult result = Verify(text, start_, "p\xc3\xa4");
  ASSERT_TRUE(result.ok()) << RefusalName(result.refusal());
  EXPECT_EQ(result.claims().audiences, subject_.audiences);
  EXPECT_EQ(result.claims().roles, subject_.roles);
}

TEST_P(JwtIssuerTest, TheLargestGenerationIsKept) {
  subject_.generation = (uint64_t{1} << 53) - 1;
  const VerifyResult result = Verify(Text(start_), start_);
  ASSERT_TRUE(result.ok()) << RefusalName(result.refusal());
  EXPECT_EQ(result.claims().generation, subject_.generation);
}

TEST_P(JwtIssuerTest, EndsAtTheFirstOfLifeExpiryAndIdleExpiry) {
  EXPECT_EQ(ExpiryAt(start_), start_ + absl::Minutes(5));
  subject_.idle_expire_time = start_ + absl::Minutes(4);
  EXPECT_EQ(ExpiryAt(start_), start_ + absl::Minutes(4));
  subject_.expire_time = start_ + absl::Minutes(3);
  EXPECT_EQ(ExpiryAt(start_), start_ + absl::Minutes(3));
}

TEST_P(JwtIssuerTest, TimesAreCutDownToTheSecond) {
  const absl::Time now = start_ + absl::Milliseconds(999);
  EXPECT_EQ(ExpiryAt(now), start_ + absl::Minutes(5));
  EXPECT_EQ(Verify(Text(now), now).claims().issue_time, start_);
  subject_.expire_time = start_ + absl::Seconds(9) - kStep;
  EXPECT_EQ(ExpiryAt(now), start_ + absl::Seconds(8));
  subject_.expire_time = start_ + absl::Seconds(9);
  EXPECT_EQ(ExpiryAt(now), start_ + absl::Seconds(9));
}

TEST_P(JwtIssuerTest, ATokenDeadAtBirthIsRefused) {
  const absl::Time now = start_ + absl::Milliseconds(500);
  subject_.expire_time = start_ + absl::Seconds(1);
  EXPECT_EQ(ExpiryAt(now), start_ + absl::Seconds(1));
  for (const absl::Time end : {start_ + absl::Seconds(1) - kStep, now,
                               now - kStep, start_, start_ - absl::Hours(1)}) {
    subject_.expire_time = end;
    const auto issued = issuer_->Issue(subject_, now);
    EXPECT_EQ(issued.status().code(), absl::StatusCode::kUnauthenticated);
    EXPECT_EQ(ReasonOf(issued.status()), Reason::kRefreshRefused);
  }
}

TEST_P(JwtIssuerTest, ALoginOfOneSecondIsNeverDeadAtBirth) {
  for (absl::Duration part :
       {absl::ZeroDuration(), kStep, absl::Milliseconds(500),
        absl::Seconds(1) - kStep}) {
    const absl::Time now = start_ + part;
    subject_.expire_time = now + absl::Seconds(1);
    EXPECT_TRUE(Verify(Text(now), now).ok());
  }
}

TEST_P(JwtIssuerTest, NoTokenOutlivesItsKey) {
  issuer_ = MakeIssuer(absl::Hours(48));
  subject_.expire_time = subject_.idle_expire_time = start_ + absl::Hours(72);
  // The last instant of the first key.
  const auto next = ring_->Rotate(start_);
  ASSERT_TRUE(next.ok());
  const absl::Time last = next->activate_time - kStep;
  const absl::Time end = ExpiryAt(last);
  EXPECT_EQ(end, next->activate_time - absl::Seconds(1) + absl::Hours(24));
  EXPECT_LE(end + absl::Seconds(60), *ring_->List(last)[0].gone_time);
}

TEST_P(JwtIssuerTest, TokensOfARetiringKeyStayGood) {
  const std::string before = Text(start_);
  const auto next = ring_->Rotate(start_ - absl::Hours(1));
  ASSERT_TRUE(next.ok());
  const absl::Time now = start_ + absl::Seconds(1);
  ASSERT_EQ(ring_->Signer(now)->kid(), next->kid);
  EXPECT_TRUE(Verify(before, now).ok());
  EXPECT_EQ(Verify(Text(now), now).claims().kid, next->kid);
}

TEST_P(JwtIssuerTest, ASizeOfMoreThan4096BytesIsRefused) {
  // An audience of varying size finds the border to the byte.
  size_t largest = 0;
  bool refused = false;
  for (size_t size = 1; size <= 256 && !refused; ++size) {
    subject_.audiences.assign(10, std::string(256, 'a'));
    subject_.audiences.push_back(std::string(size, 'b'));
    const auto issued = issuer_->Issue(subject_, start_);
    if (issued.ok()) {
      largest = issued->text.size();
      EXPECT_TRUE(Verify(std::string(issued->text.Reveal()), start_,
                         subject_.audiences.back())
                      .ok());
    } else {
      refused = true;
      EXPECT_EQ(issued.status().code(), absl::StatusCode::kFailedPrecondition);
      EXPECT_EQ(ReasonOf(issued.status()), Reason::kCredentialTooLarge);
    }
  }
  EXPECT_TRUE(refused);
  EXPECT_EQ(largest, JwtIssuer::kMaxJwtBytes);
}

TEST_P(JwtIssuerTest, NoTwoTokensHaveTheSameJti) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    seen.insert(issuer_->Issue(subject_, start_)->jti);
  }
  EXPECT_EQ(seen.size(), 100u);
}

INSTANTIATE_TEST_SUITE_P(Algorithms, JwtIssuerTest,
                         ::testing::Values(KeyAlgorithm::kEs256,
                                           KeyAlgorithm::kEdDsa),
                         [](const auto& test) {
                           return test.param == KeyAlgorithm::kEs256 ? "ES256"
                                                                     : "EdDSA";
                         });

}  // namespace
}  // namespace latchkey
