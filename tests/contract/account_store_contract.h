#ifndef LATCHKEY_TESTS_CONTRACT_ACCOUNT_STORE_CONTRACT_H_
#define LATCHKEY_TESTS_CONTRACT_ACCOUNT_STORE_CONTRACT_H_

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "server/base/error.h"
#include "tests/contract/stores_under_test.h"
#include "tests/support/create_session.h"

namespace latchkey {

// Each sentence of account_store.h as a test.
class AccountStoreContract : public testing::TestWithParam<StoreFactory> {
 protected:
  AccountStoreContract() : stores_(GetParam().make()) {}

  AccountStore& accounts() { return stores_->accounts(); }
  SessionStore& sessions() { return stores_->sessions(); }

  // Creates alice, and returns her.
  Account Alice() {
    const Account alice = ContractAccount("alice");
    EXPECT_TRUE(accounts().Create(alice).ok());
    return alice;
  }
  // Tells whether a session made under `account` as it was is still accepted.
  bool LoginAs(const Account& account, uint32_t number) {
    return CreateSession(sessions(), ContractKey(number),
                         ContractSession(account, number), now_)
        .ok();
  }

  const std::unique_ptr<StoresUnderTest> stores_;
  const absl::Time now_ = ContractStart() + absl::Minutes(1);
};

// What is promised across a restart, for stores that are kept on disk.
class DurableAccountStoreContract : public AccountStoreContract {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(DurableAccountStoreContract);

TEST_P(AccountStoreContract, FindReturnsWhatWasCreated) {
  const Account alice = Alice();
  const auto found = accounts().Find("alice");
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(*found, alice);
}

TEST_P(AccountStoreContract, AbsentIsNotFound) {
  const auto found = accounts().Find("alice");
  EXPECT_TRUE(absl::IsNotFound(found.status()));
  EXPECT_EQ(ReasonOf(found.status()), Reason::kAccountNotFound);
}

TEST_P(AccountStoreContract, FindInMemoryAgreesWithFindOrWantsTheDisk) {
  const Account alice = Alice();
  const auto found = accounts().FindInMemory("alice");
  EXPECT_TRUE(found.ok() ? *found == alice
                         : absl::IsUnavailable(found.status()));
  const auto absent = accounts().FindInMemory("bob").status();
  EXPECT_TRUE(absl::IsNotFound(absent) || absl::IsUnavailable(absent));
}

TEST_P(AccountStoreContract, SecondCreateIsRefusedAndChangesNothing) {
  const Account alice = Alice();
  const uint64_t before = sessions().Revision();
  const auto second = accounts().Create(ContractAccount("alice", 2));
  EXPECT_EQ(second.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(ReasonOf(second.status()), Reason::kAccountExists);
  EXPECT_EQ(*accounts().Find("alice"), alice);
  EXPECT_EQ(sessions().Revision(), before);
}

TEST_P(AccountStoreContract, RevisionsAreConsecutive) {
  const auto first = accounts().Create(ContractAccount("alice", 1));
  const auto second = accounts().Create(ContractAccount("bob", 2));
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(*second, *first + 1);
  AccountEdit edit;
  edit.disabled = true;
  EXPECT_EQ(accounts().Edit("bob", edit, now_)->revision, *first + 2);
  EXPECT_EQ(accounts().Delete("bob", now_)->revision, *first + 3);
  EXPECT_EQ(sessions().Revision(), *first + 3);
}

TEST_P(AccountStoreContract, ListIsInByteOrderOfNames) {
  for (const char* name : {"bob", "a", "al", "carol-2", "carol.2", "0"}) {
    ASSERT_TRUE(accounts().Create(ContractAccount(name)).ok());
  }
  const auto listed = accounts().List("", 10);
  ASSERT_TRUE(listed.ok()) << listed.status();
  std::vector<std::string> names;
  for (const Account& account : *listed) names.push_back(account.name);
  EXPECT_THAT(
      names, testing::ElementsAre("0", "a", "al", "bob", "carol-2", "carol.2"));
}

TEST_P(AccountStoreContract, ListGoesOnBehindAfterUpToItsLimit) {
  for (const char* name : {"a", "b", "c", "d"}) {
    ASSERT_TRUE(accounts().Create(ContractAccount(name)).ok());
  }
  const auto page = accounts().List("a", 2);
  ASSERT_TRUE(page.ok());
  ASSERT_EQ(page->size(), 2u);
  EXPECT_EQ((*page)[0].name, "b");
  EXPECT_EQ((*page)[1].name, "c");
  // A name that is gone, or never was, still says where to go on.
  EXPECT_EQ((*accounts().List("bb", 10))[0].name, "c");
  EXPECT_TRUE(accounts().List("d", 10)->empty());
}

TEST_P(AccountStoreContract, AServiceHasTwoSecretsAtMost) {
  const Account billing = ContractService("billing");
  ASSERT_TRUE(accounts().Create(billing).ok());
  for (const uint32_t number : {1, 2}) {
    const auto added = accounts().Edit(
        "billing", {.add_secret = ContractSecret(number)}, now_);
    ASSERT_TRUE(added.ok()) << added.status();
    EXPECT_FALSE(added->ended_sessions);
    EXPECT_EQ(added->account.update_time, now_);
  }
  const Account full = *accounts().Find("billing");
  EXPECT_EQ(full.secrets,
            (std::vector<ClientSecret>{ContractSecret(1), ContractSecret(2)}));
  // Nothing was taken away.
  EXPECT_EQ(full.proof_generation, billing.proof_generation);
  const uint64_t before = sessions().Revision();
  const auto third =
      accounts().Edit("billing", {.add_secret = ContractSecret(3)}, now_);
  EXPECT_TRUE(absl::IsFailedPrecondition(third.status()));
  EXPECT_EQ(ReasonOf(third.status()), Reason::kTooManySecrets);
  EXPECT_EQ(*accounts().Find("billing"), full);
  EXPECT_EQ(sessions().Revision(), before);
}

TEST_P(AccountStoreContract, ProofsThatAreTakenAwayEndNoSessions) {
  Account billing = ContractService("billing");
  billing.secrets = {ContractSecret(1)};
  ASSERT_TRUE(accounts().Create(billing).ok());
  const ClientSecretId id = ContractSecret(1).id;
  uint64_t generation = billing.proof_generation;
  for (const AccountEdit& edit :
       {AccountEdit{.remove_secret = id}, AccountEdit{.jwks = "{}"},
        AccountEdit{.certificate_names = std::vector<std::string>{"uri:x"}}}) {
    const auto change = accounts().Edit("billing", edit, now_);
    ASSERT_TRUE(change.ok()) << change.status();
    EXPECT_FALSE(change->ended_sessions);
    EXPECT_EQ(change->account.generation, billing.generation);
    EXPECT_EQ(change->account.proof_generation, ++generation);
    EXPECT_EQ(*accounts().Find("billing"), change->account);
  }
  const Account now = *accounts().Find("billing");
  EXPECT_TRUE(now.secrets.empty());
  EXPECT_EQ(now.jwks, "{}");
  EXPECT_EQ(now.certificate_names, std::vector<std::string>{"uri:x"});
  EXPECT_EQ(
      ReasonOf(
          accounts().Edit("billing", {.remove_secret = id}, now_).status()),
      Reason::kSecretNotFound);
}

TEST_P(AccountStoreContract, RemovingASecretEndsSessionsIfAsked) {
  Account billing = ContractService("billing");
  billing.secrets = {ContractSecret(1)};
  ASSERT_TRUE(accounts().Create(billing).ok());
  const auto change = accounts().Edit(
      "billing", {.remove_secret = ContractSecret(1).id, .end_sessions = true},
      now_);
  ASSERT_TRUE(change.ok()) << change.status();
  EXPECT_TRUE(change->ended_sessions);
  EXPECT_FALSE(LoginAs(billing, 1));
}

TEST_P(AccountStoreContract, ProofsAreForTheirKindOfAccount) {
  const Account alice = Alice();
  const Account billing = ContractService("billing");
  ASSERT_TRUE(accounts().Create(billing).ok());
  const auto refused = [&](const char* name, const AccountEdit& edit) {
    const auto change = accounts().Edit(name, edit, now_);
    EXPECT_TRUE(absl::IsFailedPrecondition(change.status()));
    return ReasonOf(change.status()) == Reason::kWrongAccountKind;
  };
  EXPECT_TRUE(refused("billing", {.password_phc = "$x"}));
  EXPECT_TRUE(refused("alice", {.add_secret = ContractSecret(1)}));
  EXPECT_TRUE(refused("alice", {.remove_secret = ContractSecret(1).id}));
  EXPECT_TRUE(refused("alice", {.jwks = "{}"}));
  EXPECT_TRUE(refused(
      "alice", {.certificate_names = std::vector<std::string>{"uri:x"}}));
  EXPECT_EQ(*accounts().Find("alice"), alice);
  EXPECT_EQ(*accounts().Find("billing"), billing);
}

TEST_P(AccountStoreContract, EditOfNobodyIsNotFound) {
  AccountEdit edit;
  edit.end_sessions = true;
  EXPECT_TRUE(absl::IsNotFound(accounts().Edit("bob", edit, now_).status()));
}

TEST_P(AccountStoreContract, EditThatChangesNothingWritesNothing) {
  const Account alice = Alice();
  const uint64_t before = sessions().Revision();
  AccountEdit edit;
  edit.roles = alice.roles;
  edit.disabled = false;
  edit.password_phc = alice.password_phc;
  const auto change = accounts().Edit("alice", edit, now_);
  ASSERT_TRUE(change.ok()) << change.status();
  EXPECT_EQ(change->account, alice);
  EXPECT_FALSE(change->ended_sessions);
  EXPECT_EQ(change->revision, before);
  EXPECT_EQ(sessions().Revision(), before);
}

TEST_P(AccountStoreContract, EditOfAnotherUidIsAbortedAndChangesNothing) {
  const Account alice = Alice();
  AccountEdit edit;
  edit.disabled = true;
  edit.expected_uid = NumberedId<AccountUid>(2);
  const auto refused = accounts().Edit("alice", edit, now_);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(ReasonOf(refused.status()), Reason::kAccountChanged);
  EXPECT_EQ(*accounts().Find("alice"), alice);
  edit.expected_uid = alice.uid;
  EXPECT_TRUE(accounts().Edit("alice", edit, now_).ok());
}

TEST_P(AccountStoreContract, EditOfAnotherGenerationIsAborted) {
  const Account alice = Alice();
  AccountEdit edit;
  edit.end_sessions = true;
  edit.expected_generation = alice.generation;
  ASSERT_TRUE(accounts().Edit("alice", edit, now_).ok());
  const auto again = accounts().Edit("alice", edit, now_);
  EXPECT_EQ(again.status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(accounts().Find("alice")->generation, alice.generation + 1);
}

TEST_P(AccountStoreContract, EditsThatMustEndSessionsRaiseTheGeneration) {
  const Account alice = Alice();
  AccountEdit roles, disable, password, end;
  roles.roles = {"reader"};
  disable.disabled = true;
  password.password_phc = "$argon2id$new";
  end.end_sessions = true;
  uint64_t generation = alice.generation;
  for (const AccountEdit& edit : {roles, disable, password, end}) {
    const auto change = accounts().Edit("alice", edit, now_);
    ASSERT_TRUE(change.ok()) << change.status();
    EXPECT_TRUE(change->ended_sessions);
    EXPECT_EQ(change->account.generation, ++generation);
    EXPECT_EQ(change->account.update_time, now_);
    EXPECT_EQ(*accounts().Find("alice"), change->account);
  }
}

TEST_P(AccountStoreContract, SeveralChangesInOneEditRaiseTheGenerationOnce) {
  const Account alice = Alice();
  AccountEdit edit;
  edit.roles = std::vector<std::string>{"admin"};
  edit.password_phc = "$argon2id$new";
  edit.disabled = true;
  edit.end_sessions = true;
  const auto change = accounts().Edit("alice", edit, now_);
  ASSERT_TRUE(change.ok());
  EXPECT_EQ(change->account.generation, alice.generation + 1);
  EXPECT_EQ(change->account.roles, *edit.roles);
  EXPECT_EQ(change->account.password_phc, *edit.password_phc);
  EXPECT_TRUE(change->account.disabled);
}

TEST_P(AccountStoreContract, EnablingEndsNothing) {
  Alice();
  AccountEdit edit;
  edit.disabled = true;
  const auto disabled = accounts().Edit("alice", edit, now_);
  ASSERT_TRUE(disabled.ok());
  edit.disabled = false;
  const auto enabled = accounts().Edit("alice", edit, now_);
  ASSERT_TRUE(enabled.ok());
  EXPECT_FALSE(enabled->ended_sessions);
  EXPECT_EQ(enabled->account.generation, disabled->account.generation);
  EXPECT_FALSE(accounts().Find("alice")->disabled);
}

TEST_P(AccountStoreContract, UpgradeHashKeepsTheGeneration) {
  const Account alice = Alice();
  ASSERT_TRUE(accounts()
                  .UpgradeHash("alice", alice.uid, alice.password_phc, "new")
                  .ok());
  const auto found = accounts().Find("alice");
  EXPECT_EQ(found->password_phc, "new");
  EXPECT_EQ(found->generation, alice.generation);
}

TEST_P(AccountStoreContract, UpgradeHashOfWhatChangedMeanwhileDoesNothing) {
  const Account alice = Alice();
  const uint64_t before = sessions().Revision();
  EXPECT_TRUE(
      accounts().UpgradeHash("alice", alice.uid, "another", "new").ok());
  EXPECT_TRUE(accounts()
                  .UpgradeHash("alice", NumberedId<AccountUid>(2),
                               alice.password_phc, "new")
                  .ok());
  EXPECT_TRUE(
      accounts().UpgradeHash("bob", alice.uid, alice.password_phc, "new").ok());
  EXPECT_EQ(*accounts().Find("alice"), alice);
  EXPECT_EQ(sessions().Revision(), before);
}

TEST_P(AccountStoreContract, DeleteReturnsWhatWasAndForgetsIt) {
  const Account alice = Alice();
  const auto deleted = accounts().Delete("alice", now_);
  ASSERT_TRUE(deleted.ok()) << deleted.status();
  EXPECT_EQ(deleted->account, alice);
  EXPECT_TRUE(deleted->ended_sessions);
  EXPECT_TRUE(absl::IsNotFound(accounts().Find("alice").status()));
  EXPECT_TRUE(absl::IsNotFound(accounts().Delete("alice", now_).status()));
}

TEST_P(AccountStoreContract, DeletedNameMayBeUsedAgain) {
  Alice();
  ASSERT_TRUE(accounts().Delete("alice", now_).ok());
  const Account second = ContractAccount("alice", 2);
  ASSERT_TRUE(accounts().Create(second).ok());
  EXPECT_EQ(*accounts().Find("alice"), second);
}

TEST_P(AccountStoreContract, LoginThatRacedADisableIsRefused) {
  const Account as_read = Alice();
  AccountEdit edit;
  edit.disabled = true;
  ASSERT_TRUE(accounts().Edit("alice", edit, now_).ok());
  EXPECT_FALSE(LoginAs(as_read, 1));
  // Nor does a generation that fits help a disabled account.
  EXPECT_FALSE(LoginAs(*accounts().Find("alice"), 2));
}

TEST_P(AccountStoreContract, LoginThatRacedANewPasswordIsRefused) {
  const Account as_read = Alice();
  AccountEdit edit;
  edit.password_phc = "$argon2id$new";
  ASSERT_TRUE(accounts().Edit("alice", edit, now_).ok());
  EXPECT_FALSE(LoginAs(as_read, 1));
  EXPECT_TRUE(LoginAs(*accounts().Find("alice"), 2));
}

TEST_P(AccountStoreContract, LoginThatRacedADeletionIsRefused) {
  const Account as_read = Alice();
  ASSERT_TRUE(accounts().Delete("alice", now_).ok());
  EXPECT_FALSE(LoginAs(as_read, 1));
  // Nor when the name has a new account by then, of the same generation.
  ASSERT_TRUE(accounts().Create(ContractAccount("alice", 2)).ok());
  EXPECT_FALSE(LoginAs(as_read, 2));
}

TEST_P(AccountStoreContract, LoginUnderAnUpgradedHashIsNotRefused) {
  const Account as_read = Alice();
  ASSERT_TRUE(accounts()
                  .UpgradeHash("alice", as_read.uid, as_read.password_phc, "n")
                  .ok());
  EXPECT_TRUE(LoginAs(as_read, 1));
}

TEST_P(AccountStoreContract, CountCounts) {
  EXPECT_EQ(*accounts().Count(), 0u);
  ASSERT_TRUE(accounts().Create(ContractAccount("alice", 1)).ok());
  ASSERT_TRUE(accounts().Create(ContractAccount("bob", 2)).ok());
  EXPECT_EQ(*accounts().Count(), 2u);
  ASSERT_TRUE(accounts().Delete("alice", now_).ok());
  EXPECT_EQ(*accounts().Count(), 1u);
}

TEST_P(DurableAccountStoreContract, ReopenFindsWhatWasAcknowledged) {
  Alice();
  ASSERT_TRUE(accounts().Create(ContractAccount("bob", 2)).ok());
  AccountEdit edit;
  edit.roles = std::vector<std::string>{};
  const auto changed = accounts().Edit("alice", edit, now_);
  ASSERT_TRUE(changed.ok());
  ASSERT_TRUE(accounts().Delete("bob", now_).ok());
  const uint64_t revision = sessions().Revision();
  stores_->Reopen();
  EXPECT_EQ(*accounts().Find("alice"), changed->account);
  EXPECT_TRUE(absl::IsNotFound(accounts().Find("bob").status()));
  EXPECT_EQ(sessions().Revision(), revision);
  EXPECT_EQ(*accounts().Create(ContractAccount("carol", 3)), revision + 1);
}

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_CONTRACT_ACCOUNT_STORE_CONTRACT_H_
