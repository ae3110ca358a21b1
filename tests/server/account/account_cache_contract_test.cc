// AccountCache is an AccountStore like any other: the whole contract over it,
// roomy and with room for next to none, over the fake and over RocksDB.
#include <memory>
#include <string>

#include "gtest/gtest.h"

#include "server/account/account_cache.h"
#include "tests/contract/account_store_contract.h"
#include "tests/contract/stores_under_test.h"
#include "tests/server/storage/database_in_directory.h"
#include "tests/support/memory_store.h"

namespace latchkey {
namespace {

class CacheOverMemory final : public StoresUnderTest {
 public:
  explicit CacheOverMemory(AccountCache::Options options)
      : cache_(memory_.accounts(), options) {}
  AccountStore& accounts() override { return cache_; }
  SessionStore& sessions() override { return memory_.sessions(); }
  KeyStore& keys() override { return memory_.keys(); }

 private:
  MemoryStore memory_;
  AccountCache cache_;
};

class CacheOverRocks final : public StoresUnderTest {
 public:
  explicit CacheOverRocks(AccountCache::Options options) : options_(options) {
    Open();
  }
  AccountStore& accounts() override { return *cache_; }
  SessionStore& sessions() override { return database_->sessions(); }
  KeyStore& keys() override { return database_->keys(); }
  void Reopen() override {
    cache_.reset();
    database_.Close();
    Open();
  }

 private:
  void Open() {
    const absl::Status opened = database_.Open();
    EXPECT_TRUE(opened.ok()) << opened;
    cache_ = std::make_unique<AccountCache>(database_->accounts(), options_);
  }

  const AccountCache::Options options_;
  DatabaseInDirectory database_;
  std::unique_ptr<AccountCache> cache_;
};

template <typename Stores>
StoreFactory Factory(const std::string& name, AccountCache::Options options) {
  return {name, [options] { return std::make_unique<Stores>(options); }};
}

constexpr AccountCache::Options kRoomy = {.max_entries = 4096};
constexpr AccountCache::Options kTiny = {.max_entries = 1};

INSTANTIATE_TEST_SUITE_P(
    Cache, AccountStoreContract,
    testing::Values(Factory<CacheOverMemory>("RoomyOverMemory", kRoomy),
                    Factory<CacheOverMemory>("TinyOverMemory", kTiny),
                    Factory<CacheOverRocks>("RoomyOverRocks", kRoomy),
                    Factory<CacheOverRocks>("TinyOverRocks", kTiny)),
    [](const auto& row) { return row.param.name; });
INSTANTIATE_TEST_SUITE_P(
    Cache, DurableAccountStoreContract,
    testing::Values(Factory<CacheOverRocks>("RoomyOverRocks", kRoomy),
                    Factory<CacheOverRocks>("TinyOverRocks", kTiny)),
    [](const auto& row) { return row.param.name; });

// The one question that the cache answers itself, asked before and after each
// change, over every store: what was remembered must not outlast it.
class AccountCacheStands : public testing::TestWithParam<bool> {
 protected:
  AccountStore& OpenBase() {
    if (!GetParam()) return memory_.accounts();
    EXPECT_TRUE(database_.Open().ok());
    return database_->accounts();
  }
  bool Stands(const Account& account) {
    const auto answer = cache_.Stands(account.name, account.uid,
                                      account.generation, Reach::kDisk);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.value_or(false);
  }

  MemoryStore memory_;
  DatabaseInDirectory database_;
  AccountCache cache_{OpenBase(), {}};
  const absl::Time now_ = ContractStart();
};

INSTANTIATE_TEST_SUITE_P(Stores, AccountCacheStands, testing::Bool(),
                         [](const auto& row) {
                           return row.param ? "Rocks" : "Memory";
                         });

TEST_P(AccountCacheStands, FollowsEveryChangeOfItsAccount) {
  Account alice = ContractAccount("alice", 1);
  EXPECT_FALSE(Stands(alice));
  ASSERT_TRUE(cache_.Create(alice).ok());
  EXPECT_TRUE(Stands(alice));
  for (const AccountEdit& edit :
       {AccountEdit{.disabled = true}, AccountEdit{.disabled = false},
        AccountEdit{.password_phc = "$new"},
        AccountEdit{.roles = std::vector<std::string>{"other"}},
        AccountEdit{.end_sessions = true}}) {
    const Account before = alice;
    const auto change = cache_.Edit("alice", edit, now_);
    ASSERT_TRUE(change.ok()) << change.status();
    alice = change->account;
    EXPECT_EQ(Stands(alice), !alice.disabled);
    EXPECT_FALSE(Stands(before) && change->ended_sessions);
  }
  ASSERT_TRUE(cache_.Delete("alice", now_).ok());
  EXPECT_FALSE(Stands(alice));
  // The name again, by another uid.
  const Account another = ContractAccount("alice", 2);
  ASSERT_TRUE(cache_.Create(another).ok());
  EXPECT_TRUE(Stands(another));
  EXPECT_FALSE(Stands(alice));
}

}  // namespace
}  // namespace latchkey
