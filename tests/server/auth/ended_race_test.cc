// What has ended is active nowhere: many threads check credentials of both
// forms, from warm caches, while others end them in every way there is.
#include <array>
#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "tests/server/auth/world.h"

namespace latchkey {
namespace {

// How the sessions of an account come to their end.
enum class Way { kLogout, kLogoutAll, kDisable, kDelete, kRoles, kOthers };
constexpr std::array kWays = {Way::kLogout, Way::kLogoutAll, Way::kDisable,
                              Way::kDelete, Way::kRoles,     Way::kOthers};

// A credential and what has been done to it.
struct Target {
  std::string credential;
  std::atomic<bool> ending = false;  // set before the call that ends it
  std::atomic<bool> ended = false;   // set after it returned
};

class EndedRace : public ::testing::Test {
 protected:
  static constexpr int kAccountsPerWay = 3;
  static constexpr int kSessionsPerAccount = 6;

  EndedRace() {
    for (size_t i = 0; i < kWays.size() * kAccountsPerWay; ++i) {
      const std::string name = NameOf(i);
      world_.CreateAccount(name, {"dev"});
      for (int n = 0; n < kSessionsPerAccount; ++n) {
        const CredentialForm form =
            n % 2 == 0 ? CredentialForm::kJwt : CredentialForm::kOpaque;
        const Grant grant = world_.Login(World::LoginOf(name, form));
        targets_.emplace_back().credential =
            std::string(grant.credential.Reveal());
        EXPECT_TRUE(world_.Active(grant.credential));
      }
    }
    EXPECT_EQ(world_.verdicts().Entries(), targets_.size() / 2) << "not warm";
  }

  static std::string NameOf(size_t account) {
    return absl::StrCat("user-", account);
  }
  Target& TargetOf(size_t account, size_t n) {
    return targets_[account * kSessionsPerAccount + n];
  }

  void Judge(const Target& target, bool was_ended,
             const absl::StatusOr<ValidateAnswer>& answer);
  void CheckOne(unsigned turn);
  void CheckSome(unsigned turn);
  void Wreck(size_t account);
  void End(size_t account, size_t n, LogoutScope scope);

  World world_;
  std::deque<Target> targets_;
  std::atomic<bool> stop_ = false;
  std::atomic<int> checks_ = 0;
  std::atomic<int> revived_ = 0;  // answered active after its end
  std::atomic<int> lost_ = 0;     // inactive although nobody ended it
};

void EndedRace::Judge(const Target& target, bool was_ended,
                      const absl::StatusOr<ValidateAnswer>& answer) {
  ++checks_;
  if (!answer.ok()) {
    // Of a JWT whose verdict was evicted, say; it is no yes.
    EXPECT_TRUE(absl::IsUnavailable(answer.status())) << answer.status();
    return;
  }
  if (answer->active && was_ended) ++revived_;
  if (!answer->active && !target.ending) ++lost_;
}

void EndedRace::CheckOne(unsigned turn) {
  const Target& target = targets_[turn * 7919u % targets_.size()];
  const bool was_ended = target.ended;
  const Reach reach = turn % 2 == 0 ? Reach::kMemory : Reach::kDisk;
  Judge(
      target, was_ended,
      world_.authority().Validate(
          {.credential = target.credential, .passive = turn % 3 == 0}, reach));
}

void EndedRace::CheckSome(unsigned turn) {
  std::vector<const Target*> asked;
  std::vector<bool> were_ended;
  std::vector<ValidateQuery> queries;
  for (unsigned i = 0; i < 5; ++i) {
    asked.push_back(&targets_[(turn + i * 31) * 7919u % targets_.size()]);
    were_ended.push_back(asked.back()->ended);
    queries.push_back({.credential = asked.back()->credential});
  }
  const auto batch = world_.authority().BatchValidate(queries, Reach::kDisk);
  ASSERT_TRUE(batch.ok()) << batch.status();
  for (size_t i = 0; i < asked.size(); ++i) {
    Judge(*asked[i], were_ended[i], batch->answers[i]);
  }
}

void EndedRace::End(size_t account, size_t n, LogoutScope scope) {
  const auto answer =
      world_.authority().Logout(TargetOf(account, n).credential, scope);
  EXPECT_TRUE(answer.ok()) << answer.status();
}

// Ends all sessions of an account, in the account's own way.
void EndedRace::Wreck(size_t account) {
  const std::string name = NameOf(account);
  const Way way = kWays[account % kWays.size()];
  if (way == Way::kLogout) {
    for (size_t n = 0; n < kSessionsPerAccount; ++n) {
      TargetOf(account, n).ending = true;
      End(account, n, LogoutScope::kThisSession);
      TargetOf(account, n).ended = true;
    }
    return;
  }
  // All but the one by which the others are ended.
  const size_t first = way == Way::kOthers ? 1 : 0;
  for (size_t n = first; n < kSessionsPerAccount; ++n) {
    TargetOf(account, n).ending = true;
  }
  switch (way) {
    case Way::kLogout:
      break;
    case Way::kLogoutAll:
      End(account, 1, LogoutScope::kAllSessions);
      break;
    case Way::kOthers:
      End(account, 0, LogoutScope::kOtherSessions);
      break;
    case Way::kDisable:
      EXPECT_TRUE(world_.accounts().SetDisabled(name, true).ok());
      break;
    case Way::kDelete:
      EXPECT_TRUE(world_.accounts().Delete(name).ok());
      break;
    case Way::kRoles:
      EXPECT_TRUE(world_.accounts().SetRoles(name, {"ops"}).ok());
      break;
  }
  for (size_t n = first; n < kSessionsPerAccount; ++n) {
    TargetOf(account, n).ended = true;
  }
}

TEST_F(EndedRace, NoThreadGetsAYesThatBeganAfterTheEnd) {
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 3; ++t) {
    threads.emplace_back([this, t] {
      for (unsigned turn = t * 1000; !stop_; ++turn) {
        turn % 8 == 7 ? CheckSome(turn) : CheckOne(turn);
      }
    });
  }
  // Meanwhile activity is saved and what may have been forgotten comes back.
  threads.emplace_back([this] {
    while (!stop_) {
      EXPECT_TRUE(world_.cache().FlushAll().ok());
      EXPECT_TRUE(world_.cache()
                      .WarmSome(std::nullopt, 200, world_.clock().Now())
                      .ok());
      std::this_thread::yield();
    }
  });
  std::vector<std::thread> enders;
  const size_t accounts = kWays.size() * kAccountsPerWay;
  for (size_t e = 0; e < 2; ++e) {
    enders.emplace_back([this, e] {
      for (size_t account = e; account < accounts; account += 2) {
        Wreck(account);
        // All get to look at it before the next one goes.
        const int checks = checks_;
        while (checks_ < checks + 200) std::this_thread::yield();
      }
    });
  }
  for (std::thread& ender : enders) ender.join();
  stop_ = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(revived_, 0);
  EXPECT_EQ(lost_, 0);
  for (const Target& target : targets_) {
    EXPECT_EQ(world_.Active(SecretBytes(target.credential)), !target.ended);
  }
}

}  // namespace
}  // namespace latchkey
