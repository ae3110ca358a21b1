// SessionCache is a SessionStore like any other: the whole contract over it,
// roomy and with room for one, over the fake and over RocksDB.
#include <memory>
#include <string>

#include "gtest/gtest.h"

#include "server/session/session_cache.h"
#include "tests/contract/session_store_contract.h"
#include "tests/contract/stores_under_test.h"
#include "tests/server/storage/database_in_directory.h"
#include "tests/support/memory_store.h"

namespace latchkey {
namespace {

class CacheOverMemory final : public StoresUnderTest {
 public:
  explicit CacheOverMemory(SessionCache::Options options)
      : cache_(memory_.sessions(), options) {}
  AccountStore& accounts() override { return memory_.accounts(); }
  SessionStore& sessions() override { return cache_; }
  KeyStore& keys() override { return memory_.keys(); }

 private:
  MemoryStore memory_;
  SessionCache cache_;
};

class CacheOverRocks final : public StoresUnderTest {
 public:
  explicit CacheOverRocks(SessionCache::Options options) : options_(options) {
    Open();
  }
  AccountStore& accounts() override { return database_->accounts(); }
  SessionStore& sessions() override { return *cache_; }
  KeyStore& keys() override { return database_->keys(); }
  void Reopen() override {
    EXPECT_TRUE(cache_->FlushAll().ok());
    cache_.reset();
    database_.Close();
    Open();
  }

 private:
  void Open() {
    const absl::Status opened = database_.Open();
    EXPECT_TRUE(opened.ok()) << opened;
    cache_ = std::make_unique<SessionCache>(database_->sessions(), options_);
  }

  const SessionCache::Options options_;
  DatabaseInDirectory database_;
  std::unique_ptr<SessionCache> cache_;
};

template <typename Stores>
StoreFactory Factory(const std::string& name, SessionCache::Options options) {
  return {name, [options] { return std::make_unique<Stores>(options); }};
}

constexpr SessionCache::Options kRoomy = {.max_entries = 1024, .segments = 4};
constexpr SessionCache::Options kTiny = {.max_entries = 1, .segments = 1};

INSTANTIATE_TEST_SUITE_P(
    Cache, SessionStoreContract,
    testing::Values(Factory<CacheOverMemory>("RoomyOverMemory", kRoomy),
                    Factory<CacheOverMemory>("TinyOverMemory", kTiny),
                    Factory<CacheOverRocks>("RoomyOverRocks", kRoomy),
                    Factory<CacheOverRocks>("TinyOverRocks", kTiny)),
    [](const auto& row) { return row.param.name; });
INSTANTIATE_TEST_SUITE_P(
    Cache, DurableSessionStoreContract,
    testing::Values(Factory<CacheOverRocks>("RoomyOverRocks", kRoomy),
                    Factory<CacheOverRocks>("TinyOverRocks", kTiny)),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace latchkey
