#include "server/credential/signing_key.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

#include "client/verify/base64url.h"
#include "server/base/error.h"
#include "server/credential/eddsa_key.h"
#include "server/credential/es256_key.h"
#include "tests/support/vectors.h"

namespace latchkey {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Sealer MakeSealer(uint8_t byte) {
  SecretBytes key(Sealer::kKeyBytes);
  key.data()[0] = byte;
  return *Sealer::FromKey(std::move(key));
}

SecretBytes FromHex(absl::string_view hex) {
  return SecretBytes(absl::HexStringToBytes(hex));
}

KeyRecord RecordOf(const SigningKey& key, const Sealer& sealer) {
  KeyRecord record;
  record.kid = key.kid();
  record.algorithm = key.algorithm();
  record.public_jwk = key.public_key().ToJwk();
  record.sealed_private = *key.Seal(sealer);
  return record;
}

class EitherAlgorithm : public ::testing::TestWithParam<KeyAlgorithm> {
 protected:
  std::shared_ptr<const SigningKey> Generate() {
    auto key = SigningKey::Generate(GetParam());
    EXPECT_TRUE(key.ok()) << key.status();
    return *key;
  }

  const Sealer sealer_ = MakeSealer(1);
};

TEST_P(EitherAlgorithm, ThePublicHalfVerifiesWhatThePrivateHalfSigned) {
  const auto key = Generate();
  EXPECT_EQ(key->algorithm(), GetParam());
  EXPECT_EQ(key->kid(), key->public_key().Thumbprint());
  // Often enough for numbers that begin with a zero byte.
  for (int i = 0; i < 600; ++i) {
    const std::string input = "input " + std::to_string(i);
    const auto signature = key->Sign(input);
    ASSERT_TRUE(signature.ok());
    ASSERT_EQ(signature->size(), 64u);
    ASSERT_TRUE(key->public_key().Verify(input, *signature));
    ASSERT_FALSE(key->public_key().Verify(input + "x", *signature));
  }
  EXPECT_TRUE(key->public_key().Verify("", *key->Sign("")));
}

TEST_P(EitherAlgorithm, TwoGeneratedKeysDiffer) {
  EXPECT_NE(Generate()->kid(), Generate()->kid());
}

TEST_P(EitherAlgorithm, AnUnsealedKeySignsForTheSamePublicHalf) {
  const auto key = Generate();
  const auto unsealed = SigningKey::Unseal(RecordOf(*key, sealer_), sealer_);
  ASSERT_TRUE(unsealed.ok()) << unsealed.status();
  EXPECT_EQ((*unsealed)->kid(), key->kid());
  EXPECT_EQ((*unsealed)->algorithm(), GetParam());
  EXPECT_TRUE(key->public_key().Verify("input", *(*unsealed)->Sign("input")));
}

TEST_P(EitherAlgorithm, ARecordThatDoesNotFitIsDamage) {
  const auto key = Generate();
  const KeyRecord good = RecordOf(*key, sealer_);
  const KeyRecord other = RecordOf(*Generate(), sealer_);
  const auto expect_damage = [&](const KeyRecord& record, const char* what) {
    const auto unsealed = SigningKey::Unseal(record, sealer_);
    EXPECT_EQ(unsealed.status().code(), absl::StatusCode::kDataLoss) << what;
    EXPECT_EQ(ReasonOf(unsealed.status()), Reason::kCorruptRecord) << what;
    EXPECT_THAT(std::string(unsealed.status().message()),
                HasSubstr(record.kid));
  };
  KeyRecord bad = good;
  bad.kid = other.kid;
  expect_damage(bad, "kid of another");
  bad = good;
  bad.public_jwk = other.public_jwk;
  expect_damage(bad, "public half of another");
  bad = good;
  bad.sealed_private = other.sealed_private;
  expect_damage(bad, "private half of another");
  bad = good;
  bad.algorithm = GetParam() == KeyAlgorithm::kEs256 ? KeyAlgorithm::kEdDsa
                                                     : KeyAlgorithm::kEs256;
  expect_damage(bad, "other algorithm");
  bad.algorithm = static_cast<KeyAlgorithm>(3);
  expect_damage(bad, "no algorithm");
  bad = good;
  bad.sealed_private.clear();
  expect_damage(bad, "nothing sealed");
}

TEST_P(EitherAlgorithm, AnotherMasterKeyDoesNotUnseal) {
  const KeyRecord record = RecordOf(*Generate(), sealer_);
  EXPECT_EQ(SigningKey::Unseal(record, MakeSealer(2)).status().code(),
            absl::StatusCode::kDataLoss);
}

INSTANTIATE_TEST_SUITE_P(SigningKey, EitherAlgorithm,
                         ::testing::Values(KeyAlgorithm::kEs256,
                                           KeyAlgorithm::kEdDsa),
                         [](const auto& test) {
                           return test.param == KeyAlgorithm::kEs256 ? "ES256"
                                                                     : "EdDSA";
                         });

// RFC 7515 appendix A.3.1.
constexpr absl::string_view kScalar =
    "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI";

TEST(Es256Key, ComputesThePublicHalfOfRfc7515) {
  const std::string scalar = *Base64UrlDecode(kScalar);
  const auto key = MakeEs256Key(SecretBytes(scalar));
  ASSERT_TRUE(key.ok()) << key.status();
  const std::string jwk = (*key)->public_key().ToJwk();
  EXPECT_THAT(jwk, HasSubstr("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"));
  EXPECT_THAT(jwk, HasSubstr("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"));
  EXPECT_THAT(jwk, Not(HasSubstr(std::string(kScalar))));
}

TEST(Es256Key, NothingSealedHoldsThePrivateHalf) {
  const std::string scalar = *Base64UrlDecode(kScalar);
  const auto key = MakeEs256Key(SecretBytes(scalar));
  const Sealer sealer = MakeSealer(1);
  const KeyRecord record = RecordOf(**key, sealer);
  // Any 8 bytes of it, raw: a rule of sealing that forgot to encrypt a part
  // would show.
  for (size_t i = 0; i + 8 <= scalar.size(); ++i) {
    EXPECT_THAT(record.sealed_private, Not(HasSubstr(scalar.substr(i, 8))));
    EXPECT_THAT(record.public_jwk, Not(HasSubstr(scalar.substr(i, 8))));
  }
  EXPECT_THAT(record.public_jwk, Not(HasSubstr("\"d\"")));
}

TEST(Es256Key, TakesAScalarFromOneToTheOrderLessOne) {
  // SP 800-186, P-256: n.
  const std::string order =
      "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc6325";
  const std::string zeros(62, '0');
  EXPECT_TRUE(MakeEs256Key(FromHex(zeros + "01")).ok());
  EXPECT_TRUE(MakeEs256Key(FromHex(order + "50")).ok());
  for (const std::string& hex :
       {zeros + "00", order + "51", order + "52", std::string(64, 'f'), zeros,
        zeros + "0001", std::string()}) {
    EXPECT_EQ(MakeEs256Key(FromHex(hex)).status().code(),
              absl::StatusCode::kInvalidArgument)
        << hex;
  }
}

TEST(EdDsaKey, SignsAsRfc8032Does) {
  const auto vectors = ReadVectors("ed25519_rfc8032.json").at("vectors");
  EXPECT_EQ(vectors.size(), 3u);
  for (const auto& row : vectors) {
    SCOPED_TRACE(row.at("name").get<std::string>());
    const auto key = MakeEdDsaKey(FromHex(row.at("secret").get<std::string>()));
    ASSERT_TRUE(key.ok()) << key.status();
    const auto signature =
        (*key)->Sign(absl::HexStringToBytes(row.at("msg").get<std::string>()));
    ASSERT_TRUE(signature.ok());
    EXPECT_EQ(absl::BytesToHexString(*signature), row.at("sig"));
    EXPECT_THAT((*key)->public_key().ToJwk(),
                HasSubstr(Base64UrlEncode(absl::HexStringToBytes(
                    row.at("public").get<std::string>()))));
  }
}

// The key of RFC 8032 7.1 test 1, sealed with python3-cryptography's AESGCM.
TEST(EdDsaKey, TheRecordOnDiskIsReadForEver) {
  KeyRecord record;
  record.kid = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
  record.algorithm = KeyAlgorithm::kEdDsa;
  record.public_jwk =
      "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_"
      "7TyWQHOg7hcvPapiMlrwIaaPcHURo\",\"kid\":\"kPrK_"
      "qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k\",\"alg\":\"EdDSA\",\"use\":"
      "\"sig\"}";
  record.sealed_private = absl::HexStringToBytes(
      "01404142434445464748494a4b22d4a0234f323f54f3c42a29451339804d4a17"
      "fe76eda4e79539b35e78a12f677237d1c2b2cc3c056e1bc53db0fbbd4d");
  const auto key = SigningKey::Unseal(record, MakeSealer(1));
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(KeyAlgorithm(2), KeyAlgorithm::kEdDsa);
}

TEST(EdDsaKey, TakesASeedOf32BytesOnly) {
  for (const size_t size : {0, 31, 33, 64}) {
    EXPECT_EQ(MakeEdDsaKey(SecretBytes(size)).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace latchkey
