// What LoginGuard promises, attack by attack, on a clock of the test's own.
#include "server/account/login_guard.h"

#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "server/base/error.h"

namespace latchkey {
namespace {

// Small tables, so that tests are quick; as many places as the tests need.
LoginGuard::Options Small() {
  LoginGuard::Options options;
  options.pairs = options.sources = options.accounts = 1 << 12;
  return options;
}

SourceNetwork At(const std::string& address) {
  return SourceNetwork::OfPeer(address);
}

// The n-th of many networks.
SourceNetwork Network(int n) {
  return At(
      absl::StrCat(10 + n / 65536, ".", n / 256 % 256, ".", n % 256, ".1"));
}

// Scene is a guard and a clock, and tries whose end is known at once.
class Scene {
 public:
  explicit Scene(const LoginGuard::Options& options = Small())
      : guard_(options) {}

  LoginGuard& guard() { return guard_; }
  absl::Duration now() const { return now_; }
  void Advance(absl::Duration by) { now_ += by; }

  // Try returns nullopt if it was let in, and ends as `outcome`; else how long
  // to wait.
  std::optional<absl::Duration> Try(
      const std::string& account, const SourceNetwork& source,
      LoginOutcome outcome = LoginOutcome::kFailed) {
    const auto ticket = guard_.Admit(account, source, now_);
    if (ticket.ok()) {
      guard_.Settle(*ticket, outcome, now_);
      return std::nullopt;
    }
    EXPECT_EQ(ticket.status().code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(ReasonOf(ticket.status()), Reason::kLoginThrottled);
    const auto delay = RetryDelayOf(ticket.status());
    EXPECT_TRUE(delay.has_value() && *delay > absl::ZeroDuration());
    return delay;
  }
  bool Fails(const std::string& account, const SourceNetwork& source) {
    return !Try(account, source).has_value();
  }
  bool Enters(const std::string& account, const SourceNetwork& source) {
    return !Try(account, source, LoginOutcome::kSucceeded).has_value();
  }

  // TriesToEnter returns how many tries the owner needs who waits as told.
  int TriesToEnter(const std::string& account, const SourceNetwork& source) {
    for (int tries = 1;; ++tries) {
      const auto wait = Try(account, source, LoginOutcome::kSucceeded);
      if (!wait.has_value()) return tries;
      Advance(*wait);
    }
  }

  // Exhaust fails until it is not let in any more.
  int Exhaust(const std::string& account, const SourceNetwork& source) {
    int let_in = 0;
    while (Fails(account, source)) ++let_in;
    return let_in;
  }

 private:
  LoginGuard guard_;
  absl::Duration now_ = absl::Hours(1);
};

TEST(LoginGuard, WaitsDoubleAfterTheBurst) {
  Scene scene;
  EXPECT_EQ(scene.Exhaust("alice", Network(1)), 5);
  for (const int seconds : {1, 2, 4, 8, 16}) {
    EXPECT_EQ(scene.Try("alice", Network(1)), absl::Seconds(seconds));
    scene.Advance(absl::Seconds(seconds) - absl::Milliseconds(1));
    EXPECT_EQ(scene.Try("alice", Network(1)), absl::Milliseconds(50));
    scene.Advance(absl::Milliseconds(1));
    EXPECT_TRUE(scene.Fails("alice", Network(1))) << seconds;
  }
}

TEST(LoginGuard, ASuccessTakesThePairsFailuresBack) {
  Scene scene;
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(scene.Fails("alice", Network(1)));
  EXPECT_TRUE(scene.Enters("alice", Network(1)));
  EXPECT_EQ(scene.Exhaust("alice", Network(1)), 5);
}

TEST(LoginGuard, OnlyThePairsFailuresAreTakenBack) {
  LoginGuard::Options options = Small();
  options.source_burst = 8;
  Scene scene(options);
  // An attacker who has an account there: each success after three guesses.
  int guesses = 0;
  for (int i = 0; i < 100; ++i) {
    for (int k = 0; k < 3; ++k) {
      guesses += scene.Fails(absl::StrCat("victim", i, ".", k), Network(1));
    }
    scene.Enters("mallory", Network(1));
  }
  // One is forgiven, since mallory came in for the first time in a window.
  EXPECT_EQ(guesses, 9);
}

TEST(LoginGuard, ManyPeopleBehindOneAddressForgiveEachOthersSlips) {
  Scene scene;
  for (int i = 0; i < 2000; ++i) {
    const std::string name = absl::StrCat("person", i);
    if (i % 3 == 0) {
      EXPECT_TRUE(scene.Fails(name, Network(1))) << i;
    }
    EXPECT_TRUE(scene.Enters(name, Network(1))) << i;
    scene.Advance(absl::Milliseconds(10));
  }
}

TEST(LoginGuard, SprayingFromOneSourceIsSlowed) {
  Scene scene;
  int let_in = 0;
  int name = 0;
  for (int second = 0; second < 3600; ++second) {
    for (int i = 0; i < 100; ++i) {
      let_in += scene.Fails(absl::StrCat("name", name++), Network(1));
    }
    scene.Advance(absl::Seconds(1));
  }
  // The burst, the doubling waits, and 200 an hour.
  EXPECT_LE(let_in, 50 + 9 + 200);
  // Others do not notice.
  EXPECT_EQ(scene.TriesToEnter("name7", Network(2)), 1);
}

TEST(LoginGuard, TheOwnerGetsInFromElsewhereWhileOneSourceHammers) {
  Scene scene;
  EXPECT_TRUE(scene.Enters("alice", Network(2)));
  int let_in = 0;
  for (int i = 0; i < 6000; ++i) {
    let_in += scene.Fails("alice", Network(1));
    scene.Advance(absl::Milliseconds(10));
  }
  EXPECT_LE(let_in, 5 + 6);  // of 6,000: 1, 2, 4, 8, 16, 32 s apart
  EXPECT_EQ(scene.TriesToEnter("alice", Network(2)), 1);
  EXPECT_EQ(scene.TriesToEnter("alice", Network(3)), 1) << "a new place";
  // And after a day of it as well.
  for (int i = 0; i < 86'400; ++i) {
    scene.Fails("alice", Network(1));
    scene.Advance(absl::Seconds(1));
  }
  EXPECT_EQ(scene.TriesToEnter("alice", Network(4)), 1);
}

TEST(LoginGuard, AnAttackFromManySourcesIsSlowedAndTheOwnerGetsIn) {
  // The same with and without the account's own limit.
  std::vector<int> let_in;
  for (const int account_burst : {20, 1'000'000}) {
    LoginGuard::Options options = Small();
    options.account_burst = account_burst;
    options.global_burst = 1'000'000;
    Scene scene(options);
    int count = 0;
    for (int second = 0; second < 1800; ++second) {
      for (int source = 0; source < 200; ++source) {
        count += scene.Fails("alice", Network(source));
      }
      scene.Advance(absl::Seconds(1));
    }
    let_in.push_back(count);
    for (int source = 1000; source < 1100; ++source) {
      EXPECT_LE(scene.TriesToEnter("alice", Network(source)), 2);
    }
    EXPECT_EQ(scene.TriesToEnter("bob", Network(2000)), 1);
  }
  EXPECT_LT(let_in[0] * 3, let_in[1]);
}

TEST(LoginGuard, AfterTheAccountsBurstOneNetworkInSixHasItsTurn) {
  Scene scene;
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(scene.Fails("alice", Network(i)));
  int let_in = 0;
  for (int i = 100; i < 3100; ++i) {
    let_in += scene.Fails("alice", Network(i));
  }
  EXPECT_GT(let_in, 350);
  EXPECT_LT(let_in, 650);
  EXPECT_EQ(scene.guard().counts().refused_account, 3000u - let_in);
}

TEST(LoginGuard, TheTurnThatARefusalNamesIsKeptWhateverOthersDo) {
  Scene scene;
  for (int i = 0; i < 40; ++i) scene.Fails("alice", Network(i));
  for (int i = 100; i < 200; ++i) {
    const auto wait = scene.Try("alice", Network(i), LoginOutcome::kUnknown);
    if (!wait.has_value()) continue;
    EXPECT_LE(*wait, absl::Milliseconds(LoginGuard::kRoundMs -
                                        LoginGuard::kTurnMs + 1000));
    for (int k = 0; k < 100; ++k) scene.Fails("alice", Network(1000 + k));
    scene.Advance(*wait);
    for (int k = 0; k < 100; ++k) scene.Fails("alice", Network(2000 + k));
    EXPECT_TRUE(scene.Enters("alice", Network(i))) << i;
  }
}

TEST(LoginGuard, TurnsEndWithinAWindowAfterTheAttack) {
  LoginGuard::Options options = Small();
  options.max_delay = absl::Minutes(1);
  Scene scene(options);
  for (int minute = 0; minute < 120; ++minute) {
    for (int i = 0; i < 100; ++i) scene.Fails("alice", Network(i));
    scene.Advance(absl::Minutes(1));
  }
  scene.Advance(options.window);
  for (int i = 1000; i < 1100; ++i) {
    EXPECT_EQ(scene.TriesToEnter("alice", Network(i)), 1) << i;
  }
}

TEST(LoginGuard, AGlobalAttackSparesNetworksThatSomebodyGotInFrom) {
  LoginGuard::Options options = Small();
  options.global_burst = 100;
  Scene scene(options);
  EXPECT_TRUE(scene.Enters("alice", Network(5000)));
  for (int i = 0; i < 1000; ++i) {
    scene.Fails(absl::StrCat("name", i), Network(i));
  }
  EXPECT_GT(scene.guard().counts().refused_global, 500u);
  for (int i = 0; i < 50; ++i) {
    const std::string name = absl::StrCat("colleague", i);
    EXPECT_EQ(scene.TriesToEnter(name, Network(5000)), 1);
    EXPECT_LE(scene.TriesToEnter(name, Network(6000 + i)), 2);
  }
  // That is known for a day.
  scene.Advance(absl::Milliseconds(LoginGuard::kKnownForMs) - absl::Hours(1));
  for (int i = 0; i < 1000; ++i) {
    scene.Fails(absl::StrCat("other", i), Network(10'000 + i));
  }
  EXPECT_TRUE(scene.Enters("alice", Network(5000)));
}

TEST(LoginGuard, ManyTriesAtOnceAreNoWayAround) {
  Scene scene;
  std::vector<LoginTicket> under_way;
  for (int i = 0; i < 1000; ++i) {
    const auto ticket = scene.guard().Admit("alice", Network(1), scene.now());
    if (ticket.ok()) {
      under_way.push_back(*ticket);
    } else {
      EXPECT_EQ(RetryDelayOf(ticket.status()), absl::Milliseconds(250));
    }
  }
  EXPECT_EQ(under_way.size(), 5u);
  // What is cancelled or found nothing out gives its place back.
  scene.guard().Settle(under_way[0], LoginOutcome::kUnknown, scene.now());
  EXPECT_TRUE(scene.Fails("alice", Network(1)));
  EXPECT_FALSE(scene.Fails("alice", Network(1)));
  for (size_t i = 1; i < under_way.size(); ++i) {
    scene.guard().Settle(under_way[i], LoginOutcome::kFailed, scene.now());
  }
  EXPECT_EQ(scene.Try("alice", Network(1)), absl::Seconds(1));
}

TEST(LoginGuard, ManyTriesAtOnceAgainstOneAccountMustSoonTakeTurns) {
  Scene scene;
  int let_in = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto ticket = scene.guard().Admit("alice", Network(i), scene.now());
    let_in += ticket.ok();
    if (!ticket.ok()) {
      // Nothing failed yet: whether it is an attack will be known soon.
      EXPECT_LE(RetryDelayOf(ticket.status()), absl::Milliseconds(250));
    }
  }
  EXPECT_GE(let_in, 20);
  EXPECT_LT(let_in, 20 + 250);
}

TEST(LoginGuard, AServiceThatLogsInRightlyIsNotSlowed) {
  Scene scene;
  std::vector<LoginTicket> under_way;
  int refused = 0;
  // 32 logins under way at all times, after a start of refusals.
  for (int i = 0; i < 5000; ++i) {
    const auto ticket = scene.guard().Admit("svc", Network(1), scene.now());
    refused += !ticket.ok();
    if (ticket.ok()) under_way.push_back(*ticket);
    if (under_way.size() < 32 && ticket.ok()) continue;
    scene.guard().Settle(under_way.back(), LoginOutcome::kSucceeded,
                         scene.now());
    under_way.pop_back();
  }
  EXPECT_LE(refused, 32);
}

TEST(LoginGuard, OneNameHasOneCounterWhateverTheProofAndTheSpelling) {
  // The contract has one spelling of a name; the guard takes it as it is, and
  // is told of no proof. Other bytes are another name, which does not exist.
  Scene scene;
  EXPECT_EQ(scene.Exhaust("alice", Network(1)), 5);
  EXPECT_EQ(scene.Exhaust("alice", At("10.0.1.77")), 0) << "the same /24";
  EXPECT_EQ(scene.Exhaust("alicf", Network(1)), 5);
  EXPECT_EQ(scene.Exhaust("alic", Network(1)), 5);
}

TEST(LoginGuard, NamesAreToldApartFromNetworks) {
  // "a" from X and "" from what could read like X and "a" do not mix.
  Scene scene;
  EXPECT_EQ(scene.Exhaust("", Network(1)), 5);
  EXPECT_EQ(scene.Exhaust("a", Network(1)), 5);
  EXPECT_EQ(scene.Exhaust("a", At("10.0.97.1")), 5);
}

TEST(LoginGuard, TheSocketIsNotHeldToItsSource) {
  Scene scene;
  for (int i = 0; i < 500; ++i) {
    EXPECT_TRUE(scene.Fails(absl::StrCat("name", i), At(""))) << i;
  }
  // One account is, or guessing behind a gateway would be free.
  EXPECT_EQ(scene.Exhaust("alice", At("")), 5);
}

TEST(LoginGuard, TheSocketTakesNoTurns) {
  Scene scene;
  for (int i = 0; i < 40; ++i) scene.Fails("alice", Network(i));
  EXPECT_TRUE(scene.Enters("alice", At("")));
}

TEST(LoginGuard, SwitchedOffItLetsAllIn) {
  LoginGuard::Options options = Small();
  options.enabled = false;
  Scene scene(options);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(scene.Fails("alice", Network(1)));
  }
  EXPECT_EQ(scene.guard().counts().failed, 0u);
}

TEST(LoginGuard, CountsWhatItDid) {
  Scene scene;
  scene.Enters("alice", Network(1));
  scene.Exhaust("alice", Network(1));
  scene.Try("bob", Network(1), LoginOutcome::kUnknown);
  const LoginGuard::Counts counts = scene.guard().counts();
  EXPECT_EQ(counts.admitted, 7u);
  EXPECT_EQ(counts.succeeded, 1u);
  EXPECT_EQ(counts.failed, 5u);
  EXPECT_EQ(counts.refused_pair, 1u);
  EXPECT_EQ(counts.refused_source, 0u);
  EXPECT_EQ(counts.global_score, 5);
}

TEST(LoginGuard, AnAttackerIsNotForgottenInTheFlood) {
  LoginGuard::Options options = Small();
  options.account_burst = options.global_burst = 1'000'000;
  Scene scene(options);
  for (int second = 0; second < 120; ++second) {
    scene.Fails("alice", At("192.0.2.1"));
    scene.Advance(absl::Seconds(1));
  }
  // Its wait is now 64 s. A hundred others for each place of the table:
  ASSERT_GT(scene.Try("alice", At("192.0.2.1")), absl::Seconds(1));
  for (int i = 0; i < 400'000; ++i) scene.Fails("bob", Network(i));
  EXPECT_GT(scene.Try("alice", At("192.0.2.1")), absl::Seconds(1));
}

TEST(LoginGuard, ThreadsTogetherAreHeldToTheSameLimits) {
  Scene scene;
  std::atomic<int> let_in = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 2000; ++i) {
        const auto ticket =
            scene.guard().Admit("alice", Network(1), absl::Hours(1));
        if (ticket.ok()) {
          ++let_in;
          scene.guard().Settle(*ticket, LoginOutcome::kFailed, absl::Hours(1));
        }
        const auto other = scene.guard().Admit(
            absl::StrCat("name", t), Network(100 + t), absl::Hours(1));
        ASSERT_TRUE(other.ok());
        scene.guard().Settle(*other, LoginOutcome::kSucceeded, absl::Hours(1));
        scene.guard().counts();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(let_in, 5);
  EXPECT_EQ(scene.guard().counts().succeeded, 16'000u);
}

}  // namespace
}  // namespace latchkey
