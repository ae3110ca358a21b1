// That Login asks the guard before it hashes, tells it how the try ended, and
// goes by the right source; names that do not exist included.
#include <atomic>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "server/base/error.h"
#include "tests/server/auth/world.h"

namespace latchkey {
namespace {

constexpr char kHere[] = "192.0.2.1";
constexpr char kThere[] = "198.51.100.1";

LoginGuard::Options SmallGuard() {
  LoginGuard::Options options;
  options.pairs = options.sources = options.accounts = 1 << 10;
  return options;
}

LoginCommand From(const std::string& address, const std::string& account,
                  const std::string& password = "wrong") {
  LoginCommand command =
      World::LoginOf(account, CredentialForm::kOpaque, password);
  command.origin.address = address;
  return command;
}

LoginCommand OnBehalf(LoginCommand command, const std::string& claimed) {
  command.origin.caller.permissions =
      PermissionSet().With(Permission::kLoginOnBehalf);
  command.client.ip_address = claimed;
  return command;
}

class GuardedLogin : public testing::Test {
 protected:
  GuardedLogin() {
    world_.CreateAccount("alice");
    world_.CreateAccount("bob");
  }

  // Tries returns the answers to so many wrong tries.
  std::vector<absl::Status> Tries(const std::string& address,
                                  const std::string& account, int count) {
    std::vector<absl::Status> answers;
    for (int i = 0; i < count; ++i) {
      answers.push_back(world_.TryLogin(From(address, account)).status());
    }
    return answers;
  }
  absl::Status Try(LoginCommand command) {
    return world_.TryLogin(std::move(command)).status();
  }
  void Fail(LoginCommand command) {
    EXPECT_FALSE(world_.TryLogin(std::move(command)).ok());
  }
  static bool Throttled(const absl::Status& status) {
    return ReasonOf(status) == Reason::kLoginThrottled;
  }

  World world_{{}, SmallGuard()};
};

TEST_F(GuardedLogin, WrongTriesAreRefusedBeforeAnyHash) {
  Tries(kHere, "alice", 5);
  const int before = world_.hooks().calls;
  const absl::Status refused = Try(From(kHere, "alice", "pw"));
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(Throttled(refused));
  EXPECT_EQ(RetryDelayOf(refused), absl::Seconds(1));
  EXPECT_EQ(world_.hooks().calls, before);
  world_.clock().Advance(absl::Seconds(1));
  EXPECT_TRUE(Try(From(kHere, "alice", "pw")).ok());
}

TEST_F(GuardedLogin, ATryThatIsHeldUpHasALineInTheAuditLog) {
  Tries(kHere, "alice", 5);
  world_.audit().TakeNoted();
  Fail(From(kHere, "alice", "pw"));
  const auto noted = world_.audit().TakeNoted();
  ASSERT_EQ(noted.size(), 1u);
  EXPECT_EQ(noted[0].kind, AuditKind::kLogin);
  EXPECT_EQ(noted[0].outcome, AuditOutcome::kRefused);
  EXPECT_EQ(noted[0].reason, "LOGIN_THROTTLED");
  EXPECT_EQ(noted[0].origin.address, kHere);
  // Nobody has looked whether there is such an account.
  EXPECT_EQ(noted[0].target, "");
}

TEST_F(GuardedLogin, NamesThatDoNotExistGetTheSameAnswers) {
  const auto of_alice = Tries(kHere, "alice", 12);
  const auto of_nobody = Tries(kThere, "nobody", 12);
  EXPECT_EQ(of_alice, of_nobody);
  EXPECT_TRUE(Throttled(of_nobody.back()));
  EXPECT_EQ(world_.guard().counts().failed, 10u);
}

TEST_F(GuardedLogin, ADisabledAccountGetsThemToo) {
  ASSERT_TRUE(world_.accounts().SetDisabled("bob", true, Origin()).ok());
  const auto of_alice = Tries(kHere, "alice", 12);
  std::vector<absl::Status> of_bob;
  for (int i = 0; i < 12; ++i) {
    of_bob.push_back(Try(From(kThere, "bob", "pw")));  // the right one
  }
  EXPECT_EQ(of_alice, of_bob);
}

TEST_F(GuardedLogin, TheOwnerGetsInFromAnotherSourceWhileOneHammers) {
  for (int i = 0; i < 6000; ++i) {
    Fail(From(kHere, "alice"));
    world_.clock().Advance(absl::Milliseconds(10));
  }
  EXPECT_TRUE(Try(From(kThere, "alice", "pw")).ok());
  // The attacker cost twelve hashes of 6,000.
  EXPECT_LE(world_.guard().counts().failed, 12u);
}

TEST_F(GuardedLogin, ASuccessBeginsAnew) {
  Tries(kHere, "alice", 4);
  EXPECT_TRUE(Try(From(kHere, "alice", "pw")).ok());
  const auto answers = Tries(kHere, "alice", 6);
  EXPECT_FALSE(Throttled(answers[4]));
  EXPECT_TRUE(Throttled(answers[5]));
}

TEST_F(GuardedLogin, WhatWasNotCheckedIsNoFailure) {
  for (int i = 0; i < 20; ++i) {
    LoginCommand command = From(kHere, "alice");
    command.abandoned = [] { return true; };
    EXPECT_EQ(ReasonOf(Try(std::move(command))), Reason::kCancelled);
  }
  world_.failing_accounts().failure = absl::UnavailableError("store");
  for (int i = 0; i < 20; ++i) {
    EXPECT_FALSE(Throttled(Try(From(kHere, "nobody"))));
  }
  world_.failing_accounts().failure = absl::OkStatus();
  EXPECT_EQ(world_.guard().counts().failed, 0u);
  EXPECT_TRUE(Try(From(kHere, "alice", "pw")).ok());
}

TEST_F(GuardedLogin, ManyAtOnceDoNotAllComeThrough) {
  // Holds the one hash thread: all tries are under way together.
  Notification started, release;
  std::atomic<int> stops = 0;
  world_.hooks().on_match = [&] {
    if (stops++ > 0) return;
    started.Notify();
    release.Wait();
  };
  std::atomic<int> refused = 0, throttled = 0;
  Notification all_refused;
  const auto done = [&](const absl::StatusOr<Grant>& grant) {
    if (ReasonOf(grant.status()) == Reason::kLoginRefused && ++refused == 5) {
      all_refused.Notify();
    }
    throttled += ReasonOf(grant.status()) == Reason::kLoginThrottled;
  };
  world_.authority().Login(From(kHere, "alice"), done);
  started.Wait();
  for (int i = 0; i < 99; ++i) {
    world_.authority().Login(From(kHere, "alice"), done);
  }
  EXPECT_EQ(throttled, 95);
  release.Notify();
  all_refused.Wait();
  world_.hashes().Stop();
  EXPECT_EQ(refused, 5);
}

TEST_F(GuardedLogin, AClaimedAddressIsTheSourceOfWhoMayLogInOnBehalf) {
  for (int i = 0; i < 6; ++i) {
    Fail(OnBehalf(From(kHere, "alice"), "203.0.113.9"));
  }
  EXPECT_TRUE(
      Throttled(Try(OnBehalf(From(kHere, "alice", "pw"), "203.0.113.9"))));
  EXPECT_TRUE(Throttled(Try(From("203.0.113.77", "alice", "pw"))))
      << "one network has one counter, claimed or seen";
  EXPECT_TRUE(Try(OnBehalf(From(kHere, "alice", "pw"), "203.0.114.9")).ok());
  EXPECT_TRUE(Try(From(kHere, "alice", "pw")).ok());
}

TEST_F(GuardedLogin, AClaimThatIsNoAddressCountsAsNone) {
  for (int i = 0; i < 6; ++i) {
    Fail(OnBehalf(From(kHere, "alice"), "claim " + std::to_string(i)));
  }
  EXPECT_TRUE(Throttled(Try(From(kHere, "alice", "pw"))));
}

TEST_F(GuardedLogin, OfAllOthersAClaimedAddressIsOnlyRecorded) {
  for (int i = 0; i < 6; ++i) {
    LoginCommand command = From(kHere, "alice");
    command.client.ip_address = "203.0.113." + std::to_string(i);
    Fail(std::move(command));
  }
  LoginCommand command = From(kHere, "alice", "pw");
  command.client.ip_address = "203.0.114.1";
  EXPECT_TRUE(Throttled(Try(std::move(command))));
  LoginCommand elsewhere = From(kThere, "alice", "pw");
  elsewhere.client.ip_address = "203.0.114.1";
  const auto grant = world_.TryLogin(std::move(elsewhere));
  ASSERT_TRUE(grant.ok()) << grant.status();
  EXPECT_EQ(grant->session.client.ip_address, "203.0.114.1");
}

}  // namespace
}  // namespace latchkey
