#include "tools/latchkey/plain_text.h"

#include <string>

#include "gtest/gtest.h"

namespace latchkey {
namespace {

struct Row {
  std::string name;
  std::string text;
  std::string plain;
};

class PlainTextTable : public testing::TestWithParam<Row> {};

TEST_P(PlainTextTable, ShowsWhatIsFitForATerminal) {
  EXPECT_EQ(PlainText(GetParam().text), GetParam().plain);
}

INSTANTIATE_TEST_SUITE_P(
    PlainText, PlainTextTable,
    testing::Values(
        Row{"Empty", "", ""}, Row{"Ascii", "a ~", "a ~"},
        Row{"Escape", "\x1b[2Jx", "?[2Jx"}, Row{"LineEnd", "a\r\nb", "a??b"},
        Row{"Nul", std::string("a\0b", 3), "a?b"}, Row{"Delete", "\x7f", "?"},
        Row{"LastC1", "\xc2\x9f", "?"},
        Row{"FirstPastC1", "\xc2\xa0", "\xc2\xa0"},
        Row{"TwoBytes", "\xc3\xa9", "\xc3\xa9"},
        Row{"FourBytes", "\xf0\x9f\x94\x91", "\xf0\x9f\x94\x91"},
        Row{"Last", "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},
        Row{"PastTheLast", "\xf4\x90\x80\x80", "????"},
        Row{"Overlong", "\xc0\x80", "??"},
        Row{"OverlongOfThree", "\xe0\x80\x9b", "???"},
        Row{"Surrogate", "\xed\xa0\x80", "???"},
        Row{"CutOff", "\xe2\x82", "??"},
        Row{"LoneContinuation", "a\x80z", "a?z"},
        Row{"RightToLeftOverride",
            "a\xe2\x80\xae"
            "b",
            "a?b"},
        Row{"ArabicLetterMark", "\xd8\x9c", "?"},
        Row{"LeftToRightMark", "\xe2\x80\x8e", "?"},
        Row{"JustBeforeTheMarks", "\xe2\x80\x8d", "\xe2\x80\x8d"},
        Row{"JustAfterTheOverrides", "\xe2\x80\xaf", "\xe2\x80\xaf"},
        Row{"JustBeforeTheIsolates", "\xe2\x81\xa5", "\xe2\x81\xa5"},
        Row{"FirstIsolate", "\xe2\x81\xa6", "?"},
        Row{"LastIsolate", "\xe2\x81\xa9", "?"},
        Row{"JustAfterTheIsolates", "\xe2\x81\xaa", "\xe2\x81\xaa"},
        Row{"LineSeparator", "\xe2\x80\xa8", "?"}),
    [](const auto& row) { return row.param.name; });

TEST(PlainText, ColumnsAreCharactersNotBytes) {
  EXPECT_EQ(ColumnsOf(""), 0u);
  EXPECT_EQ(ColumnsOf("a\xc3\xa9z"), 3u);
}

}  // namespace
}  // namespace latchkey
