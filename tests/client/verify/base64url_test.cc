#include "client/verify/base64url.h"

#include <array>
#include <string>

#include "gtest/gtest.h"

namespace latchkey {
namespace {

TEST(Base64Url, SpellsTheVectorsOfRfc4648) {
  // RFC 4648 section 10, without the padding.
  const std::pair<std::string, std::string> rows[] = {{"", ""},
                                                      {"f", "Zg"},
                                                      {"fo", "Zm8"},
                                                      {"foo", "Zm9v"},
                                                      {"foob", "Zm9vYg"},
                                                      {"fooba", "Zm9vYmE"},
                                                      {"foobar", "Zm9vYmFy"},
                                                      {"\xfb\xff\xbf", "-_-_"}};
  for (const auto& [bytes, text] : rows) {
    EXPECT_EQ(Base64UrlEncode(bytes), text);
    EXPECT_EQ(Base64UrlDecode(text), bytes);
  }
}

TEST(Base64Url, EveryByteStringComesBackAtEveryLength) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    const std::string text = Base64UrlEncode(bytes);
    EXPECT_EQ(Base64UrlDecode(text), bytes);
    bytes.push_back(static_cast<char>(i * 7));
  }
}

TEST(Base64Url, ReadsOneSpellingOnly) {
  const std::string refused[] = {"Z",
                                 "Zg==",
                                 "Zg=",
                                 "Zm8=",
                                 "Zm9vZ",
                                 "Zh",
                                 "Zm9",
                                 "Zm9vYh",
                                 "Zm9vYmF",
                                 " Zg",
                                 "Zg ",
                                 "Zg\n",
                                 "Zm\n9v",
                                 "+_-_",
                                 "-/-_",
                                 "Zm9v.",
                                 "Zm9\xc3",
                                 "Zm9v====",
                                 std::string("Zg\0", 3),
                                 std::string("Zm9\0", 4),
                                 "\xff\xff\xff\xff"};
  for (const std::string& text : refused) {
    EXPECT_FALSE(Base64UrlDecode(text).has_value()) << text;
  }
}

TEST(Base64Url, TakesExactlyTheAlphabetInEveryPlace) {
  const std::string alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  for (int c = 0; c < 256; ++c) {
    const bool known = alphabet.find(static_cast<char>(c)) != std::string::npos;
    for (size_t place = 0; place < 4; ++place) {
      std::string text = "AAAA";
      text[place] = static_cast<char>(c);
      EXPECT_EQ(Base64UrlDecode(text).has_value(), known) << c;
    }
    for (size_t place = 0; place < 2; ++place) {
      std::string text = "AAA";
      text[place] = static_cast<char>(c);
      EXPECT_EQ(Base64UrlDecode(text).has_value(), known) << c;
    }
  }
}

TEST(Base64Url, OneTailInSixteenOrFourHasNoUnusedBits) {
  const std::string alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  int two = 0;
  int three = 0;
  for (const char c : alphabet) {
    two += Base64UrlDecode(std::string("A") + c).has_value() ? 1 : 0;
    three += Base64UrlDecode(std::string("AA") + c).has_value() ? 1 : 0;
  }
  EXPECT_EQ(two, 64 / 16);
  EXPECT_EQ(three, 64 / 4);
}

TEST(Base64Url, DecodesIntoABufferOfExactlyTheSize) {
  std::array<char, 6> buffer;
  const auto decoded = Base64UrlDecodeInto("Zm9vYmFy", absl::MakeSpan(buffer));
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(*decoded, "foobar");
  EXPECT_EQ(decoded->data(), buffer.data());
  EXPECT_FALSE(
      Base64UrlDecodeInto("Zm9vYmFyZg", absl::MakeSpan(buffer)).has_value());
}

}  // namespace
}  // namespace latchkey
