#include "client/follow/verifier_core.h"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

#include "client/follow/driving_thread.h"
#include "client/verify/revision.h"
#include "tests/support/fake_asker.h"
#include "tests/support/fake_clock.h"
#include "tests/support/notification.h"
#include "tests/support/revocation_server.h"
#include "tests/support/token_maker.h"

namespace latchkey {
namespace {

constexpr char kIssuer[] = "latchkey:test";
constexpr char kOpaque[] =
    "lks_0000000000000000000000000000000000000000000000001";
constexpr absl::Duration kTtl = absl::Seconds(2);
constexpr absl::Duration kTick = absl::Microseconds(1);
constexpr absl::Duration kLife = absl::Minutes(5);

SessionId SessionOf(uint8_t value) {
  SessionId id;
  id.array().fill(value);
  return id;
}

AccountUid AccountOf(uint8_t value) {
  AccountUid uid;
  uid.array().fill(value);
  return uid;
}

// What a token says; `aud` is JSON.
struct Claims {
  uint8_t session = 1;
  uint64_t generation = 7;
  std::string aud = absl::StrCat("\"", kIssuer, "\"");
  std::string issuer = kIssuer;
  std::string kid = "ed-1";
  absl::Duration life = kLife;
};

std::string TokenOf(const Clock& clock, const Claims& claims = {}) {
  static const TokenMaker* const maker = new TokenMaker();
  const int64_t now = absl::ToUnixSeconds(clock.Now());
  return maker->Make(
      absl::StrCat(R"({"alg":"EdDSA","kid":")", claims.kid,
                   R"(","typ":"at+jwt"})"),
      absl::StrCat(
          R"({"iss":")", claims.issuer, R"(","sub":")", AccountOf(9).ToHex(),
          R"(","account":"alice","client_id":"alice","aud":)", claims.aud,
          R"(,"exp":)", now + absl::ToInt64Seconds(claims.life), R"(,"iat":)",
          now, R"(,"jti":"j","sid":")", SessionOf(claims.session).ToHex(),
          R"(","gen":)", claims.generation, R"(,"auth_time":)", now,
          R"(,"amr":["pwd"],"roles":["admin"]})"));
}

class VerifierCoreTest : public ::testing::Test {
 protected:
  // Begin makes one by default.
  void Make(const VerifierOptions& options) {
    core_ = std::make_unique<VerifierCore>(options, server_, asker_, clock_,
                                           [this] { woken_ = true; });
  }
  // Follows until there is nothing to do.
  void Settle() {
    do {
      woken_ = false;
      core_->Drive();
    } while (woken_);
  }
  void Begin() {
    if (core_ == nullptr) Make({.issuer = kIssuer});
    core_->Begin();
    Settle();
    ASSERT_TRUE(core_->figures().leased);
  }
  void Pass(absl::Duration time) {
    clock_.Advance(time);
    Settle();
  }
  // "yes", "no", or "?": not known here.
  std::string Now(absl::string_view credential,
                  const CheckOptions& options = {}) {
    const auto verdict = core_->CheckNow(credential, options);
    if (!verdict.has_value()) return "?";
    return *verdict == nullptr ? "no" : "yes";
  }
  // As Now, by Check: an error's code instead of "?".
  std::string Check(absl::string_view credential,
                    const CheckOptions& options = {}) {
    std::vector<std::string> answers;
    core_->Check(credential, options, absl::InfiniteFuture(),
                 [&](absl::StatusOr<Verdict> verdict) {
                   answers.push_back(
                       !verdict.ok()
                           ? absl::StatusCodeToString(verdict.status().code())
                       : *verdict == nullptr ? "no"
                                             : "yes");
                 });
    EXPECT_EQ(answers.size(), 1u);
    return answers.empty() ? "" : answers.front();
  }
  AskedAnswer GoodAnswer(uint8_t session = 1) {
    AskedAnswer answer = {.active = true, .revocable = true};
    answer.principal = {.account = "alice",
                        .account_uid = AccountOf(9),
                        .account_generation = 7,
                        .session_id = SessionOf(session),
                        .auth_time = clock_.Now(),
                        .expire_time = clock_.Now() + kLife,
                        .epoch = server_.epoch()};
    return answer;
  }
  uint64_t EndSession(uint8_t session) {
    return server_.Revoke(Revocation::OfSession(SessionOf(session),
                                                clock_.Now() + absl::Hours(1)));
  }

  FakeClock clock_;
  RevocationServer server_{clock_, TokenMaker::kJwks};
  FakeAsker asker_;
  std::atomic<bool> woken_{false};
  std::unique_ptr<VerifierCore> core_;
};

// --- JWTs ---

TEST_F(VerifierCoreTest, AJwtIsJudgedHere) {
  Begin();
  const std::string token = TokenOf(clock_);
  for (int i = 0; i < 2; ++i) {  // judged, then remembered
    const auto verdict = core_->CheckNow(token, {});
    ASSERT_TRUE(verdict.has_value() && *verdict != nullptr);
    const Principal& principal = **verdict;
    EXPECT_EQ(principal.account, "alice");
    EXPECT_EQ(principal.account_uid, AccountOf(9));
    EXPECT_EQ(principal.account_generation, 7u);
    EXPECT_EQ(principal.session_id, SessionOf(1));
    EXPECT_EQ(principal.kid, "ed-1");
    EXPECT_EQ(principal.epoch, server_.epoch());
    EXPECT_EQ(principal.roles, std::vector<std::string>{"admin"});
  }
  EXPECT_EQ(core_->figures().answers, 1u);
  EXPECT_EQ(asker_.asked(), 0);
}

TEST_F(VerifierCoreTest, APrincipalCanBeSeenWithoutBeingHeld) {
  Begin();
  int seen = 0;
  const auto visit = [&](const Principal& one) {
    EXPECT_EQ(one.account, "alice");
    ++seen;
  };
  EXPECT_EQ(core_->CheckLocal(TokenOf(clock_), {}, visit), true);
  EXPECT_EQ(core_->CheckLocal("x.y.z", {}, visit), false);
  EXPECT_EQ(core_->CheckLocal(kOpaque, {}, visit), std::nullopt);
  EXPECT_EQ(seen, 1);
}

TEST_F(VerifierCoreTest, ASessionIsRefusedOnceItsEndHasCome) {
  Begin();
  const std::string token = TokenOf(clock_);
  const std::string other = TokenOf(clock_, {.session = 2});
  EXPECT_EQ(Now(token), "yes");
  EXPECT_EQ(Now(other), "yes");
  EndSession(1);
  Settle();
  EXPECT_EQ(Now(token), "no");
  EXPECT_EQ(Check(token), "no");
  EXPECT_EQ(Now(other), "yes");
  EXPECT_EQ(asker_.asked(), 0);
}

TEST_F(VerifierCoreTest, AnAccountsSessionsEndByGeneration) {
  Begin();
  const std::string before = TokenOf(clock_, {.generation = 7});
  const std::string after = TokenOf(clock_, {.generation = 8});
  EXPECT_EQ(Now(before), "yes");
  server_.Revoke(
      Revocation::OfAccount(AccountOf(9), 8, clock_.Now() + absl::Hours(1)));
  Settle();
  EXPECT_EQ(Now(before), "no");
  EXPECT_EQ(Now(after), "yes");
}

TEST_F(VerifierCoreTest, ARevokedKeySignsNothing) {
  Begin();
  const std::string token = TokenOf(clock_);
  EXPECT_EQ(Now(token), "yes");
  server_.Revoke(Revocation::OfKey("ed-1", clock_.Now() + absl::Hours(1)));
  Settle();
  EXPECT_EQ(Now(token), "no");
}

TEST_F(VerifierCoreTest, AnotherSignatureOverTheSameIsAnotherToken) {
  Begin();
  const std::string token = TokenOf(clock_);
  ASSERT_EQ(Now(token), "yes");
  for (const size_t at : {token.rfind('.') + 1, token.size() - 40,
                          token.size() - 20, token.find('.') + 5, size_t{3}}) {
    std::string forged = token;
    forged[at] = forged[at] == 'A' ? 'B' : 'A';
    EXPECT_EQ(Now(forged), "no") << at;
  }
  EXPECT_EQ(Now(token + "A"), "no");
  EXPECT_EQ(Now(token.substr(0, token.size() - 1)), "no");
  EXPECT_EQ(Now(token), "yes");
}

TEST_F(VerifierCoreTest, WhatIsKnownToBeBadIsRefusedWithoutAsking) {
  Begin();
  for (const std::string& bad :
       {std::string(), std::string("x"), std::string("lkr_1"),
        TokenOf(clock_, {.issuer = "other"}),
        TokenOf(clock_, {.aud = R"("other")"}),
        TokenOf(clock_, {.life = absl::ZeroDuration()})}) {
    EXPECT_EQ(Check(bad), "no") << bad;
  }
  EXPECT_EQ(asker_.asked(), 0);
  EXPECT_EQ(core_->figures().local_no, 6u);
}

TEST_F(VerifierCoreTest, AJwtEndsAtItsExpiryAndNotBefore) {
  Begin();
  const std::string token = TokenOf(clock_);
  EXPECT_EQ(Now(token), "yes");
  for (absl::Duration passed; passed + kTtl / 2 < kLife;) {
    passed += kTtl / 2;
    Pass(kTtl / 2);
  }
  Pass(kLife - absl::Floor(kLife - kTick, kTtl / 2) - kTick);
  EXPECT_EQ(Now(token), "yes");
  Pass(kTick);
  EXPECT_EQ(Now(token), "no");
}

TEST_F(VerifierCoreTest, TheServersTimeCountsWhereThisClockIsBehind) {
  Begin();
  const std::string token = TokenOf(clock_);
  EXPECT_EQ(Now(token), "yes");
  // The server's stays: it told its time with the lease.
  clock_.SetNow(clock_.Now() - absl::Hours(3));
  EXPECT_EQ(Now(token), "yes");
  clock_.SetNow(clock_.Now() + absl::Hours(3) + kLife);
  EXPECT_EQ(Now(token), "no");
}

TEST_F(VerifierCoreTest, AKeyThatIsNewerThanTheViewIsAskedAbout) {
  Begin();
  asker_.SetAnswer(GoodAnswer());
  const std::string token = TokenOf(clock_, {.kid = "ed-2"});
  EXPECT_EQ(Now(token), "?");
  EXPECT_EQ(Check(token), "yes");
  EXPECT_EQ(Check(token), "yes");  // not remembered
  EXPECT_EQ(asker_.asked(), 2);
}

TEST_F(VerifierCoreTest, ANewKeySetJudgesAnew) {
  Begin();
  const std::string token = TokenOf(clock_);
  EXPECT_EQ(Now(token), "yes");
  server_.SetKeys(R"({"keys":[]})");
  Pass(absl::Milliseconds(500));
  EXPECT_EQ(Now(token), "?");
}

// --- audiences ---

TEST_F(VerifierCoreTest, AnAudienceMustBeOneOfTheTokens) {
  Begin();
  const std::string token = TokenOf(clock_, {.aud = R"(["a","b"])"});
  EXPECT_EQ(Now(token, {.audience = "a"}), "yes");
  EXPECT_EQ(Now(token, {.audience = "b"}), "yes");
  EXPECT_EQ(Now(token, {.audience = "c"}), "no");
  EXPECT_EQ(Now(token), "no");
}

TEST_F(VerifierCoreTest, TheDefaultAudienceIsToldApartByTheServerOnce) {
  Begin();
  const std::string token = TokenOf(clock_);
  EXPECT_EQ(Now(token), "yes");
  EXPECT_EQ(Now(token, {.audience = "a"}), "?");
  asker_.SetAnswer(GoodAnswer());  // without audiences: for anybody
  EXPECT_EQ(Check(token, {.audience = "a"}), "yes");
  EXPECT_EQ(Now(token, {.audience = "a"}), "yes");
  EXPECT_EQ(Now(token, {.audience = "b"}), "yes");
  EXPECT_EQ(asker_.asked(), 1);
  EndSession(1);
  Settle();
  EXPECT_EQ(Now(token, {.audience = "a"}), "no");
}

TEST_F(VerifierCoreTest, AnswersAboutAJwtGoWithItsKey) {
  Begin();
  const std::string token = TokenOf(clock_);
  asker_.SetAnswer(GoodAnswer());
  EXPECT_EQ(Check(token, {.audience = "a"}), "yes");
  server_.Revoke(Revocation::OfKey("ed-1", clock_.Now() + absl::Hours(1)));
  Settle();
  EXPECT_EQ(Now(token, {.audience = "a"}), "no");
}

TEST_F(VerifierCoreTest, AnotherDefaultAudienceCanBeNamed) {
  Make({.issuer = kIssuer, .default_audience = "api"});
  Begin();
  EXPECT_EQ(Now(TokenOf(clock_, {.aud = R"("api")"})), "yes");
  EXPECT_EQ(Now(TokenOf(clock_)), "no");
}

TEST_F(VerifierCoreTest, AProofMayBeTooOld) {
  Begin();
  const std::string token = TokenOf(clock_);
  Pass(absl::Seconds(1));
  EXPECT_EQ(Now(token, {.max_auth_age = absl::Seconds(1)}), "yes");
  EXPECT_EQ(Now(token, {.max_auth_age = absl::Seconds(1) - kTick}), "no");
}

// --- the lease ---

TEST_F(VerifierCoreTest, WithoutALeaseItAsks) {
  Begin();
  const std::string token = TokenOf(clock_);
  EXPECT_EQ(Now(token), "yes");
  server_.SetSilent(true);
  Pass(kTtl - kTick);
  EXPECT_EQ(Now(token), "yes");
  Pass(kTick);
  EXPECT_EQ(Now(token), "?");
  EXPECT_EQ(Now("x"), "?");
  EXPECT_EQ(Check(token), "no");
  asker_.SetAnswer(absl::DeadlineExceededError("slow"));
  EXPECT_EQ(Check(token), "DEADLINE_EXCEEDED");
  asker_.SetAnswer(GoodAnswer());
  EXPECT_EQ(Check(token), "yes");
  EXPECT_EQ(asker_.asked(), 3);
}

TEST_F(VerifierCoreTest, WhoMayNotAskRefuses) {
  Make({.issuer = kIssuer, .ask = AskPolicy::kNever});
  core_->Begin();
  server_.SetSilent(true);
  Settle();
  EXPECT_EQ(Check(TokenOf(clock_)), "UNAVAILABLE");
  EXPECT_EQ(Check(kOpaque), "UNAVAILABLE");
  EXPECT_EQ(core_->figures().refused, 2u);
  EXPECT_EQ(asker_.asked(), 0);
}

TEST_F(VerifierCoreTest, AStreamThatBreaksIsResumedAndLosesNothing) {
  Begin();
  const std::string first = TokenOf(clock_);
  const std::string second = TokenOf(clock_, {.session = 2});
  EndSession(3);
  Settle();
  server_.Cut();
  Settle();
  EndSession(2);  // while nobody listens
  EXPECT_EQ(Now(first), "yes");
  Pass(absl::Milliseconds(100));
  ASSERT_EQ(server_.subscribed().size(), 2u);
  EXPECT_EQ(server_.subscribed().back().resume, 1u);
  EXPECT_EQ(Now(first), "yes");
  EXPECT_EQ(Now(second), "no");
  EXPECT_EQ(core_->figures().streams, 2u);
}

TEST_F(VerifierCoreTest, SilenceEndsAStream) {
  Begin();
  server_.SetSilent(true);
  Pass(absl::Seconds(10) - kTick);
  EXPECT_EQ(server_.streams(), 1);
  Pass(kTick);
  Pass(absl::Milliseconds(100));
  EXPECT_EQ(server_.streams(), 2);
  server_.SetSilent(false);
  Pass(absl::Seconds(10));
  Pass(absl::Seconds(5));
  EXPECT_TRUE(core_->figures().leased);
}

TEST_F(VerifierCoreTest, AnotherEpochForgetsEverything) {
  Begin();
  asker_.SetAnswer(GoodAnswer(2));
  EXPECT_EQ(Check(kOpaque), "yes");
  EXPECT_EQ(Now(kOpaque), "yes");
  const auto principal = *core_->CheckNow(TokenOf(clock_), {});
  EXPECT_EQ(core_->StandingOf(*principal), Validator::Standing::kGood);
  server_.SetKeys(R"({"keys":[]})");
  server_.Restore(2);
  Settle();
  Pass(absl::Milliseconds(100));
  ASSERT_TRUE(core_->figures().leased);
  EXPECT_EQ(Now(kOpaque), "?");
  EXPECT_EQ(Now(TokenOf(clock_)), "?");
  EXPECT_EQ(core_->StandingOf(*principal), Validator::Standing::kUnknown);
  EXPECT_EQ(core_->figures().restarts, 1u);
}

// --- opaque credentials ---

TEST_F(VerifierCoreTest, AnAnswerIsKeptUntilItsSessionEnds) {
  Begin();
  asker_.SetAnswer(GoodAnswer());
  EXPECT_EQ(Now(kOpaque), "?");
  EXPECT_EQ(Check(kOpaque), "yes");
  EXPECT_EQ(Check(kOpaque), "yes");
  EXPECT_EQ(asker_.asked(), 1);
  EXPECT_EQ(Now(std::string(kOpaque).replace(52, 1, "2")), "?");
  EndSession(1);
  Settle();
  EXPECT_EQ(Now(kOpaque), "no");
}

TEST_F(VerifierCoreTest, AnAnswerGoesWithTheAccountsGeneration) {
  Begin();
  asker_.SetAnswer(GoodAnswer());
  EXPECT_EQ(Check(kOpaque), "yes");
  server_.Revoke(
      Revocation::OfAccount(AccountOf(9), 8, clock_.Now() + absl::Hours(1)));
  Settle();
  EXPECT_EQ(Now(kOpaque), "no");
}

TEST_F(VerifierCoreTest, AnAnswerThatCameAfterTheRevocationDoesNotStand) {
  Begin();
  asker_.SetHolds(true);
  bool answered = false;
  core_->Check(kOpaque, {}, absl::InfiniteFuture(),
               [&](absl::StatusOr<Verdict> verdict) { answered = true; });
  asker_.SetAnswer(GoodAnswer());
  EndSession(1);
  Settle();
  asker_.AnswerAll();
  EXPECT_TRUE(answered);
  EXPECT_EQ(Now(kOpaque), "no");
}

TEST_F(VerifierCoreTest, AnAnswerThatHasEndedIsAskedForAnew) {
  Begin();
  AskedAnswer answer = GoodAnswer();
  answer.principal.expire_time = clock_.Now() + absl::Seconds(1);
  asker_.SetAnswer(answer);
  EXPECT_EQ(Check(kOpaque), "yes");
  Pass(absl::Seconds(1) - kTick);
  EXPECT_EQ(Now(kOpaque), "yes");
  Pass(kTick);
  EXPECT_EQ(Now(kOpaque), "?");
}

TEST_F(VerifierCoreTest, ANoIsNotKept) {
  Begin();
  EXPECT_EQ(Check(kOpaque), "no");
  asker_.SetAnswer(GoodAnswer());
  EXPECT_EQ(Check(kOpaque), "yes");
}

TEST_F(VerifierCoreTest, WhatAnOlderServerSaysIsNotKept) {
  Begin();
  AskedAnswer answer = GoodAnswer();
  answer.revocable = false;
  asker_.SetAnswer(answer);
  EXPECT_EQ(Check(kOpaque), "yes");
  EXPECT_EQ(Now(kOpaque), "?");
}

TEST_F(VerifierCoreTest, AnAnswerOfAnotherEpochIsNotRelied) {
  Begin();
  AskedAnswer answer = GoodAnswer();
  answer.principal.epoch.array().fill(5);
  asker_.SetAnswer(answer);
  EXPECT_EQ(Check(kOpaque), "yes");
  EXPECT_EQ(Now(kOpaque), "?");
}

TEST_F(VerifierCoreTest, WhatSomebodyElseHasAskedIsKeptAsWell) {
  Begin();
  core_->Learn(kOpaque, GoodAnswer());
  EXPECT_EQ(Now(kOpaque), "yes");
  EndSession(1);
  Settle();
  EXPECT_EQ(Now(kOpaque), "no");
  // Learnt late, it still does not stand.
  core_->Learn(kOpaque, GoodAnswer());
  EXPECT_EQ(Now(kOpaque), "no");
  EXPECT_EQ(asker_.asked(), 0);
}

TEST_F(VerifierCoreTest, NothingIsLearntByANoNorByWhatCannotBeTakenBack) {
  Begin();
  AskedAnswer no = GoodAnswer();
  no.active = false;
  core_->Learn(kOpaque, no);
  AskedAnswer older = GoodAnswer();
  older.revocable = false;
  core_->Learn(kOpaque, older);
  EXPECT_EQ(Now(kOpaque), "?");
}

// --- freshness ---

TEST_F(VerifierCoreTest, ItsRevisionIsOneThatEveryCheckKnows) {
  Make({.issuer = kIssuer});
  EXPECT_EQ(core_->revision(), std::nullopt);
  Begin();
  const uint64_t before = core_->revision().value().number;
  const uint64_t ended = EndSession(1);
  EXPECT_EQ(core_->revision()->number, before);
  Settle();
  EXPECT_EQ(core_->revision(),
            (RevisionPoint{.epoch = server_.epoch(), .number = ended}));
  const std::string token =
      RevisionToken(core_->revision()->epoch, core_->revision()->number);
  EXPECT_EQ(Now(TokenOf(clock_, {.session = 2}), {.at_least_as_fresh = token}),
            "yes");
}

TEST_F(VerifierCoreTest, WhatIsNewerThanTheViewIsAskedAbout) {
  Begin();
  const std::string token = TokenOf(clock_);
  EndSession(3);
  Settle();
  const auto fresh = [&](uint64_t number) {
    return CheckOptions{.at_least_as_fresh =
                            RevisionToken(server_.epoch(), number)};
  };
  EXPECT_EQ(Now(token, fresh(1)), "yes");
  EXPECT_EQ(Now(token, fresh(2)), "?");
  Epoch other;
  other.array().fill(3);
  EXPECT_EQ(Now(token, {.at_least_as_fresh = RevisionToken(other, 0)}), "?");
  EXPECT_EQ(Check(token, {.at_least_as_fresh = "x"}), "INVALID_ARGUMENT");
}

TEST_F(VerifierCoreTest, AQuestionThatIsMalformedIsAnError) {
  Begin();
  const std::string invalid = "INVALID_ARGUMENT";
  EXPECT_EQ(Check(std::string(8193, 'x')), invalid);
  EXPECT_EQ(Check(std::string(8192, 'x')), "no");
  EXPECT_EQ(Check("x", {.audience = std::string(257, 'a')}), invalid);
  EXPECT_EQ(Check("x", {.max_auth_age = absl::ZeroDuration()}), invalid);
}

// --- activity and staleness ---

TEST_F(VerifierCoreTest, UsesAreToldOncePerIntervalAndTheLastOneToo) {
  Begin();
  const std::string token = TokenOf(clock_);
  EXPECT_EQ(Now(token, {.passive = true}), "yes");
  server_.Heartbeats();
  Pass(absl::Milliseconds(500));
  ASSERT_EQ(server_.Heartbeats().size(), 1u);
  EXPECT_EQ(Now(token), "yes");
  Pass(absl::Milliseconds(500));
  std::vector<Heartbeat> told = server_.Heartbeats();
  ASSERT_EQ(told.size(), 1u);
  ASSERT_EQ(told[0].activity.size(), 1u);
  EXPECT_EQ(told[0].activity[0].session, SessionOf(1));
  EXPECT_EQ(told[0].activity[0].age, absl::Milliseconds(500));
  EXPECT_EQ(told[0].accepted_staleness, absl::Milliseconds(500));

  EXPECT_EQ(Now(token), "yes");
  size_t uses = 0;
  for (int i = 0; i < 30; ++i) Pass(absl::Milliseconds(500));
  for (const Heartbeat& one : server_.Heartbeats()) {
    uses += one.activity.size();
    for (const SessionUse& use : one.activity) {
      EXPECT_EQ(use.age, absl::Seconds(10));
    }
  }
  EXPECT_EQ(uses, 1u);
}

TEST_F(VerifierCoreTest, FiguresTellHowFreshItIs) {
  Make({.issuer = kIssuer});
  EXPECT_EQ(core_->figures().view_age, absl::InfiniteDuration());
  Begin();
  clock_.Advance(absl::Milliseconds(300));
  EXPECT_EQ(Now(TokenOf(clock_)), "yes");
  Pass(absl::Milliseconds(200));
  clock_.Advance(absl::Milliseconds(100));
  const VerifierFigures figures = core_->figures();
  EXPECT_TRUE(figures.leased);
  EXPECT_TRUE(figures.connected);
  EXPECT_EQ(figures.view_age, absl::Milliseconds(100));
  EXPECT_EQ(figures.lease_remaining, kTtl - absl::Milliseconds(100));
  EXPECT_EQ(figures.accepted_staleness_max, absl::Milliseconds(500));
  EXPECT_EQ(figures.local_yes, 1u);
  std::string text;
  AppendMetrics(figures, &text);
  EXPECT_NE(text.find("latchkey_verifier_leased 1\n"), std::string::npos);
  EXPECT_NE(text.find("checks_total{outcome=\"local_yes\"} 1\n"),
            std::string::npos);
}

// --- standing ---

TEST_F(VerifierCoreTest, StandingFollowsWhatIsKnown) {
  using Standing = Validator::Standing;
  Begin();
  const auto principal = *core_->CheckNow(TokenOf(clock_), {});
  EXPECT_EQ(core_->StandingOf(*principal), Standing::kGood);
  EXPECT_EQ(core_->StandingOf(Principal()), Standing::kUnknown);
  server_.SetSilent(true);
  Pass(kTtl);
  EXPECT_EQ(core_->StandingOf(*principal), Standing::kUnknown);
  server_.SetSilent(false);
  Pass(absl::Milliseconds(500));
  EXPECT_EQ(core_->StandingOf(*principal), Standing::kGood);
  EndSession(1);
  Settle();
  EXPECT_EQ(core_->StandingOf(*principal), Standing::kEnded);
}

TEST_F(VerifierCoreTest, StandingEndsWithTheToken) {
  using Standing = Validator::Standing;
  Begin();
  const auto principal = *core_->CheckNow(TokenOf(clock_), {});
  clock_.Advance(kLife - kTick);
  EXPECT_EQ(core_->StandingOf(*principal), Standing::kUnknown);  // no lease
  clock_.Advance(kTick);
  EXPECT_EQ(core_->StandingOf(*principal), Standing::kEnded);
  Principal opaque = *principal;
  opaque.kid.clear();
  EXPECT_EQ(core_->StandingOf(opaque), Standing::kUnknown);
}

TEST_F(VerifierCoreTest, SubscribersHearOfRevocationsAndOfALostLease) {
  Begin();
  int changes = 0;
  auto subscription = core_->OnChange([&] { ++changes; });
  Pass(absl::Milliseconds(500));
  EXPECT_EQ(changes, 0);
  EndSession(1);
  Settle();
  EXPECT_EQ(changes, 1);
  server_.SetSilent(true);
  Pass(kTtl);
  EXPECT_EQ(changes, 2);
  subscription.reset();
  server_.SetSilent(false);
  EndSession(2);
  Pass(absl::Milliseconds(500));
  EXPECT_EQ(changes, 2);
}

TEST_F(VerifierCoreTest, ASubscriberMayLeaveWhileItIsCalled) {
  Begin();
  std::unique_ptr<Validator::Subscription> subscription;
  int changes = 0;
  subscription = core_->OnChange([&] {
    ++changes;
    subscription.reset();
  });
  EndSession(1);
  EndSession(2);
  Settle();
  EXPECT_EQ(changes, 1);
}

// --- misuse ---

TEST_F(VerifierCoreTest, BeforeItBeginsAndAfterItEndsNothingIsKnown) {
  Make({.issuer = kIssuer});
  const std::string token = TokenOf(clock_);
  EXPECT_EQ(Now(token), "?");
  EXPECT_EQ(Check(token), "UNAVAILABLE");
  Begin();
  EXPECT_EQ(Now(token), "yes");
  const auto principal = *core_->CheckNow(token, {});
  core_->End();
  core_->End();
  EXPECT_EQ(Now(token), "?");
  EXPECT_EQ(Check(token), "UNAVAILABLE");
  EXPECT_EQ(core_->StandingOf(*principal), Validator::Standing::kUnknown);
  core_->Begin();
  Settle();
  EXPECT_EQ(Check(token), "UNAVAILABLE");
}

TEST_F(VerifierCoreTest, WhoWaitsIsToldWhenItEnds) {
  Begin();
  asker_.SetHolds(true);
  std::vector<absl::StatusCode> answers;
  for (int i = 0; i < 3; ++i) {
    core_->Check(kOpaque, {}, absl::InfiniteFuture(),
                 [&](absl::StatusOr<Verdict> verdict) {
                   answers.push_back(verdict.status().code());
                 });
  }
  EXPECT_TRUE(answers.empty());
  core_.reset();
  EXPECT_EQ(answers,
            std::vector<absl::StatusCode>(3, absl::StatusCode::kUnavailable));
}

TEST_F(VerifierCoreTest, QuestionsUnderWayHaveALimit) {
  Make({.issuer = kIssuer, .max_asks = 1});
  Begin();
  asker_.SetHolds(true);
  core_->Check(kOpaque, {}, absl::InfiniteFuture(),
               [](absl::StatusOr<Verdict> verdict) {});
  EXPECT_EQ(Check(kOpaque), "UNAVAILABLE");
  asker_.AnswerAll();
  asker_.SetHolds(false);
  EXPECT_EQ(Check(kOpaque), "no");
}

TEST_F(VerifierCoreTest, AnswersTakeNoMoreThanTheyMay) {
  Make({.issuer = kIssuer, .max_answer_bytes = 8192});
  Begin();
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(Now(TokenOf(clock_, {.session = static_cast<uint8_t>(i)})),
              "yes");
  }
  EXPECT_GT(core_->figures().answers, 0u);
  EXPECT_LE(core_->figures().answer_bytes, 8192u + 1024);
}

TEST(VerifierOptions, AreJudged) {
  VerifierOptions good;
  good.issuer = "i";
  EXPECT_TRUE(VerifierCore::Judge(good).ok());
  std::vector<VerifierOptions> bad(6, good);
  bad[0].issuer.clear();
  bad[1].clock_skew = absl::Seconds(61);
  bad[2].clock_skew = -kTick;
  bad[3].heartbeat_interval = absl::Milliseconds(9);
  bad[4].silence_timeout = absl::ZeroDuration();
  bad[5].longest_backoff = absl::InfiniteDuration();
  for (const VerifierOptions& one : bad) {
    EXPECT_EQ(VerifierCore::Judge(one).code(),
              absl::StatusCode::kInvalidArgument);
  }
}

// --- a hostile server ---

// ScriptedLink plays what it was given, for ever if it is endless.
class ScriptedTransport final : public RevocationTransport {
 public:
  std::unique_ptr<RevocationLink> Connect(std::function<void()> wake) override {
    ++streams;
    return std::make_unique<Link>(*this);
  }

  int streams = 0;
  std::vector<ServerMessage> script;
  bool endless = false;  // the last message

 private:
  class Link final : public RevocationLink {
   public:
    explicit Link(ScriptedTransport& owner) : owner_(owner) {}
    bool CanSend() const override { return true; }
    void Send(const VerifierMessage& message) override {}
    std::optional<absl::StatusOr<ServerMessage>> Receive() override {
      if (next_ < owner_.script.size()) {
        return absl::StatusOr<ServerMessage>(owner_.script[next_++]);
      }
      if (!owner_.endless || owner_.script.empty()) return std::nullopt;
      return absl::StatusOr<ServerMessage>(owner_.script.back());
    }

   private:
    ScriptedTransport& owner_;
    size_t next_ = 0;
  };
};

class HostileServerTest : public ::testing::Test {
 protected:
  HostileServerTest() { epoch_.array().fill(1); }

  // Plays `script` and returns when the verifier wants to go on.
  absl::Duration Play(std::vector<ServerMessage> script) {
    transport_.script = std::move(script);
    core_.Begin();
    return core_.Drive();
  }

  FakeClock clock_;
  ScriptedTransport transport_;
  FakeAsker asker_;
  Epoch epoch_;
  VerifierCore core_{{.issuer = kIssuer}, transport_, asker_, clock_, [] {}};
};

TEST_F(HostileServerTest, EndlessMessagesLetOthersHaveTheirTurn) {
  transport_.endless = true;
  const absl::Duration next = Play({Welcome{.epoch = epoch_}, Lease()});
  EXPECT_LE(next, clock_.SinceBoot());
  EXPECT_FALSE(core_.figures().leased);
}

TEST_F(HostileServerTest, ALeaseOfAnHourIsCut) {
  const Lease lease = {
      .nonce = 1, .ttl = absl::Hours(1), .server_time = absl::InfiniteFuture()};
  Play({Welcome{.epoch = epoch_}, lease});
  EXPECT_EQ(core_.figures().lease_remaining, kMaxLeaseTtl);
}

TEST_F(HostileServerTest, ABatchOutOfOrderEndsTheStream) {
  Play({Welcome{.epoch = epoch_}, RevocationBatch{.after = 5, .through = 6}});
  EXPECT_FALSE(core_.figures().connected);
  EXPECT_FALSE(core_.figures().stream_error.empty());
  clock_.Advance(absl::Milliseconds(100));
  core_.Drive();
  EXPECT_EQ(transport_.streams, 2);
}

TEST_F(HostileServerTest, StreamsThatFailAreTriedLessAndLessOften) {
  Play({Lease()});
  for (int i = 0; i < 600; ++i) {
    clock_.Advance(absl::Milliseconds(100));
    core_.Drive();
  }
  EXPECT_GE(transport_.streams, 12);
  EXPECT_LE(transport_.streams, 12 + 24);
}

TEST_F(HostileServerTest, AGiganticKeySetIsLeftAside) {
  Play({Welcome{.epoch = epoch_},
        KeySetUpdate{.jwks = std::string(1 << 20, '[')}});
  EXPECT_TRUE(core_.figures().connected);
  EXPECT_EQ(core_.figures().bad_key_sets, 1u);
}

TEST_F(HostileServerTest, HeartbeatsAreNoCloserThanIsSensible) {
  const absl::Duration next =
      Play({Welcome{.epoch = epoch_,
                    .heartbeat_interval = absl::Nanoseconds(1),
                    .activity_interval = -absl::InfiniteDuration()}});
  EXPECT_EQ(next, clock_.SinceBoot() + Follower::kMinInterval);
}

// --- threads ---

TEST(VerifierThreads, ManyCheckWhileSessionsEndAndStreamsBreak) {
  SystemClock clock;
  RevocationServer server(clock, TokenMaker::kJwks,
                          {.ttl = absl::Milliseconds(400)});
  FakeAsker asker;
  std::unique_ptr<VerifierCore> core;
  DrivingThread thread(clock, [&] { return core->Drive(); });
  core = std::make_unique<VerifierCore>(
      VerifierOptions{.issuer = kIssuer,
                      .max_answer_bytes = 16384,
                      .heartbeat_interval = absl::Milliseconds(50),
                      .first_backoff = absl::Milliseconds(1),
                      .longest_backoff = absl::Milliseconds(2)},
      server, asker, clock, thread.waker());
  core->Begin();
  thread.Start();
  ASSERT_TRUE(core->WaitUntilReady(clock.Now() + absl::Minutes(5)));
  std::atomic<int> changes{0};
  auto subscription = core->OnChange([&] { ++changes; });

  constexpr uint8_t kSessions = 40;
  std::vector<std::string> tokens;
  for (uint8_t i = 0; i < kSessions; ++i) {
    tokens.push_back(TokenOf(clock, {.session = i}));
  }
  // Sessions below this one are ended, and nobody may accept them.
  std::atomic<int> ended{0};
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> checkers;
  for (int t = 0; t < 4; ++t) {
    checkers.emplace_back([&, t] {
      for (size_t i = static_cast<size_t>(t); !stop.load(); ++i) {
        const size_t session = i % kSessions;
        const bool must_refuse = static_cast<int>(session) < ended.load();
        const auto verdict = core->CheckNow(tokens[session], {});
        if (must_refuse && verdict.has_value() && *verdict != nullptr) ++wrong;
        core->Check(kOpaque, {}, absl::InfiniteFuture(),
                    [](absl::StatusOr<Verdict>) {});
        core->figures();
      }
    });
  }
  for (uint8_t i = 0; i < kSessions; ++i) {
    if (i % 8 == 3) server.Cut();
    const uint64_t revision = server.Revoke(
        Revocation::OfSession(SessionOf(i), clock.Now() + absl::Hours(1)));
    Notification propagated;
    server.leases().Wait(revision, absl::InfiniteDuration(),
                         [&](const PropagationReport& report) {
                           if (!report.complete) ++wrong;
                           propagated.Notify();
                         });
    // A lease that was cut off ends by itself.
    std::atomic<bool> done{false};
    std::thread ticker([&] {
      while (!done.load()) {
        server.leases().Tick();
        std::this_thread::yield();
      }
    });
    propagated.Wait();
    done = true;
    ticker.join();
    ended = i + 1;
  }
  stop = true;
  for (std::thread& checker : checkers) checker.join();
  thread.Stop();
  core->End();
  EXPECT_EQ(wrong.load(), 0);
  EXPECT_GT(changes.load(), 0);
}

TEST(DrivingThreadTest, StopsBeforeItStartsAndTwice) {
  SystemClock clock;
  DrivingThread thread(clock, [] { return absl::InfiniteDuration(); });
  thread.Stop();
  thread.Start();
  thread.Stop();
  thread.waker()();
}

}  // namespace
}  // namespace latchkey
