// What Login promises: one answer for all refusals, hashes only for those who
// wait, and no session for an account that changed meanwhile.
#include <atomic>
#include <functional>
#include <optional>
#include <pthread.h>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "server/base/error.h"
#include "tests/server/auth/world.h"

namespace latchkey {
namespace {

TEST(Login, RefusesUnknownWrongAndDisabledAlike) {
  World world;
  world.CreateAccount("alice");
  world.CreateAccount("bob");
  ASSERT_TRUE(world.accounts().SetDisabled("bob", true, {}).ok());
  std::vector<absl::Status> refusals;
  std::vector<int> hashes;
  for (auto& command :
       {World::LoginOf("nobody"), World::LoginOf("bob"),
        World::LoginOf("alice", CredentialForm::kOpaque, "wrong")}) {
    const int before = world.hooks().calls;
    LoginCommand copy = World::LoginOf(command.account, command.form,
                                       std::string(command.password.Reveal()));
    refusals.push_back(world.TryLogin(std::move(copy)).status());
    hashes.push_back(world.hooks().calls - before);
  }
  for (size_t i = 0; i < refusals.size(); ++i) {
    EXPECT_EQ(refusals[i].code(), absl::StatusCode::kUnauthenticated);
    EXPECT_EQ(refusals[i], refusals[0]);
    EXPECT_EQ(hashes[i], 1);
  }
}

TEST(Login, ClampsTheLifeToThePolicy) {
  World world({.session_ttl = absl::Hours(12),
               .idle_ttl = absl::Hours(24 * 60),
               .max_session_ttl = absl::Hours(24 * 30)});
  world.CreateAccount("alice");
  const absl::Time now = world.clock().Now();
  EXPECT_EQ(world.Login(World::LoginOf("alice")).session.expire_time,
            now + absl::Hours(12));
  LoginCommand brief = World::LoginOf("alice");
  brief.requested_ttl = absl::Seconds(1);
  EXPECT_EQ(world.Login(std::move(brief)).session.expire_time,
            now + absl::Seconds(1));
  LoginCommand greedy = World::LoginOf("alice");
  greedy.requested_ttl = absl::Hours(24 * 365);
  EXPECT_EQ(world.Login(std::move(greedy)).session.expire_time,
            now + absl::Hours(24 * 30));
}

TEST(Login, StoresOnlyADigestOfTheCredential) {
  World world;
  world.CreateAccount("alice");
  const Grant grant = world.Login(World::LoginOf("alice"));
  const auto listed = world.sessions().List("alice", std::nullopt, 10);
  ASSERT_TRUE(listed.ok());
  ASSERT_EQ(listed->sessions.size(), 1u);
  EXPECT_EQ(listed->sessions[0].id, grant.session.id);
  EXPECT_EQ(grant.credential.size(), 53u);
}

TEST(Login, AJwtThatWouldBeTooLargeMakesNoSession) {
  World world;
  world.CreateAccount("alice");
  LoginCommand command = World::LoginOf("alice", CredentialForm::kJwt);
  for (int i = 0; i < 16; ++i) {
    command.audiences.push_back(std::string(250, 'a') + std::to_string(i));
  }
  const auto refused = world.TryLogin(std::move(command));
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(refused.status()), Reason::kCredentialTooLarge);
  EXPECT_TRUE(
      world.sessions().List("alice", std::nullopt, 10)->sessions.empty());
}

TEST(Login, AnAbandonedCallStartsNoHash) {
  World world;
  world.CreateAccount("alice");
  const int before = world.hooks().calls;
  LoginCommand command = World::LoginOf("alice");
  command.abandoned = [] { return true; };
  const auto dropped = world.TryLogin(std::move(command));
  EXPECT_EQ(ReasonOf(dropped.status()), Reason::kCancelled);
  EXPECT_EQ(world.hooks().calls, before);
}

TEST(Login, ACallAbandonedDuringItsHashOpensNoSession) {
  World world;
  world.CreateAccount("alice");
  std::atomic<bool> abandoned = false;
  world.hooks().on_match = [&] { abandoned = true; };
  LoginCommand command = World::LoginOf("alice");
  command.abandoned = [&] { return abandoned.load(); };
  const auto dropped = world.TryLogin(std::move(command));
  EXPECT_EQ(ReasonOf(dropped.status()), Reason::kCancelled);
  EXPECT_TRUE(
      world.sessions().List("alice", std::nullopt, 10)->sessions.empty());
}

TEST(Login, AFullQueueIsRefusedAtOnceWithARetryDelay) {
  World world;
  world.CreateAccount("alice");
  Notification started, release;
  std::atomic<int> stops = 0;
  world.hooks().on_match = [&] {
    if (stops++ > 0) return;
    started.Notify();
    release.Wait();
  };
  std::atomic<int> answers = 0, exhausted = 0;
  const auto login = [&] {
    world.authority().Login(
        World::LoginOf("alice"), [&](absl::StatusOr<Grant> grant) {
          ++answers;
          if (ReasonOf(grant.status()) != Reason::kHashQueueFull) return;
          ++exhausted;
          EXPECT_EQ(grant.status().code(),
                    absl::StatusCode::kResourceExhausted);
          EXPECT_GE(*RetryDelayOf(grant.status()), absl::Milliseconds(100));
        });
  };
  login();
  started.Wait();
  // One runs and four wait: two of six more are refused while it still runs.
  for (int i = 0; i < 6; ++i) login();
  EXPECT_EQ(exhausted, 2);
  EXPECT_EQ(answers, 2);
  release.Notify();
  world.hashes().Stop();
  world.workers().Stop();
  EXPECT_EQ(answers, 7);
}

std::string NameOfThisThread() {
  char name[16] = {};
  pthread_getname_np(pthread_self(), name, sizeof(name));
  return name;
}

// One that writes for a connection holds up its other calls.
TEST(Login, NoHashThreadAnswers) {
  World world;
  world.CreateAccount("alice");
  std::string hashed_by;
  world.hooks().on_match = [&] { hashed_by = NameOfThisThread(); };
  const auto answered_by = [&](LoginCommand command) {
    std::string name;
    Notification answered;
    world.authority().Login(std::move(command),
                            [&](const absl::StatusOr<Grant>&) {
                              name = NameOfThisThread();
                              answered.Notify();
                            });
    answered.Wait();
    return name;
  };
  answered_by(World::LoginOf("alice"));
  EXPECT_THAT(hashed_by, testing::StartsWith("hash"));
  LoginCommand abandoned = World::LoginOf("alice");
  abandoned.abandoned = [] { return true; };
  EXPECT_THAT(answered_by(std::move(abandoned)), testing::StartsWith("worker"));
  EXPECT_THAT(answered_by(World::LoginOf("nobody")),
              testing::StartsWith("worker"));
  EXPECT_THAT(
      answered_by(World::LoginOf("alice", CredentialForm::kOpaque, "wrong")),
      testing::StartsWith("worker"));
}

// What happens to the account while the password is being hashed.
struct Meanwhile {
  const char* name;
  std::function<void(World&)> what;
};

class LoginRaceTest : public ::testing::TestWithParam<Meanwhile> {};

TEST_P(LoginRaceTest, TheSessionIsDeadAtBirth) {
  World world;
  world.CreateAccount("alice");
  std::optional<absl::StatusOr<Grant>> answer;
  Notification hashing, changed, answered;
  std::atomic<int> stops = 0;
  world.hooks().on_match = [&] {
    if (stops++ > 0) return;
    hashing.Notify();
    changed.Wait();
  };
  world.authority().Login(World::LoginOf("alice"),
                          [&](absl::StatusOr<Grant> grant) {
                            answer = std::move(grant);
                            answered.Notify();
                          });
  hashing.Wait();
  GetParam().what(world);
  changed.Notify();
  answered.Wait();
  EXPECT_EQ(answer->status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(ReasonOf(answer->status()), Reason::kLoginRefused);
}

Account StoredOf(World& world) {
  return *world.memory().accounts().Find("alice");
}

INSTANTIATE_TEST_SUITE_P(
    Changes, LoginRaceTest,
    ::testing::Values(
        Meanwhile{"Disabled",
                  [](World& world) {
                    ASSERT_TRUE(
                        world.accounts().SetDisabled("alice", true, {}).ok());
                  }},
        Meanwhile{"DisabledAndEnabled",
                  [](World& world) {
                    ASSERT_TRUE(
                        world.accounts().SetDisabled("alice", true, {}).ok());
                    ASSERT_TRUE(
                        world.accounts().SetDisabled("alice", false, {}).ok());
                  }},
        Meanwhile{"NewPassword",
                  [](World& world) {
                    // The hash thread is taken: store it as it is.
                    ASSERT_TRUE(
                        world.memory()
                            .accounts()
                            .Edit("alice",
                                  {.password_phc =
                                       StoredOf(world).password_phc + "x"},
                                  world.clock().Now())
                            .ok());
                  }},
        Meanwhile{"Deleted",
                  [](World& world) {
                    ASSERT_TRUE(world.accounts().Delete("alice", {}).ok());
                  }},
        Meanwhile{"DeletedAndCreatedAgain",
                  [](World& world) {
                    Account again = StoredOf(world);
                    ASSERT_TRUE(world.accounts().Delete("alice", {}).ok());
                    again.uid.array()[0] ^= 1;
                    ASSERT_TRUE(world.memory().accounts().Create(again).ok());
                  }},
        Meanwhile{"AllSessionsEnded",
                  [](World& world) {
                    ASSERT_TRUE(world.memory()
                                    .accounts()
                                    .Edit("alice", {.end_sessions = true},
                                          world.clock().Now())
                                    .ok());
                  }}),
    [](const auto& row) { return row.param.name; });

TEST(Login, UpgradesAWeakerHashWithoutEndingSessions) {
  World world;
  world.CreateAccount("alice");
  const Grant before = world.Login(World::LoginOf("alice"));
  Account stored = StoredOf(world);
  const std::string strong = stored.password_phc;
  const auto parsed = ParsePhc(strong);
  ASSERT_TRUE(parsed.ok());
  PhcHash weak = *parsed;
  weak.cost.time = 1;
  ASSERT_TRUE(world.memory()
                  .accounts()
                  .UpgradeHash("alice", stored.uid, strong, FormatPhc(weak))
                  .ok());
  world.Login(World::LoginOf("alice"));
  EXPECT_EQ(StoredOf(world).password_phc, strong);
  EXPECT_TRUE(world.Active(before.credential));
}

}  // namespace
}  // namespace latchkey
