#include "server/base/utf8.h"

#include <string>

#include "gtest/gtest.h"

namespace latchkey {
namespace {

using std::string_literals::operator""s;

struct Row {
  const char* name;
  std::string text;
  bool valid;
};

class Utf8 : public ::testing::TestWithParam<Row> {};

TEST_P(Utf8, IsJudgedByRfc3629) {
  EXPECT_EQ(IsValidUtf8(GetParam().text), GetParam().valid);
}

INSTANTIATE_TEST_SUITE_P(
    Texts, Utf8,
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
