#include "client/base/utf8.h"

#include <string>

#include "gtest/gtest.h"

namespace latchkey {
namespace {

TEST(Utf8, EveryCharacterIsReadAsItWasWritten) {
  for (uint32_t code = 0; code <= 0x10ffff; ++code) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    char bytes[4];
    const size_t size = WriteUtf8(code, bytes);
    ASSERT_EQ(Utf8SequenceSize(absl::string_view(bytes, size)), size) << code;
    if (size > 1) {
      ASSERT_EQ(Utf8SequenceSize(absl::string_view(bytes, size - 1)), 0u);
    }
  }
}

TEST(Utf8, IllFormedSequencesHaveNoSize) {
  const std::string refused[] = {
      "",                  // nothing
      "\x80",              // continuation first
      "\xc0\xaf",          // overlong, two bytes
      "\xc1\xbf",          // overlong, two bytes
      "\xe0\x9f\xbf",      // overlong, three bytes
      "\xed\xa0\x80",      // first surrogate
      "\xed\xbf\xbf",      // last surrogate
      "\xf0\x8f\xbf\xbf",  // overlong, four bytes
      "\xf4\x90\x80\x80",  // above U+10FFFF
      "\xf5\x80\x80\x80",  // above U+10FFFF
      "\xff",
      "\xc3\x28",  // no continuation
      "\xe2\x82\x28",
      "\xf0\x9f\x92\x28",
      "\xf0\x9f\x28\xa9",
  };
  for (const std::string& text : refused) {
    EXPECT_EQ(Utf8SequenceSize(text), 0u);
  }
}

TEST(Utf8, ControlCharactersAreC0DelAndC1) {
  for (uint32_t code = 0; code < 0x300; ++code) {
    char bytes[4];
    const std::string text =
        "a" + std::string(bytes, WriteUtf8(code, bytes)) + "b";
    const bool control = code < 0x20 || (code >= 0x7f && code <= 0x9f);
    EXPECT_EQ(HasControlCharacter(text), control) << code;
  }
  EXPECT_FALSE(HasControlCharacter(""));
  EXPECT_FALSE(HasControlCharacter("J\xc3\xb6rg \xe6\xbc\xa2"));
}

using std::string_literals::operator""s;

struct Row {
  const char* name;
  std::string text;
  bool valid;
};

class Utf8Text : public ::testing::TestWithParam<Row> {};

TEST_P(Utf8Text, IsJudgedByRfc3629) {
  EXPECT_EQ(IsValidUtf8(GetParam().text), GetParam().valid);
}

INSTANTIATE_TEST_SUITE_P(
    Texts, Utf8Text,
    ::testing::Values(
        Row{"Empty", "", true}, Row{"Ascii", "latchkey", true},
        Row{"NulIsOrdinary", "a\0b"s, true}, Row{"HighestAscii", "\x7f", true},
        Row{"LowestOfTwo", "\xc2\x80", true},
        Row{"HighestOfTwo", "\xdf\xbf", true},
        Row{"LowestOfThree", "\xe0\xa0\x80", true},
        Row{"BeforeSurrogates", "\xed\x9f\xbf", true},
        Row{"AfterSurrogates", "\xee\x80\x80", true},
        Row{"HighestOfThree", "\xef\xbf\xbf", true},
        Row{"LowestOfFour", "\xf0\x90\x80\x80", true},
        Row{"MiddleOfFour", "\xf1\xbf\xbf\xbf", true},
        Row{"HighestOfFour", "\xf4\x8f\xbf\xbf", true},
        Row{"Mixed", "p\xc3\xa4ss\xe2\x82\xac\xf0\x9f\x94\x91", true},
        Row{"LoneContinuation", "\x80", false},
        Row{"OverlongSlashOfTwo", "\xc0\xaf", false},
        Row{"OverlongOfTwo", "\xc1\xbf", false},
        Row{"OverlongOfThree", "\xe0\x9f\xbf", false},
        Row{"OverlongOfFour", "\xf0\x8f\xbf\xbf", false},
        Row{"FirstSurrogate", "\xed\xa0\x80", false},
        Row{"LastSurrogate", "\xed\xbf\xbf", false},
        Row{"AboveUnicode", "\xf4\x90\x80\x80", false},
        Row{"LeadF5", "\xf5\x80\x80\x80", false}, Row{"LeadFF", "\xff", false},
        Row{"CutOfTwo", "\xc3", false}, Row{"CutOfThree", "\xe2\x82", false},
        Row{"CutOfFour", "\xf0\x9f\x94", false},
        Row{"ContinuationMissing", "\xc3(", false},
        Row{"ThirdByteWrong", "\xe2\x82(", false},
        Row{"FourthByteWrong", "\xf0\x9f\x94(", false}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace latchkey
