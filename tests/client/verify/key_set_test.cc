#include "client/verify/key_set.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "tests/support/token_maker.h"

namespace latchkey {
namespace {

std::string Jwk(absl::string_view kid) {
  return absl::StrCat(
      R"({"kty":"OKP","crv":"Ed25519","kid":")", kid,
      R"(","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})");
}

std::string JwksOf(size_t keys, absl::string_view more = "") {
  std::string text = "{\"keys\":[";
  for (size_t i = 0; i < keys; ++i) {
    absl::StrAppend(&text, i == 0 ? "" : ",", Jwk(absl::StrCat("k", i)));
  }
  return absl::StrCat(text, "]", more, "}");
}

std::vector<PublicKey> Keys(size_t count) {
  std::vector<PublicKey> keys;
  for (size_t i = 0; i < count; ++i) {
    keys.push_back(*PublicKey::FromJwk(Jwk(absl::StrCat("k", i))));
  }
  return keys;
}

TEST(KeySet, FindsAKeyByItsExactKidOnly) {
  const auto keys = KeySet::FromKeys(Keys(3));
  ASSERT_TRUE(keys.ok());
  EXPECT_EQ(keys->size(), 3u);
  EXPECT_EQ(keys->Find("k1"), &keys->keys()[1]);
  for (const absl::string_view kid : {"", "k", "k3", "K1", "k1 ", "k10"}) {
    EXPECT_EQ(keys->Find(kid), nullptr) << kid;
  }
}

TEST(KeySet, HoldsAtMost32Keys) {
  EXPECT_TRUE(KeySet::FromKeys(Keys(kMaxKeys)).ok());
  EXPECT_FALSE(KeySet::FromKeys(Keys(kMaxKeys + 1)).ok());
  EXPECT_TRUE(KeySet::FromJwks(JwksOf(kMaxKeys)).ok());
  EXPECT_FALSE(KeySet::FromJwks(JwksOf(kMaxKeys + 1)).ok());
}

TEST(KeySet, TextHasAtMost64KiB) {
  const std::string rest = JwksOf(1, R"(,"x":"")");
  const std::string fill(kMaxJwksBytes - rest.size(), 'a');
  EXPECT_TRUE(
      KeySet::FromJwks(JwksOf(1, absl::StrCat(R"(,"x":")", fill, "\""))).ok());
  EXPECT_FALSE(
      KeySet::FromJwks(JwksOf(1, absl::StrCat(R"(,"x":"a)", fill, "\""))).ok());
}

TEST(KeySet, TwoKeysOfOneKidAreRefused) {
  std::vector<PublicKey> keys = Keys(2);
  keys.push_back(keys.front());
  EXPECT_EQ(KeySet::FromKeys(std::move(keys)).status().code(),
            absl::StatusCode::kInvalidArgument);
  // Also if neither is of use, and if one of them is not.
  const std::string unknown = R"({"kty":"unheard","kid":"k"})";
  EXPECT_FALSE(KeySet::FromJwks(absl::StrCat("{\"keys\":[", Jwk("a"), ",",
                                             unknown, ",", unknown, "]}"))
                   .ok());
  EXPECT_FALSE(KeySet::FromJwks(
                   absl::StrCat("{\"keys\":[", Jwk("k"), ",", unknown, "]}"))
                   .ok());
}

TEST(KeySet, KeysButNoneOfUseIsAnErrorThatSaysWhy) {
  const auto keys = KeySet::FromJwks(
      R"({"keys":[{"kty":"unheard","kid":"a"},{"kty":"EC","kid":"b"}]})");
  EXPECT_EQ(keys.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(keys.status().message(),
            "no key is of use; key 1: not a type or curve that is supported");
}

TEST(KeySet, AlarmNamesTheKeyByItsNumber) {
  const auto keys = KeySet::FromJwks(absl::StrCat(
      "{\"keys\":[", Jwk("a"), R"(,{"kty":"OKP","kid":"b","d":"AAAA"}]})"));
  EXPECT_EQ(keys.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(keys.status().message(), "key 2: it holds a secret key");
}

TEST(KeySet, IsReadBackAsItWasWritten) {
  const auto keys = KeySet::FromKeys(Keys(3));
  const auto again = KeySet::FromJwks(keys->ToJwks());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->ToJwks(), keys->ToJwks());
  EXPECT_EQ(KeySet().ToJwks(), R"({"keys":[]})");
}

TEST(KeySet, CopiesShareTheirKeys) {
  KeySet copy;
  {
    const auto keys = KeySet::FromJwks(TokenMaker::kJwks);
    copy = *keys;
  }
  ASSERT_NE(copy.Find("ed-1"), nullptr);
  const std::string token = TokenMaker().Make("{}");
  const size_t dot = token.rfind('.');
  EXPECT_TRUE(copy.Find("ed-1")->Verify(
      token.substr(0, dot), *Base64UrlDecode(token.substr(dot + 1))));
}

}  // namespace
}  // namespace latchkey
