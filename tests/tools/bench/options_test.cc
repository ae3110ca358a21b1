#include "tools/bench/options.h"

#include <string>
#include <variant>
#include <vector>

#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace latchkey::bench {
namespace {

std::variant<BenchOptions, Instead> Read(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "latchkey-bench");
  return ReadOptions(static_cast<int>(arguments.size()), arguments.data());
}

TEST(BenchOptions, EveryPartAndAllAreTaken) {
  for (const std::string& part : PartNames()) {
    EXPECT_TRUE(std::holds_alternative<BenchOptions>(Read({part.c_str()})))
        << part;
  }
  EXPECT_TRUE(std::holds_alternative<BenchOptions>(Read({"all"})));
}

struct BadCase {
  const char* name;
  std::vector<const char*> arguments;
};

class BadOptions : public testing::TestWithParam<BadCase> {};

TEST_P(BadOptions, AreOneLineAndTwo) {
  const auto read = Read(GetParam().arguments);
  ASSERT_TRUE(std::holds_alternative<Instead>(read));
  const Instead& instead = std::get<Instead>(read);
  EXPECT_EQ(instead.exit_status, 2);
  EXPECT_FALSE(absl::StrContains(instead.text, "\n")) << instead.text;
  EXPECT_TRUE(absl::StartsWith(instead.text, "latchkey-bench: "));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadOptions,
    testing::Values(BadCase{"NoPart", {}}, BadCase{"UnknownPart", {"speed"}},
                    BadCase{"UnknownOption", {"all", "--fast"}},
                    BadCase{"Block", {"all", "--block", "soon"}},
                    BadCase{"NegativeBlock", {"all", "--block", "-1s"}},
                    BadCase{"FewSessions", {"all", "--sessions", "1"}},
                    BadCase{"Port", {"all", "--port", "65536"}},
                    BadCase{"TwoParts", {"validate", "batch"}}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(BenchOptions, QuickMakesShorterWhatWasNotSaid) {
  const auto read = Read({"all", "--quick", "--quads", "7"});
  const BenchOptions& options = std::get<BenchOptions>(read);
  EXPECT_EQ(options.quads, 7);
  EXPECT_LT(options.block, BenchOptions().block);
  EXPECT_LT(options.minutes, BenchOptions().minutes);
}

TEST(BenchOptions, SessionsAreAList) {
  const auto read = Read({"scale", "--sessions", "10000,1000000"});
  EXPECT_EQ(std::get<BenchOptions>(read).sessions,
            (std::vector<uint64_t>{10'000, 1'000'000}));
}

TEST(BenchOptions, HelpShowsExamples) {
  const auto read = Read({"--help"});
  ASSERT_TRUE(std::holds_alternative<Instead>(read));
  EXPECT_EQ(std::get<Instead>(read).exit_status, 0);
  EXPECT_TRUE(absl::StrContains(std::get<Instead>(read).text,
                                "latchkey-bench scale --sessions"));
}

}  // namespace
}  // namespace latchkey::bench
