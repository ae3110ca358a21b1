#include "tools/jwt_verify/jwt_verify.h"

#include <array>
#include <fstream>
#include <sstream>
#include <streambuf>
#include <string>
#include <unistd.h>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"

#include "client/verify/token_limits.h"
#include "tests/support/fake_clock.h"
#include "tests/support/token_maker.h"
#include "tests/support/vectors.h"

namespace latchkey {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kNow = 1893456000;  // FakeClock's start

Json UsualClaims() {
  return {{"iss", "https://issuer.example"},
          {"sub", "user-1"},
          {"aud", "svc-a"},
          {"iat", kNow - 10},
          {"exp", kNow + 300},
          {"jti", "j1"}};
}

class JwtVerify : public ::testing::Test {
 protected:
  JwtVerify() {
    options_.jwks_path = absl::StrCat(
        ::testing::TempDir(), "/jwt_verify_", getpid(), "_",
        ::testing::UnitTest::GetInstance()->current_test_info()->name());
    options_.issuer = "https://issuer.example";
    options_.audience = "svc-a";
    WriteKeys(TokenMaker::kJwks);
  }
  ~JwtVerify() override { unlink(options_.jwks_path.c_str()); }

  void WriteKeys(const std::string& text) {
    std::ofstream(options_.jwks_path, std::ios::binary) << text;
  }

  int Run(const std::string& input) {
    std::istringstream in(input);
    return Run(in);
  }

  int Run(std::istream& in) {
    std::ostringstream out;
    std::ostringstream err;
    const int code = RunJwtVerify(in, out, err, clock_, options_);
    out_ = out.str();
    err_ = err.str();
    return code;
  }

  // The output, a JSON value for each line.
  std::vector<Json> Verdicts() const {
    std::vector<Json> verdicts;
    for (const absl::string_view line :
         absl::StrSplit(out_, '\n', absl::SkipEmpty())) {
      verdicts.push_back(Json::parse(line.begin(), line.end()));
    }
    return verdicts;
  }

  std::string Good() const { return maker_.Make(UsualClaims().dump()); }

  bool ErrorIsOneLine() const {
    return !err_.empty() && err_.find('\n') == err_.size() - 1;
  }

  const TokenMaker maker_;
  FakeClock clock_;
  JwtVerifyOptions options_;
  std::string out_;
  std::string err_;
};

TEST_F(JwtVerify, GoodTokensGiveTheirClaimsAndExitZero) {
  EXPECT_EQ(Run(Good() + "\n" + Good() + "\n"), 0);
  const std::string claims =
      R"("claims":{"iss":"https://issuer.example","sub":"user-1",)"
      R"("aud":["svc-a"],"exp":1893456300,"iat":1893455990,"jti":"j1"})";
  EXPECT_EQ(out_, R"({"line":1,"ok":true,"kid":"ed-1","alg":"EdDSA",)" +
                      claims + "}\n" +
                      R"({"line":2,"ok":true,"kid":"ed-1","alg":"EdDSA",)" +
                      claims + "}\n");
  EXPECT_EQ(err_, "");
}

TEST_F(JwtVerify, ClaimsOfLatchkeyAreWrittenByTheirNames) {
  Json claims = UsualClaims();
  claims.update(Json{{"aud", {"svc-a", "svc-b"}},
                     {"nbf", kNow - 5},
                     {"account", "alice"},
                     {"client_id", "alice"},
                     {"sid", "000102030405060708090a0b0c0d0eff"},
                     {"gen", 18446744073709551615u},
                     {"auth_time", kNow - 20},
                     {"amr", {"pwd"}},
                     {"roles", {"reader", "writer"}}});
  EXPECT_EQ(Run(maker_.Make(claims.dump())), 0);
  // The same members, whatever their order.
  EXPECT_EQ(nlohmann::json(Verdicts().at(0).at("claims")),
            nlohmann::json(claims));
}

TEST_F(JwtVerify, TextOfAClaimIsEscaped) {
  Json claims = UsualClaims();
  claims["sub"] = "a\"b\\c\u00e9";
  EXPECT_EQ(Run(maker_.Make(claims.dump())), 0);
  EXPECT_TRUE(absl::StrContains(out_, R"("sub":"a\"b\\cé")"));
  EXPECT_EQ(Verdicts().at(0).at("claims").at("sub"), claims["sub"]);
}

TEST_F(JwtVerify, ARefusedLineIsNamedAndExitsOneWhileOthersAreJudged) {
  const std::string good = Good();
  const std::string bad = good.substr(0, good.size() - 4) + "AAAA";
  EXPECT_EQ(Run(good + "\n" + bad + "\nMARKER\n\n" + good + "\r\n" + good), 1);
  const std::vector<Json> verdicts = Verdicts();
  ASSERT_EQ(verdicts.size(), 6u);
  EXPECT_EQ(verdicts[0].at("ok"), true);
  EXPECT_EQ(verdicts[1].dump(),
            R"({"line":2,"ok":false,"reason":"signature"})");
  EXPECT_EQ(verdicts[2].dump(),
            R"({"line":3,"ok":false,"reason":"structure"})");
  EXPECT_EQ(verdicts[3].dump(),
            R"({"line":4,"ok":false,"reason":"structure"})");
  EXPECT_EQ(verdicts[4].dump(), R"({"line":5,"ok":false,"reason":"encoding"})");
  EXPECT_EQ(verdicts[5].at("ok"), true);
  EXPECT_FALSE(absl::StrContains(out_ + err_, "MARKER"));
}

TEST_F(JwtVerify, EmptyInputIsOneEmptyLine) {
  EXPECT_EQ(Run(""), 1);
  EXPECT_EQ(out_, "{\"line\":1,\"ok\":false,\"reason\":\"structure\"}\n");
  EXPECT_EQ(Run("\n"), 1);
  EXPECT_EQ(out_, "{\"line\":1,\"ok\":false,\"reason\":\"structure\"}\n");
}

TEST_F(JwtVerify, NulIsPartOfALine) {
  EXPECT_EQ(Run(Good() + std::string(1, '\0') + "\n" + Good() + "\n"), 1);
  EXPECT_EQ(Verdicts().at(0).at("reason"), "encoding");
  EXPECT_EQ(Verdicts().at(1).at("ok"), true);
}

TEST_F(JwtVerify, LineLengthIsLimitedAtATokensAndTheNextLineIsRead) {
  for (const size_t size :
       {kMaxTokenBytes, kMaxTokenBytes + 1, kMaxTokenBytes + 2,
        kMaxTokenBytes + 3, 3 * kMaxTokenBytes}) {
    const std::string reason = size > kMaxTokenBytes ? "size" : "structure";
    EXPECT_EQ(Run(std::string(size, 'A') + "\n" + Good() + "\n"), 1);
    std::vector<Json> verdicts = Verdicts();
    ASSERT_EQ(verdicts.size(), 2u) << size;
    EXPECT_EQ(verdicts[0].at("reason"), reason) << size;
    EXPECT_EQ(verdicts[1].at("ok"), true) << size;
    EXPECT_EQ(Run(std::string(size, 'A')), 1);
    verdicts = Verdicts();
    ASSERT_EQ(verdicts.size(), 1u) << size;
    EXPECT_EQ(verdicts[0].at("reason"), reason) << size;
  }
}

// A line of a gigabyte that exists nowhere in memory.
class EndlessLine : public std::streambuf {
 public:
  EndlessLine() { block_.fill('A'); }

 protected:
  int_type underflow() override {
    if (left_ == 0) return traits_type::eof();
    --left_;
    setg(block_.data(), block_.data(), block_.data() + block_.size());
    return traits_type::to_int_type(block_[0]);
  }

 private:
  std::array<char, 1 << 20> block_;
  int left_ = 1 << 10;
};

TEST_F(JwtVerify, AnEndlessLineIsNotHeldInMemory) {
  EndlessLine line;
  std::istream in(&line);
  EXPECT_EQ(Run(in), 1);
  EXPECT_EQ(out_, "{\"line\":1,\"ok\":false,\"reason\":\"size\"}\n");
}

TEST_F(JwtVerify, TheClockIsReadForEachLineUnlessATimeIsGiven) {
  clock_.Advance(absl::Seconds(300));
  EXPECT_EQ(Run(Good()), 1);
  EXPECT_EQ(Verdicts().at(0).at("reason"), "exp");
  options_.clock_skew = absl::Seconds(1);
  EXPECT_EQ(Run(Good()), 0);
  options_.clock_skew = absl::ZeroDuration();
  options_.now = absl::FromUnixSeconds(kNow);
  EXPECT_EQ(Run(Good()), 0);
}

TEST_F(JwtVerify, OptionsReachTheVerifier) {
  options_.audience = "svc-z";
  EXPECT_EQ(Run(Good()), 1);
  EXPECT_EQ(Verdicts().at(0).at("reason"), "aud");
  options_.audience.reset();
  options_.allow_any_audience = true;
  EXPECT_EQ(Run(Good()), 0);
  options_.issuer = "https://other.example";
  EXPECT_EQ(Run(Good()), 1);
  EXPECT_EQ(Verdicts().at(0).at("reason"), "iss");
}

TEST_F(JwtVerify, SignatureOnlyTellsTheKeyAndNothingOfThePayload) {
  options_.signature_only = true;
  options_.issuer.clear();
  options_.audience.reset();
  const std::string header = R"({"alg":"EdDSA"})";
  EXPECT_EQ(Run(maker_.Make(header, "any \xff bytes") + "\n" +
                maker_.Make(header, "") + "\n"),
            0);
  EXPECT_EQ(out_,
            "{\"line\":1,\"ok\":true,\"kid\":\"ed-1\",\"alg\":\"EdDSA\"}\n"
            "{\"line\":2,\"ok\":true,\"kid\":\"ed-1\",\"alg\":\"EdDSA\"}\n");
  EXPECT_EQ(Run("a.b"), 1);
  EXPECT_EQ(out_, "{\"line\":1,\"ok\":false,\"reason\":\"structure\"}\n");
}

TEST_F(JwtVerify, HostileTokensAreJudgedLineByLine) {
  const Json vectors = ReadVectors("hostile_tokens.json");
  WriteKeys(vectors.at("jwks").dump());
  options_.issuer = "https://auth.test.example";
  options_.clock_skew = absl::Seconds(60);
  std::string controls;
  for (const Json& control : vectors.at("controls_must_be_accepted")) {
    absl::StrAppend(&controls, control.at("token").get<std::string>(), "\n");
  }
  EXPECT_EQ(Run(controls), 0);
  EXPECT_EQ(Verdicts().size(), 11u);
  for (const Json& hostile : vectors.at("cases_must_be_refused")) {
    EXPECT_EQ(Run(hostile.at("token").get<std::string>() + "\n"), 1)
        << hostile.at("name");
  }
}

TEST_F(JwtVerify, AKeySetThatCannotBeUsedExitsTwoWithOneLine) {
  for (const std::string text :
       {"", "<html>", "{}", "{\"keys\":[null]}",
        "{\"keys\":[{\"kty\":\"unheard\\n\",\"kid\":\"MARKER\"}]}",
        "{\"keys\":[{\"kid\":\"MARKER\",\"d\":\"MARKER\"}]}"}) {
    WriteKeys(text);
    EXPECT_EQ(Run(Good()), 2) << text;
    EXPECT_EQ(out_, "");
    EXPECT_TRUE(ErrorIsOneLine()) << err_;
    EXPECT_FALSE(absl::StrContains(err_, "MARKER"));
  }
  WriteKeys(std::string(1 << 20, ' '));
  EXPECT_EQ(Run(Good()), 2);
  unlink(options_.jwks_path.c_str());
  EXPECT_EQ(Run(Good()), 2);
  EXPECT_TRUE(ErrorIsOneLine()) << err_;
  options_.jwks_path = ::testing::TempDir();
  EXPECT_EQ(Run(Good()), 2);
  options_.jwks_path = "no\nsuch\nfile";
  EXPECT_EQ(Run(Good()), 2);
  EXPECT_TRUE(ErrorIsOneLine()) << err_;
}

TEST_F(JwtVerify, AnEmptyKeySetRefusesEveryToken) {
  WriteKeys("{\"keys\":[]}");
  EXPECT_EQ(Run(Good()), 1);
  EXPECT_EQ(Verdicts().at(0).at("reason"), "kid");
}

TEST_F(JwtVerify, AKeyLeftOutIsToldAndTheOthersServe) {
  const std::string good = TokenMaker::kJwks;
  WriteKeys(good.substr(0, good.size() - 2) + R"(,{"kty":"unheard"}]})");
  EXPECT_EQ(Run(Good()), 0);
  EXPECT_EQ(err_,
            "latchkey: a key of the set is left out: key 2: kid must be a "
            "string of 1 to 256 plain bytes\n");
}

TEST_F(JwtVerify, OptionsThatCannotBeMetExitTwo) {
  const JwtVerifyOptions usual = options_;
  const std::vector<void (*)(JwtVerifyOptions&)> mistakes = {
      [](JwtVerifyOptions& o) { o.issuer.clear(); },
      [](JwtVerifyOptions& o) { o.audience.reset(); },
      [](JwtVerifyOptions& o) { o.allow_any_audience = true; },
      [](JwtVerifyOptions& o) { o.clock_skew = absl::Seconds(-1); },
      [](JwtVerifyOptions& o) { o.clock_skew = absl::Seconds(61); },
  };
  for (size_t i = 0; i < mistakes.size(); ++i) {
    options_ = usual;
    mistakes[i](options_);
    EXPECT_EQ(Run(Good()), 2) << i;
    EXPECT_EQ(out_, "");
    EXPECT_TRUE(ErrorIsOneLine()) << err_;
  }
}

// Fails as a disk does: the stream's own functions turn it into badbit.
class BrokenInput : public std::streambuf {
 protected:
  int_type underflow() override { throw std::ios_base::failure("broken"); }
};

TEST_F(JwtVerify, TokensThatCannotBeReadExitTwo) {
  BrokenInput broken;
  std::istream in(&broken);
  EXPECT_EQ(Run(in), 2);
  EXPECT_EQ(out_, "");
  EXPECT_EQ(err_, "latchkey: the tokens cannot be read\n");
}

TEST_F(JwtVerify, AnAnswerThatCannotBeWrittenExitsTwo) {
  std::istringstream in(Good());
  std::ostream out(nullptr);
  std::ostringstream err;
  EXPECT_EQ(RunJwtVerify(in, out, err, clock_, options_), 2);
  EXPECT_EQ(err.str(), "latchkey: the answer cannot be written\n");
}

}  // namespace
}  // namespace latchkey
