#include "server/base/audit_event.h"

#include <algorithm>
#include <string>

#include "gtest/gtest.h"

#include "client/base/utf8.h"

namespace latchkey {
namespace {

AuditEvent Example() {
  AuditEvent event;
  event.kind = AuditKind::kLogin;
  event.outcome = AuditOutcome::kRefused;
  event.reason = "WRONG_PROOF";
  event.origin = {.caller = {.kind = Caller::Kind::kCertificate,
                             .name = "spiffe://example.org/web",
                             .permissions = {}},
                  .address = "192.0.2.1",
                  .correlation_id = "c0ffee"};
  event.target = "accounts/alice";
  event.details = {{"credential", "jwt"}};
  event.time = absl::FromUnixMicros(1893456000000001);
  return event;
}

TEST(AuditEvent, IsOneLineWithItsFieldsInOrder) {
  EXPECT_EQ(ToJsonLine(Example()),
            R"({"time":"2030-01-01T00:00:00.000001Z","event":"login",)"
            R"("outcome":"refused","reason":"WRONG_PROOF",)"
            R"("actor_kind":"certificate","actor":"spiffe://example.org/web",)"
            R"("target":"accounts/alice","address":"192.0.2.1",)"
            R"("correlation_id":"c0ffee","credential":"jwt"})"
            "\n");
}

TEST(AuditEvent, LeavesOutWhatIsEmpty) {
  AuditEvent event;
  event.time = absl::FromUnixSeconds(1893456000);
  EXPECT_EQ(ToJsonLine(event),
            R"({"time":"2030-01-01T00:00:00.000000Z","event":"call",)"
            R"("outcome":"done","actor_kind":"unknown"})"
            "\n");
}

TEST(AuditEvent, SaysHowManyItStandsForIfMoreThanOne) {
  AuditEvent event = Example();
  event.count = 7;
  event.last_time = event.time + absl::Milliseconds(900);
  EXPECT_NE(ToJsonLine(event).find(
                R"("count":7,"last_time":"2030-01-01T00:00:00.900001Z"})"),
            std::string::npos);
}

struct HostileRow {
  std::string name;
  std::string text;
  std::string json;
};

class HostileTextTest : public ::testing::TestWithParam<HostileRow> {};

TEST_P(HostileTextTest, IsEscaped) {
  AuditEvent event = Example();
  event.origin.caller.name = GetParam().text;
  const std::string line = ToJsonLine(event);
  EXPECT_NE(line.find("\"actor\":\"" + GetParam().json + "\","),
            std::string::npos)
      << line;
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  EXPECT_TRUE(IsValidUtf8(line));
  EXPECT_FALSE(HasControlCharacter(line.substr(0, line.size() - 1)));
}

INSTANTIATE_TEST_SUITE_P(
    Texts, HostileTextTest,
    ::testing::Values(HostileRow{"ForgedLine", "a\"}\n{\"event\":\"x",
                                 R"(a\"}\u000a{\"event\":\"x)"},
                      HostileRow{"Backslash", "a\\", R"(a\\)"},
                      HostileRow{"Nul", std::string("a\0b", 3), R"(a\u0000b)"},
                      HostileRow{"Escape", "\x1b[31m", R"(\u001b[31m)"},
                      HostileRow{"Delete", "a\x7f", R"(a\u007f)"},
                      HostileRow{"SecondControlSet",
                                 "a\xc2\x9b"
                                 "b",
                                 R"(a\u009bb)"},
                      HostileRow{"NotUtf8",
                                 "a\xff"
                                 "b",
                                 R"(a\ufffdb)"},
                      HostileRow{"CutShort", "a\xe2\x82", R"(a\ufffd\ufffd)"},
                      HostileRow{"Overlong", "\xc0\x8a", R"(\ufffd\ufffd)"},
                      HostileRow{"Letters",
                                 "\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\x91",
                                 "\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\x91"}),
    [](const auto& row) { return row.param.name; });

TEST(AuditEvent, EveryKindHasANameOfItsOwn) {
  std::vector<std::string> names;
  for (int kind = 0; kind <= static_cast<int>(AuditKind::kCall); ++kind) {
    names.emplace_back(AuditKindName(static_cast<AuditKind>(kind)));
    EXPECT_NE(names.back(), "unknown") << kind;
  }
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::unique(names.begin(), names.end()), names.end());
}

}  // namespace
}  // namespace latchkey
