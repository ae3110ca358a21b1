#include "tests/support/memory_store.h"

#include "gtest/gtest.h"

#include "tests/contract/account_store_contract.h"
#include "tests/contract/key_store_contract.h"
#include "tests/contract/session_store_contract.h"
#include "tests/contract/stores_under_test.h"

namespace latchkey {
namespace {

class MemoryStores final : public StoresUnderTest {
 public:
  AccountStore& accounts() override { return store_.accounts(); }
  SessionStore& sessions() override { return store_.sessions(); }
  KeyStore& keys() override { return store_.keys(); }

 private:
  MemoryStore store_;
};

StoreFactory Memory() {
  return {"Memory", [] { return std::make_unique<MemoryStores>(); }};
}

INSTANTIATE_TEST_SUITE_P(Memory, AccountStoreContract,
                         testing::Values(Memory()));
INSTANTIATE_TEST_SUITE_P(Memory, SessionStoreContract,
                         testing::Values(Memory()));
INSTANTIATE_TEST_SUITE_P(Memory, KeyStoreContract, testing::Values(Memory()));

}  // namespace
}  // namespace latchkey
