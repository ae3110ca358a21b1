#ifndef LATCHKEY_TESTS_CONTRACT_KEY_STORE_CONTRACT_H_
#define LATCHKEY_TESTS_CONTRACT_KEY_STORE_CONTRACT_H_

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/contract/stores_under_test.h"

namespace latchkey {

// Each sentence of key_store.h as a test.
class KeyStoreContract : public testing::TestWithParam<StoreFactory> {
 protected:
  KeyStoreContract() : stores_(GetParam().make()) {}

  KeyStore& keys() { return stores_->keys(); }

  static KeyRecord Key(absl::string_view kid, absl::Duration activate_after) {
    KeyRecord key;
    key.kid = std::string(kid);
    key.algorithm = KeyAlgorithm::kEdDsa;
    key.create_time = ContractStart();
    key.activate_time = ContractStart() + activate_after;
    key.public_jwk = R"({"kty":"OKP"})";
    key.sealed_private = std::string("sealed\0\xff", 8);
    return key;
  }

  const std::unique_ptr<StoresUnderTest> stores_;
};

// What is promised across a restart, for stores that are kept on disk.
class DurableKeyStoreContract : public KeyStoreContract {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(DurableKeyStoreContract);

TEST_P(KeyStoreContract, ListReturnsWhatWasAdded) {
  const KeyRecord key = Key("one", absl::ZeroDuration());
  ASSERT_TRUE(keys().Add(key).ok());
  EXPECT_THAT(*keys().List(), testing::ElementsAre(key));
}

TEST_P(KeyStoreContract, ListIsEmptyAtFirst) {
  EXPECT_TRUE(keys().List()->empty());
}

TEST_P(KeyStoreContract, ListIsOrderedByActivateTimeThenKid) {
  const KeyRecord late = Key("a", absl::Hours(2));
  const KeyRecord early_z = Key("z", absl::Hours(1));
  const KeyRecord early_b = Key("b", absl::Hours(1));
  for (const KeyRecord& key : {late, early_z, early_b}) {
    ASSERT_TRUE(keys().Add(key).ok());
  }
  EXPECT_THAT(*keys().List(), testing::ElementsAre(early_b, early_z, late));
}

TEST_P(KeyStoreContract, SecondAddIsRefusedAndChangesNothing) {
  const KeyRecord key = Key("one", absl::ZeroDuration());
  ASSERT_TRUE(keys().Add(key).ok());
  EXPECT_EQ(keys().Add(Key("one", absl::Hours(1))).code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(*keys().List(), testing::ElementsAre(key));
}

TEST_P(KeyStoreContract, RemoveForgetsAlsoWhatIsNotThere) {
  ASSERT_TRUE(keys().Add(Key("one", absl::ZeroDuration())).ok());
  EXPECT_TRUE(keys().Remove("one").ok());
  EXPECT_TRUE(keys().Remove("one").ok());
  EXPECT_TRUE(keys().List()->empty());
}

TEST_P(KeyStoreContract, RevokeForgetsOnlyWhatIsThere) {
  const KeyRecord other = Key("two", absl::Hours(1));
  ASSERT_TRUE(keys().Add(Key("one", absl::ZeroDuration())).ok());
  ASSERT_TRUE(keys().Add(other).ok());
  const absl::Time last_expire_time = ContractStart() + absl::Hours(24);
  const absl::StatusOr<uint64_t> revision =
      keys().Revoke("one", last_expire_time);
  ASSERT_TRUE(revision.ok()) << revision.status();
  EXPECT_GT(*revision, 0u);
  EXPECT_THAT(*keys().List(), testing::ElementsAre(other));
  for (const char* kid : {"one", "none", ""}) {
    EXPECT_TRUE(
        absl::IsNotFound(keys().Revoke(kid, last_expire_time).status()));
  }
  EXPECT_THAT(*keys().List(), testing::ElementsAre(other));
}

TEST_P(KeyStoreContract, RemovedKidMayBeAddedAgain) {
  const KeyRecord key = Key("one", absl::ZeroDuration());
  ASSERT_TRUE(keys().Add(key).ok());
  ASSERT_TRUE(keys().Remove("one").ok());
  ASSERT_TRUE(keys().Add(key).ok());
  EXPECT_EQ(keys().List()->size(), 1u);
}

TEST_P(KeyStoreContract, MasterKeyCheckIsNotFoundUntilItIsSet) {
  EXPECT_TRUE(absl::IsNotFound(keys().MasterKeyCheck().status()));
  const std::string sealed("che\0ck", 6);
  ASSERT_TRUE(keys().SetMasterKeyCheck(sealed).ok());
  EXPECT_EQ(*keys().MasterKeyCheck(), sealed);
  ASSERT_TRUE(keys().SetMasterKeyCheck("other").ok());
  EXPECT_EQ(*keys().MasterKeyCheck(), "other");
}

TEST_P(DurableKeyStoreContract, ReopenFindsWhatWasAcknowledged) {
  const KeyRecord key = Key("one", absl::ZeroDuration());
  ASSERT_TRUE(keys().Add(key).ok());
  ASSERT_TRUE(keys().Add(Key("two", absl::ZeroDuration())).ok());
  ASSERT_TRUE(keys().Remove("two").ok());
  ASSERT_TRUE(keys().Add(Key("three", absl::ZeroDuration())).ok());
  ASSERT_TRUE(keys().Revoke("three", ContractStart()).ok());
  ASSERT_TRUE(keys().SetMasterKeyCheck("check").ok());
  stores_->Reopen();
  EXPECT_THAT(*keys().List(), testing::ElementsAre(key));
  EXPECT_EQ(*keys().MasterKeyCheck(), "check");
}

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_CONTRACT_KEY_STORE_CONTRACT_H_
