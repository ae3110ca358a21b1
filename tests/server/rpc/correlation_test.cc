#include "server/rpc/correlation.h"

#include <string>

#include "gtest/gtest.h"

namespace latchkey {
namespace {

constexpr char kTrace[] =
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(TraceIdOf, ReadsTheOneSpelling) {
  EXPECT_EQ(TraceIdOf(kTrace), "4bf92f3577b34da6a3ce929d0e0e4736");
}

struct TraceRow {
  std::string name;
  std::string text;
};

class BadTraceTest : public ::testing::TestWithParam<TraceRow> {};

TEST_P(BadTraceTest, IsNotRead) { EXPECT_EQ(TraceIdOf(GetParam().text), ""); }

INSTANTIATE_TEST_SUITE_P(
    Spellings, BadTraceTest,
    ::testing::Values(
        TraceRow{"Empty", ""},
        TraceRow{"OtherVersion",
                 "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
        TraceRow{"ForbiddenVersion",
                 "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
        TraceRow{"UpperCase",
                 "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"},
        TraceRow{"NoTrace",
                 "00-00000000000000000000000000000000-00f067aa0ba902b7-01"},
        TraceRow{"NoParent",
                 "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"},
        TraceRow{"BadFlags",
                 "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x"},
        TraceRow{"ShortTrace",
                 "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-011"},
        TraceRow{"FirstDash",
                 "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
        TraceRow{"SecondDash",
                 "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01"},
        TraceRow{"LastDash",
                 "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7_01"},
        TraceRow{"More",
                 "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-"},
        TraceRow{"Space",
                 " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
        TraceRow{"CutShort",
                 "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0"}),
    [](const auto& row) { return row.param.name; });

TEST(IsCorrelationId, TakesWhatCannotHarmALog) {
  EXPECT_TRUE(IsCorrelationId("a"));
  EXPECT_TRUE(IsCorrelationId("Az09._-"));
  EXPECT_TRUE(IsCorrelationId(std::string(64, 'x')));
  EXPECT_FALSE(IsCorrelationId(""));
  EXPECT_FALSE(IsCorrelationId(std::string(65, 'x')));
  for (const char* bad :
       {"a b", "a\n", "a\"", "a/b", "a:b", "\xc3\xa4", "a="}) {
    EXPECT_FALSE(IsCorrelationId(bad)) << bad;
  }
}

TEST(MakeCorrelationId, IsRandomAndOneItself) {
  const std::string id = MakeCorrelationId();
  EXPECT_EQ(id.size(), 32u);
  EXPECT_TRUE(IsCorrelationId(id));
  EXPECT_NE(id, MakeCorrelationId());
}

}  // namespace
}  // namespace latchkey
