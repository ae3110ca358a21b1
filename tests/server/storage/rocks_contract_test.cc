#include <filesystem>
#include <memory>

#include "gtest/gtest.h"
#include "rocksdb/env.h"

#include "tests/contract/account_store_contract.h"
#include "tests/contract/key_store_contract.h"
#include "tests/contract/session_store_contract.h"
#include "tests/contract/stores_under_test.h"
#include "tests/server/storage/database_in_directory.h"
#include "tests/server/storage/fault_disk.h"

namespace latchkey {
namespace {

class RocksStores final : public StoresUnderTest {
 public:
  RocksStores() {
    std::filesystem::create_directory(database_.path());
    env_ = FaultDisk::MakeEnv(std::make_shared<FaultDisk>(database_.path()));
    database_.UseEnv(env_.get());
    EXPECT_TRUE(database_.Open().ok());
  }
  ~RocksStores() override { database_.Close(); }
  AccountStore& accounts() override { return database_->accounts(); }
  SessionStore& sessions() override { return database_->sessions(); }
  KeyStore& keys() override { return database_->keys(); }
  void Reopen() override {
    database_.Close();
    const absl::Status opened = database_.Open();
    EXPECT_TRUE(opened.ok()) << opened;
  }

 private:
  DatabaseInDirectory database_;
  std::unique_ptr<rocksdb::Env> env_;  // whose syncs cost nothing
};

StoreFactory Rocks() {
  return {"Rocks", [] { return std::make_unique<RocksStores>(); }};
}

INSTANTIATE_TEST_SUITE_P(Rocks, AccountStoreContract, testing::Values(Rocks()));
INSTANTIATE_TEST_SUITE_P(Rocks, DurableAccountStoreContract,
                         testing::Values(Rocks()));
INSTANTIATE_TEST_SUITE_P(Rocks, SessionStoreContract, testing::Values(Rocks()));
INSTANTIATE_TEST_SUITE_P(Rocks, DurableSessionStoreContract,
                         testing::Values(Rocks()));
INSTANTIATE_TEST_SUITE_P(Rocks, KeyStoreContract, testing::Values(Rocks()));
INSTANTIATE_TEST_SUITE_P(Rocks, DurableKeyStoreContract,
                         testing::Values(Rocks()));

}  // namespace
}  // namespace latchkey
