#include "client/verify/json.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "client/verify/json_text.h"

namespace latchkey {
namespace {

JsonFault Parse(absl::string_view text) {
  JsonDocument document;
  return document.Parse(text, JsonLimits());
}

std::string Nested(int depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

std::string ObjectOf(size_t members) {
  std::string text = "{";
  for (size_t i = 0; i < members; ++i) {
    absl::StrAppend(&text, i == 0 ? "" : ",", "\"", i, "\":0");
  }
  return text + "}";
}

struct JsonRow {
  std::string name;
  std::string text;
};

std::string RowName(const ::testing::TestParamInfo<JsonRow>& row) {
  return row.param.name;
}

class JsonReads : public ::testing::TestWithParam<JsonRow> {};

TEST_P(JsonReads, WhatRfc8259Allows) {
  EXPECT_EQ(Parse(GetParam().text), JsonFault::kNone);
}

INSTANTIATE_TEST_SUITE_P(
    Json, JsonReads,
    ::testing::Values(
        JsonRow{"Null", "null"}, JsonRow{"True", "true"},
        JsonRow{"False", "false"}, JsonRow{"Zero", "0"},
        JsonRow{"MinusZero", "-0"}, JsonRow{"Integer", "-120"},
        JsonRow{"Fraction", "0.50"}, JsonRow{"Exponent", "1e400"},
        JsonRow{"FullNumber", "-12.03E+07"}, JsonRow{"MinusExponent", "1E-0"},
        JsonRow{"EmptyString", "\"\""}, JsonRow{"EmptyArray", "[ ]"},
        JsonRow{"EmptyObject", "{\t}"}, JsonRow{"EmptyName", R"({"":1})"},
        JsonRow{"Space", " \t\r\n[ 1 , {\"a\" : null } ]\n"},
        JsonRow{"Escapes", R"("\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00")"},
        JsonRow{"Utf8", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
        JsonRow{"Delete", "\"\x7f\""},
        JsonRow{"SameNameAtOtherLevels", R"({"a":{"a":[{"a":1},{"a":2}]}})"},
        JsonRow{"NamesOfOneLength", R"({"ab":1,"ba":2})"},
        JsonRow{"DeepestAllowed", Nested(16)},
        JsonRow{"MostMembers", ObjectOf(kMaxJsonMembers)}),
    RowName);

class JsonRefuses : public ::testing::TestWithParam<JsonRow> {};

TEST_P(JsonRefuses, AsSyntax) {
  EXPECT_EQ(Parse(GetParam().text), JsonFault::kSyntax);
}

INSTANTIATE_TEST_SUITE_P(
    Json, JsonRefuses,
    ::testing::Values(
        JsonRow{"Nothing", ""}, JsonRow{"SpaceOnly", " "},
        JsonRow{"TwoValues", "1 2"}, JsonRow{"TrailingComma", "[1,]"},
        JsonRow{"TrailingBrace", "{}}"},
        JsonRow{"TrailingNul", std::string("1\0", 2)},
        JsonRow{"LeadingComma", "[,1]"}, JsonRow{"MissingComma", "[1 2]"},
        JsonRow{"ObjectTrailingComma", R"({"a":1,})"},
        JsonRow{"MissingColon", R"({"a" 1})"},
        JsonRow{"MissingMember", R"({"a":})"}, JsonRow{"BareName", "{a:1}"},
        JsonRow{"NumberAsName", "{1:1}"}, JsonRow{"SingleQuotes", "{'a':1}"},
        JsonRow{"WrongBracket", "[1}"}, JsonRow{"Unclosed", "[[1]"},
        JsonRow{"UnclosedObject", R"({"a":1)"}, JsonRow{"LeadingZero", "007"},
        JsonRow{"MinusAlone", "-"}, JsonRow{"MinusLeadingZero", "-01"},
        JsonRow{"Plus", "+1"}, JsonRow{"DotFirst", ".5"},
        JsonRow{"DotLast", "1."}, JsonRow{"ExponentAlone", "1e"},
        JsonRow{"ExponentSignAlone", "1e+"}, JsonRow{"TwoSigns", "1e+-1"},
        JsonRow{"Hex", "0x10"}, JsonRow{"NaN", "NaN"},
        JsonRow{"Infinity", "-Infinity"}, JsonRow{"WordCase", "True"},
        JsonRow{"WordCut", "tru"}, JsonRow{"WordLong", "nulll"},
        JsonRow{"Comment", "/*x*/1"},
        JsonRow{"ByteOrderMark", "\xef\xbb\xbf{}"},
        JsonRow{"VerticalTab", "\v1"},
        JsonRow{"NonBreakingSpace",
                "\xc2\xa0"
                "1"},
        JsonRow{"UnclosedString", "\"abc"},
        JsonRow{"UnclosedEscapedString", "\"a\\n"},
        JsonRow{"BackslashLast", "\"\\"},
        JsonRow{"ControlCharacter", "\"a\nb\""},
        JsonRow{"ControlAfterEscape", "\"\\n\n\""},
        JsonRow{"NulInString", std::string("\"\0\"", 3)},
        JsonRow{"UnknownEscape", R"("\x41")"},
        JsonRow{"ShortUnicode", R"("\u12")"},
        JsonRow{"BadUnicode", R"("\u12g4")"},
        JsonRow{"HighSurrogateAlone", R"("\ud800")"},
        JsonRow{"HighSurrogateThenText", R"("\ud800abcdef")"},
        JsonRow{"HighSurrogateTwice", R"("\ud800\ud800")"},
        JsonRow{"LowSurrogateFirst", R"("\udc00\ud800")"},
        JsonRow{"LowSurrogateAlone", R"("\udfff")"},
        JsonRow{"Overlong", "\"\xc0\xaf\""},
        JsonRow{"SurrogateBytes", "\"\xed\xa0\x80\""},
        JsonRow{"Latin1", "\"\xe9\""},
        JsonRow{"Utf8CutByQuote", "\"\xe2\x82\""},
        JsonRow{"BadUtf8AfterEscape", "\"\\n\xff\""}),
    RowName);

TEST(Json, RefusesANameTwiceAtEveryLevelAndInEverySpelling) {
  for (const absl::string_view text :
       {R"({"a":1,"a":1})", R"({"a":1,"b":{"x":[]},"a":2})",
        R"({"a":1,"\u0061":2})", R"({"\u0061":1,"a":2})", R"({"":1,"":2})",
        R"([[{"b":{"a":1,"c":2,"a":3}}]])"}) {
    EXPECT_EQ(Parse(text), JsonFault::kDuplicateName) << text;
  }
}

TEST(Json, RefusesWhatIsBeyondALimit) {
  EXPECT_EQ(Parse(Nested(17)), JsonFault::kLimit);
  EXPECT_EQ(Parse(std::string(8000, '[')), JsonFault::kLimit);
  EXPECT_EQ(Parse(ObjectOf(kMaxJsonMembers + 1)), JsonFault::kLimit);
  EXPECT_EQ(Parse("\"" + std::string(8190, 'a') + "\""), JsonFault::kNone);
  EXPECT_EQ(Parse("\"" + std::string(8191, 'a') + "\""), JsonFault::kLimit);
}

TEST(Json, DepthIsCountedAgainAfterEachClosing) {
  std::string text = "[";
  for (int i = 0; i < 50; ++i) absl::StrAppend(&text, Nested(15), ",");
  EXPECT_EQ(Parse(text + "{}]"), JsonFault::kNone);
}

TEST(Json, UndoesEscapes) {
  const std::string text =
      R"({"a\u0000b":"\"\\\/\b\f\n\r\t-\u00e9\u20AC\uD83D\uDE00-é"})";
  JsonDocument document;
  ASSERT_EQ(document.Parse(text, JsonLimits()), JsonFault::kNone);
  const auto value = document.root().Find(absl::string_view("a\0b", 3));
  ASSERT_TRUE(value.has_value());
  EXPECT_EQ(value->AsString(), "\"\\/\b\f\n\r\t-é€😀-é");
}

TEST(Json, StringsWithoutEscapesAreViewsIntoTheText) {
  const std::string text = R"(["abc"])";
  JsonDocument document;
  ASSERT_EQ(document.Parse(text, JsonLimits()), JsonFault::kNone);
  const auto view = (*document.root().Elements().begin()).AsString();
  ASSERT_TRUE(view.has_value());
  EXPECT_EQ(view->data(), text.data() + 2);
}

TEST(Json, FindsMembersBehindNestedOnes) {
  const std::string text =
      R"({"a":[1,[2,{"z":3}]],"b":{"c":{"z":4}},"z":5,"e":[]})";
  JsonDocument document;
  ASSERT_EQ(document.Parse(text, JsonLimits()), JsonFault::kNone);
  const JsonValue root = document.root();
  EXPECT_EQ(root.size(), 4u);
  EXPECT_EQ(root.Find("z")->AsUint64(), 5u);
  EXPECT_EQ(root.Find("b")->Find("c")->Find("z")->AsUint64(), 4u);
  EXPECT_FALSE(root.Find("c").has_value());
  EXPECT_FALSE(root.Find("a")->Find("z").has_value());
  EXPECT_EQ(root.Find("e")->size(), 0u);
  int elements = 0;
  for (const JsonValue element : root.Find("a")->Elements()) {
    ++elements;
    EXPECT_EQ(element.IsArray(), elements == 2);
  }
  EXPECT_EQ(elements, 2);
}

TEST(Json, GivesAValueAsItsOwnKindOnly) {
  for (const absl::string_view text : {"null", "true", "1", "[\"a\"]", "{}"}) {
    JsonDocument document;
    ASSERT_EQ(document.Parse(text, JsonLimits()), JsonFault::kNone);
    EXPECT_FALSE(document.root().AsString().has_value()) << text;
  }
  for (const absl::string_view text :
       {"null", "false", "\"1\"", "[1]", "{\"a\":1}"}) {
    JsonDocument document;
    ASSERT_EQ(document.Parse(text, JsonLimits()), JsonFault::kNone);
    EXPECT_FALSE(document.root().AsUint64().has_value()) << text;
  }
  JsonDocument document;
  ASSERT_EQ(document.Parse("\"abc\"", JsonLimits()), JsonFault::kNone);
  EXPECT_EQ(document.root().size(), 0u);
  for (const JsonValue element : document.root().Elements()) {
    ADD_FAILURE() << static_cast<int>(element.kind());
  }
}

TEST(Json, IntegersAreDigitsThatFit) {
  const std::pair<std::string, std::optional<uint64_t>> rows[] = {
      {"0", 0},
      {"18446744073709551615", UINT64_MAX},
      {"18446744073709551616", std::nullopt},
      {"18446744073709551617", std::nullopt},
      {"99999999999999999999", std::nullopt},
      {"123456789012345678901234567890", std::nullopt},
      {"-0", std::nullopt},
      {"-1", std::nullopt},
      {"1.0", std::nullopt},
      {"1e3", std::nullopt}};
  for (const auto& [text, value] : rows) {
    JsonDocument document;
    ASSERT_EQ(document.Parse(text, JsonLimits()), JsonFault::kNone);
    EXPECT_EQ(document.root().AsUint64(), value) << text;
  }
}

TEST(Json, ParseReplacesWhatWasReadBefore) {
  JsonDocument document;
  ASSERT_EQ(document.Parse(R"(["\u0061","b"])", JsonLimits()),
            JsonFault::kNone);
  ASSERT_EQ(document.Parse("[", JsonLimits()), JsonFault::kSyntax);
  ASSERT_EQ(document.Parse(R"("\u0063")", JsonLimits()), JsonFault::kNone);
  EXPECT_EQ(document.root().AsString(), "c");
}

TEST(JsonText, EscapesWhatWouldBreakALineOrATerminal) {
  std::string text = "x:";
  AppendJsonString(absl::string_view("a\"\\\n\x1b\x7f\0\xc2\x9b é€😀", 19),
                   &text);
  EXPECT_EQ(text, "x:\"a\\\"\\\\\\u000a\\u001b\\u007f\\u0000\\u009b é€😀\"");
}

TEST(JsonText, ReplacesWhatIsNotUtf8) {
  std::string text;
  AppendJsonString(
      "\xff"
      "a\xe2\x82",
      &text);
  EXPECT_EQ(text, "\"\\ufffda\\ufffd\\ufffd\"");
}

TEST(JsonText, IsReadBackAsItWas) {
  std::string original;
  for (int i = 0; i < 128; ++i) original.push_back(static_cast<char>(i));
  std::string text;
  AppendJsonString(original, &text);
  JsonDocument document;
  ASSERT_EQ(document.Parse(text, JsonLimits()), JsonFault::kNone);
  EXPECT_EQ(document.root().AsString(), original);
}

}  // namespace
}  // namespace latchkey
