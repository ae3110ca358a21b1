#include "client/verify/public_key.h"

#include <openssl/err.h>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"

#include "client/verify/base64url.h"
#include "client/verify/jwt_verifier.h"
#include "tests/support/vectors.h"

namespace latchkey {
namespace {

using Json = nlohmann::ordered_json;

// A JWK of the vectors, with a kid and other members set.
absl::StatusOr<PublicKey> Load(Json jwk, const Json& changes = Json::object()) {
  if (!jwk.contains("kid")) jwk["kid"] = "k";
  for (const auto& [name, value] : changes.items()) jwk[name] = value;
  return PublicKey::FromJwk(jwk.dump());
}

std::string FromHex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    bytes.push_back(
        static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

Json RfcExample(const std::string& alg) {
  const Json vectors = ReadVectors("jws_rfc_examples.json");
  for (const Json& vector : vectors.at("vectors")) {
    if (vector.at("alg") == alg) return vector;
  }
  ADD_FAILURE() << "no example of " << alg;
  return Json();
}

TEST(PublicKey, VerifiesTheExamplesOfTheRfcsAndNoChangedOne) {
  for (const std::string alg : {"RS256", "ES256", "EdDSA"}) {
    const Json vector = RfcExample(alg);
    const auto key = Load(vector.at("key"));
    ASSERT_TRUE(key.ok()) << alg << key.status();
    EXPECT_EQ(AlgorithmName(key->algorithm()), alg);
    const std::string compact = vector.at("jws").at("compact");
    const size_t dot = compact.rfind('.');
    const std::string input = compact.substr(0, dot);
    const std::string signature = *Base64UrlDecode(compact.substr(dot + 1));
    EXPECT_TRUE(key->Verify(input, signature));
    EXPECT_FALSE(key->Verify(input + "A", signature));
    EXPECT_FALSE(key->Verify("", signature));
    EXPECT_FALSE(key->Verify(input, ""));
    EXPECT_FALSE(key->Verify(input, signature + std::string(1, '\0')));
    EXPECT_FALSE(key->Verify(input, signature.substr(1)));
    for (size_t i = 0; i < signature.size(); ++i) {
      std::string changed = signature;
      changed[i] = static_cast<char>(changed[i] ^ 1);
      EXPECT_FALSE(key->Verify(input, changed)) << alg << " byte " << i;
    }
    EXPECT_TRUE(key->Verify(input, signature)) << "after refusals";
  }
}

TEST(PublicKey, SignatureOnlyJudgesTheExamplesOfTheRfcs) {
  size_t accepted = 0;
  const Json vectors = ReadVectors("jws_rfc_examples.json");
  for (const Json& vector : vectors.at("vectors")) {
    const std::string alg = vector.at("alg");
    const std::string compact = vector.at("jws").at("compact");
    if (alg == "HS256" || alg == "none") {
      const auto key = Load(RfcExample("EdDSA").at("key"));
      const auto keys = KeySet::FromKeys({*key});
      EXPECT_FALSE(VerifySignatureOnly(compact, *keys).ok());
      continue;
    }
    const auto keys = KeySet::FromKeys({*Load(vector.at("key"))});
    const SignatureResult result = VerifySignatureOnly(compact, *keys);
    ASSERT_TRUE(result.ok()) << RefusalName(result.refusal());
    EXPECT_EQ(AlgorithmName(result.algorithm()), alg);
    EXPECT_EQ(result.kid(), "k");
    ++accepted;
  }
  EXPECT_EQ(accepted, 3u);
}

TEST(PublicKey, VerifiesTheVectorsOfRfc8032) {
  const Json vectors = ReadVectors("ed25519_rfc8032.json");
  for (const Json& vector : vectors.at("vectors")) {
    const auto key = PublicKey::FromEd25519(FromHex(vector.at("public")));
    ASSERT_TRUE(key.ok()) << key.status();
    EXPECT_TRUE(
        key->Verify(FromHex(vector.at("msg")), FromHex(vector.at("sig"))));
    EXPECT_FALSE(key->Verify(FromHex(vector.at("msg")) + "x",
                             FromHex(vector.at("sig"))));
  }
}

TEST(PublicKey, ThumbprintIsThatOfRfc7638WhateverTheOtherMembers) {
  const Json vectors = ReadVectors("jwk_thumbprints.json");
  ASSERT_EQ(vectors.at("vectors").size(), 4u);
  for (const Json& vector : vectors.at("vectors")) {
    const std::string expected = vector.at("sha256_thumbprint");
    const auto key = Load(vector.at("jwk"));
    ASSERT_TRUE(key.ok()) << key.status();
    EXPECT_EQ(key->Thumbprint(), expected);
    EXPECT_EQ(Load(vector.at("jwk"), {{"kid", "other"}, {"use", "sig"}})
                  ->Thumbprint(),
              expected);
  }
}

TEST(PublicKey, MadeOfRawBytesIsNamedByItsThumbprint) {
  const Json ec = RfcExample("ES256").at("key");
  const auto es256 = PublicKey::FromEs256Point(
      *Base64UrlDecode(ec.at("x").get<std::string>()),
      *Base64UrlDecode(ec.at("y").get<std::string>()));
  ASSERT_TRUE(es256.ok()) << es256.status();
  EXPECT_EQ(es256->kid(), es256->Thumbprint());
  EXPECT_EQ(es256->kid(), Load(ec)->Thumbprint());
  const Json okp = RfcExample("EdDSA").at("key");
  const auto eddsa =
      PublicKey::FromEd25519(*Base64UrlDecode(okp.at("x").get<std::string>()));
  ASSERT_TRUE(eddsa.ok()) << eddsa.status();
  EXPECT_EQ(eddsa->kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
  EXPECT_FALSE(
      PublicKey::FromEs256Point(std::string(32, '\1'), std::string(32, '\1'))
          .ok());
  EXPECT_FALSE(PublicKey::FromEs256Point("", "").ok());
  EXPECT_FALSE(PublicKey::FromEd25519(std::string(32, '\0')).ok());
  EXPECT_FALSE(PublicKey::FromEd25519("").ok());
}

TEST(PublicKey, JwkIsWrittenInOneOrderAndReadBack) {
  const auto key = Load(RfcExample("ES256").at("key"), {{"kid", "a\"b\\é"}});
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(key->ToJwk(),
            R"({"kty":"EC","crv":"P-256",)"
            R"("x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
            R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",)"
            R"("kid":"a\"b\\é","alg":"ES256","use":"sig"})");
  for (const std::string alg : {"RS256", "ES256", "EdDSA"}) {
    const auto first = Load(RfcExample(alg).at("key"));
    const auto second = PublicKey::FromJwk(first->ToJwk());
    ASSERT_TRUE(second.ok()) << second.status();
    EXPECT_EQ(second->ToJwk(), first->ToJwk());
    EXPECT_EQ(second->kid(), "k");
  }
}

TEST(PublicKey, KidHasOneTo256PlainBytes) {
  const Json okp = RfcExample("EdDSA").at("key");
  EXPECT_TRUE(Load(okp, {{"kid", std::string(256, 'k')}}).ok());
  for (const std::string& kid :
       {std::string(), std::string(257, 'k'), std::string("a\nb"),
        std::string("a\x7f"), std::string("\xc2\x85")}) {
    EXPECT_FALSE(Load(okp, {{"kid", kid}}).ok());
  }
}

// A number of `bits` bits in base64url: the first and the last bit are set.
std::string OddNumber(size_t bits) {
  std::string bytes((bits + 7) / 8, '\0');
  bytes.front() = static_cast<char>(1 << ((bits - 1) % 8));
  bytes.back() = static_cast<char>(bytes.back() | 1);
  return Base64UrlEncode(bytes);
}

TEST(PublicKey, RsaModulusHas2048To4096Bits) {
  const Json rsa = RfcExample("RS256").at("key");
  EXPECT_FALSE(Load(rsa, {{"n", OddNumber(2047)}}).ok());
  EXPECT_TRUE(Load(rsa, {{"n", OddNumber(2048)}}).ok());
  EXPECT_TRUE(Load(rsa, {{"n", OddNumber(2049)}}).ok());
  EXPECT_TRUE(Load(rsa, {{"n", OddNumber(4096)}}).ok());
  EXPECT_FALSE(Load(rsa, {{"n", OddNumber(4097)}}).ok());
}

TEST(PublicKey, RsaExponentIsOddAndBetween2To16And2To32) {
  const Json rsa = RfcExample("RS256").at("key");
  const std::pair<std::string, bool> rows[] = {
      {std::string("\xff\xff", 2), false},         // 65535
      {std::string("\x01\x00\x00", 3), false},     // 65536
      {std::string("\x01\x00\x01", 3), true},      // 65537
      {std::string("\x01\x00\x02", 3), false},     // even
      {std::string("\xff\xff\xff\xff", 4), true},  // 2^32 - 1
      {std::string("\1\0\0\0\1", 5), false},       // 2^32 + 1
      {std::string("\0\1\0\1", 4), false},         // a leading zero
      {std::string(), false}};
  for (const auto& [bytes, good] : rows) {
    EXPECT_EQ(Load(rsa, {{"e", Base64UrlEncode(bytes)}}).ok(), good)
        << Base64UrlEncode(bytes);
  }
}

TEST(PublicKey, RefusesTextBeyondItsLimits) {
  const Json okp = RfcExample("EdDSA").at("key");
  EXPECT_TRUE(Load(okp, {{"x5t", std::string(16000, 'a')}}).ok());
  EXPECT_FALSE(Load(okp, {{"x5t", std::string(16384, 'a')}}).ok());
  EXPECT_FALSE(PublicKey::FromJwk("").ok());
  EXPECT_FALSE(PublicKey::FromJwk("[]").ok());
  EXPECT_FALSE(PublicKey::FromJwk("\"EC\"").ok());
}

TEST(PublicKey, EveryPrivateMemberRaisesTheAlarm) {
  const Json okp = RfcExample("EdDSA").at("key");
  for (const std::string name :
       {"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"}) {
    EXPECT_EQ(Load(okp, {{name, "AAAA"}}).status().code(),
              absl::StatusCode::kFailedPrecondition)
        << name;
    EXPECT_EQ(Load({{"kty", "unheard"}}, {{name, nullptr}}).status().code(),
              absl::StatusCode::kFailedPrecondition)
        << name;
  }
}

TEST(PublicKey, PurposeMustAgreeWhereItIsTold) {
  const Json okp = RfcExample("EdDSA").at("key");
  EXPECT_TRUE(Load(okp, {{"use", "sig"}, {"alg", "EdDSA"}}).ok());
  EXPECT_TRUE(Load(okp, {{"key_ops", {"verify"}}}).ok());
  const Json refused[] = {
      {{"use", nullptr}},
      {{"use", "SIG"}},
      {{"alg", nullptr}},
      {{"alg", "Ed25519"}},
      {{"alg", "eddsa"}},
      {{"alg", "RS256"}},
      {{"key_ops", "verify"}},
      {{"key_ops", Json::array()}},
      {{"key_ops", {{"verify", 1}}}},
      {{"key_ops", {"verify", "encrypt"}}},
      {{"key_ops", {"verify", "verify"}}},
      {{"key_ops", nullptr}},
  };
  for (const Json& change : refused) {
    EXPECT_FALSE(Load(okp, change).ok()) << change;
  }
}

TEST(PublicKey, NothingOfTheTextReachesAnError) {
  const Json okp = RfcExample("EdDSA").at("key");
  for (const std::string name :
       {"kty", "crv", "x", "kid", "alg", "use", "key_ops", "d"}) {
    const auto key =
        Load(okp, {{name, std::string("MARKER\n") + std::string(300, 'M')}});
    ASSERT_FALSE(key.ok()) << name;
    EXPECT_FALSE(absl::StrContains(key.status().ToString(), "MARKER"));
  }
}

TEST(PublicKey, ARefusalLeavesNoErrorBehindForTheNextTlsCall) {
  for (const std::string alg : {"RS256", "ES256"}) {
    const auto key = Load(RfcExample(alg).at("key"));
    EXPECT_FALSE(key->Verify("x", std::string(64, '\xff')));
    EXPECT_FALSE(key->Verify("x", std::string(64, '\0')));
    EXPECT_FALSE(key->Verify("x", std::string(256, '\xff')));
    EXPECT_FALSE(key->Verify("x", std::string(256, '\1')));
  }
  EXPECT_FALSE(
      PublicKey::FromEs256Point(std::string(32, '\1'), std::string(32, '\1'))
          .ok());
  EXPECT_EQ(ERR_peek_error(), 0u);
}

}  // namespace
}  // namespace latchkey
