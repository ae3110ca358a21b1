// What AccountCache promises beyond AccountStore's contract.
#include "server/account/account_cache.h"

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/memory_store.h"
#include "tests/support/notification.h"

namespace latchkey {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1893456000);

// Counts look-ups of its base, and stops in them where a test wants it to.
class WatchedAccounts final : public AccountStore {
 public:
  explicit WatchedAccounts(AccountStore& base) : base_(base) {}

  absl::StatusOr<Account> Find(absl::string_view name) const override {
    ++finds;
    absl::StatusOr<Account> account = base_.Find(name);
    if (after_find) after_find();
    return account;
  }
  absl::StatusOr<Account> FindInMemory(absl::string_view name) const override {
    if (!in_memory) return absl::UnavailableError("needs the disk");
    return Find(name);
  }
  absl::StatusOr<uint64_t> Create(const Account& account) override {
    return base_.Create(account);
  }
  absl::StatusOr<std::vector<Account>> List(absl::string_view after,
                                            int limit) const override {
    auto accounts = base_.List(after, limit);
    if (after_list) after_list();
    return accounts;
  }
  absl::StatusOr<AccountChange> Edit(absl::string_view name,
                                     const AccountEdit& edit,
                                     absl::Time now) override {
    if (before_edit) before_edit();
    absl::StatusOr<AccountChange> change = base_.Edit(name, edit, now);
    if (after_edit) after_edit();
    return change;
  }
  absl::Status UpgradeHash(absl::string_view name, const AccountUid& uid,
                           absl::string_view old_phc,
                           absl::string_view new_phc) override {
    return base_.UpgradeHash(name, uid, old_phc, new_phc);
  }
  absl::StatusOr<AccountChange> Delete(absl::string_view name,
                                       absl::Time now) override {
    return base_.Delete(name, now);
  }
  absl::StatusOr<uint64_t> Count() const override { return base_.Count(); }

  mutable std::atomic<int> finds = 0;
  std::function<void()> after_find;
  std::function<void()> before_edit, after_edit;
  mutable std::function<void()> after_list;
  bool in_memory = true;

 private:
  AccountStore& base_;
};

class AccountCacheTest : public ::testing::Test {
 protected:
  AccountCacheTest() { Make("alice", 1); }

  AccountUid Make(const std::string& name, uint8_t number) {
    Account account;
    account.name = name;
    account.uid.array()[15] = number;
    EXPECT_TRUE(cache_.Create(account).ok());
    return account.uid;
  }
  static AccountUid UidOf(uint8_t number) {
    AccountUid uid;
    uid.array()[15] = number;
    return uid;
  }
  bool Stands(uint64_t generation, uint8_t number = 1,
              const std::string& name = "alice") {
    const auto stands =
        cache_.Stands(name, UidOf(number), generation, Reach::kDisk);
    EXPECT_TRUE(stands.ok()) << stands.status();
    return stands.ok() && *stands;
  }

  MemoryStore memory_;
  WatchedAccounts base_{memory_.accounts()};
  AccountCache cache_{base_, {}};
};

TEST_F(AccountCacheTest, AsksTheBaseOnce) {
  EXPECT_TRUE(Stands(1));
  EXPECT_TRUE(Stands(1));
  EXPECT_FALSE(Stands(2));
  EXPECT_EQ(base_.finds, 1);
  EXPECT_EQ(cache_.CachedEntries(), 1u);
}

TEST_F(AccountCacheTest, SeesEachChangeAtOnce) {
  ASSERT_TRUE(Stands(1));
  ASSERT_TRUE(cache_.Edit("alice", {.end_sessions = true}, kNow).ok());
  EXPECT_FALSE(Stands(1));
  EXPECT_TRUE(Stands(2));
  ASSERT_TRUE(cache_.Edit("alice", {.disabled = true}, kNow).ok());
  EXPECT_FALSE(Stands(2));
  EXPECT_FALSE(Stands(3)) << "it is disabled";
  ASSERT_TRUE(cache_.Edit("alice", {.disabled = false}, kNow).ok());
  EXPECT_TRUE(Stands(3));
  ASSERT_TRUE(cache_.Delete("alice", kNow).ok());
  EXPECT_FALSE(Stands(3));
}

TEST_F(AccountCacheTest, WhatWasFoundIsGoodUntilTheNextChange) {
  AccountCache small(base_, {.max_entries = 256});  // one in each part
  const FoundAt first, second;
  const auto stands = [&](uint64_t generation, const FoundAt& stood) {
    const auto answer =
        small.Stands("alice", UidOf(1), generation, Reach::kDisk, &stood);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() && *answer;
  };
  ASSERT_TRUE(stands(1, first));  // from the base
  ASSERT_TRUE(stands(1, first));  // from memory, which leaves the note
  Make("bob", 2);
  ASSERT_TRUE(*small.Stands("bob", UidOf(2), 1, Reach::kDisk));
  const int finds = base_.finds;
  EXPECT_TRUE(stands(1, first));
  EXPECT_EQ(base_.finds, finds) << "no room for it, but it is known";

  ASSERT_TRUE(small.Edit("alice", {.end_sessions = true}, kNow).ok());
  EXPECT_FALSE(stands(1, first));
  EXPECT_FALSE(stands(1, first));
  EXPECT_TRUE(stands(2, second));
  EXPECT_TRUE(stands(2, second));
  ASSERT_TRUE(small.Edit("alice", {.disabled = true}, kNow).ok());
  EXPECT_FALSE(stands(2, second));
  ASSERT_TRUE(small.Edit("alice", {.disabled = false}, kNow).ok());
  ASSERT_TRUE(small.Delete("alice", kNow).ok());
  EXPECT_FALSE(stands(3, second));
}

TEST_F(AccountCacheTest, NothingIsNotedWhileAnAccountIsBeingChanged) {
  const FoundAt stood;
  const auto stands = [&] {
    return *cache_.Stands("alice", UidOf(1), 1, Reach::kDisk, &stood);
  };
  ASSERT_TRUE(stands());
  base_.before_edit = [&] {
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(stands());
  };
  base_.after_edit = [&] { EXPECT_FALSE(stands()) << "already changed"; };
  ASSERT_TRUE(cache_.Edit("alice", {.end_sessions = true}, kNow).ok());
  EXPECT_FALSE(stands());
}

TEST_F(AccountCacheTest, ANewAccountOfTheNameIsAnother) {
  ASSERT_TRUE(Stands(1));
  ASSERT_TRUE(cache_.Delete("alice", kNow).ok());
  Make("alice", 2);
  EXPECT_FALSE(Stands(1, 1));
  EXPECT_TRUE(Stands(1, 2));
  EXPECT_FALSE(Stands(1, 1)) << "what was remembered of the new one";
}

TEST_F(AccountCacheTest, WhatWasReadBeforeAnEditIsNotRemembered) {
  Notification read, edited;
  std::atomic<int> stops = 0;
  base_.after_find = [&] {
    if (stops++ > 0) return;  // the edit's own look-up
    read.Notify();
    edited.Wait();
  };
  // Concurrent with the edit: either answer is right.
  std::thread reader([&] { (void)Stands(1); });
  read.Wait();
  ASSERT_TRUE(cache_.Edit("alice", {.end_sessions = true}, kNow).ok());
  edited.Notify();
  reader.join();
  base_.after_find = nullptr;
  EXPECT_FALSE(Stands(1));
}

TEST_F(AccountCacheTest, SaysNotKnownRatherThanAskTheDiskFromMemory) {
  base_.in_memory = false;
  const auto cold = cache_.Stands("alice", UidOf(1), 1, Reach::kMemory);
  EXPECT_TRUE(absl::IsUnavailable(cold.status()));
  ASSERT_TRUE(Stands(1));
  const auto warm = cache_.Stands("alice", UidOf(1), 1, Reach::kMemory);
  ASSERT_TRUE(warm.ok());
  EXPECT_TRUE(*warm);
}

TEST_F(AccountCacheTest, KeepsItsBound) {
  AccountCache small(base_, {.max_entries = 256});  // one in each part
  for (int i = 2; i < 256; ++i) {
    const std::string name = "a" + std::to_string(i);
    Make(name, static_cast<uint8_t>(i));
    for (int round = 0; round < 2; ++round) {
      const auto stands =
          small.Stands(name, UidOf(static_cast<uint8_t>(i)), 1, Reach::kDisk);
      ASSERT_TRUE(stands.ok());
      EXPECT_TRUE(*stands);
    }
  }
  EXPECT_LE(small.CachedEntries(), 256u);
}

TEST_F(AccountCacheTest, WarmsUpPageByPageAndEvictsNothing) {
  for (int i = 2; i <= 10; ++i) {
    Make("a" + std::to_string(i), static_cast<uint8_t>(i));
  }
  std::string after;
  int pages = 0;
  do {
    const auto next = cache_.WarmSome(after, 4);
    ASSERT_TRUE(next.ok()) << next.status();
    after = *next;
    ASSERT_LT(++pages, 10);
  } while (!after.empty());
  EXPECT_EQ(cache_.CachedEntries(), 10u);
  EXPECT_TRUE(Stands(1, 7, "a7"));
  EXPECT_EQ(base_.finds, 0);

  // All of these fall into one part, which takes one.
  AccountCache small(base_, {.max_entries = 256});
  ASSERT_TRUE(small.Stands("a7", UidOf(7), 1, Reach::kDisk).ok());
  const auto full = small.WarmSome("", 4);
  ASSERT_TRUE(full.ok());
  EXPECT_EQ(*full, "");
  const int finds = base_.finds;
  ASSERT_TRUE(small.Stands("a7", UidOf(7), 1, Reach::kDisk).ok());
  EXPECT_EQ(base_.finds, finds);
}

TEST_F(AccountCacheTest, WarmingRemembersNothingThatChangedMeanwhile) {
  base_.after_list = [&] {
    base_.after_list = nullptr;
    ASSERT_TRUE(cache_.Edit("alice", {.end_sessions = true}, kNow).ok());
  };
  ASSERT_TRUE(cache_.WarmSome("", 10).ok());
  EXPECT_FALSE(Stands(1));
  EXPECT_TRUE(Stands(2));
}

TEST_F(AccountCacheTest, NoThreadSeesAnAccountStandAfterItsEditReturned) {
  std::atomic<uint64_t> ended{0};  // generations up to this have ended
  std::atomic<bool> stop = false;
  std::atomic<int> wrong = 0;
  std::vector<FoundAt> stood(2002);  // by generation
  const auto stands = [&](uint64_t generation) {
    return *cache_.Stands("alice", UidOf(1), generation, Reach::kDisk,
                          &stood[generation]);
  };
  std::vector<std::thread> readers;
  for (int t = 0; t < 3; ++t) {
    readers.emplace_back([&] {
      while (!stop) {
        const uint64_t before = ended;
        if (before > 0 && (Stands(before) || stands(before))) ++wrong;
        (void)Stands(before + 1);  // fills
        (void)stands(before + 1);
      }
    });
  }
  for (uint64_t generation = 1; generation <= 2000; ++generation) {
    ASSERT_TRUE(cache_.Edit("alice", {.end_sessions = true}, kNow).ok());
    ended = generation;
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace latchkey
