#ifndef LATCHKEY_TESTS_CONTRACT_SESSION_STORE_CONTRACT_H_
#define LATCHKEY_TESTS_CONTRACT_SESSION_STORE_CONTRACT_H_

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "server/base/error.h"
#include "tests/contract/stores_under_test.h"
#include "tests/support/create_session.h"

namespace latchkey {

// Each sentence of session_store.h as a test.
class SessionStoreContract : public testing::TestWithParam<StoreFactory> {
 protected:
  SessionStoreContract() : stores_(GetParam().make()) {
    EXPECT_TRUE(accounts().Create(alice_).ok());
  }

  AccountStore& accounts() { return stores_->accounts(); }
  SessionStore& sessions() { return stores_->sessions(); }

  // Creates alice's session of that number, under the key of that number.
  Session Add(uint32_t number) { return Add(alice_, number); }
  Session Add(const Account& account, uint32_t number) {
    const Session session = ContractSession(account, number);
    EXPECT_TRUE(
        CreateSession(sessions(), ContractKey(number), session, now_).ok());
    return session;
  }
  bool Alive(uint32_t number, absl::Time now) {
    const auto found = sessions().Find(ContractKey(number), now);
    EXPECT_TRUE(found.ok() || absl::IsNotFound(found.status()))
        << found.status();
    return found.ok();
  }
  absl::StatusOr<EndResult> End(std::vector<uint32_t> numbers, absl::Time now) {
    std::vector<SessionKey> keys;
    for (const uint32_t number : numbers) keys.push_back(ContractKey(number));
    return sessions().End(keys, now);
  }
  std::vector<SessionId> Listed(const std::optional<SessionId>& after,
                                int limit, absl::Time now) {
    std::vector<SessionId> ids;
    const auto listed = sessions().List(alice_.uid, after, limit, now);
    EXPECT_TRUE(listed.ok()) << listed.status();
    for (const StoredSession& stored : *listed) {
      ids.push_back(stored.session.id);
    }
    return ids;
  }
  void Note(const Session& session, uint32_t number, absl::Time seen) {
    const Activity note = {ContractKey(number), seen, session.expire_time};
    EXPECT_TRUE(sessions().SaveActivity({note}).ok());
  }

  const std::unique_ptr<StoresUnderTest> stores_;
  const Account alice_ = ContractAccount("alice", 1);
  const absl::Time now_ = ContractStart();
  const absl::Duration tick_ = absl::Microseconds(1);
};

// What is promised across a restart, for stores that are kept on disk.
class DurableSessionStoreContract : public SessionStoreContract {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(DurableSessionStoreContract);

// --- Create and Find ---

TEST_P(SessionStoreContract, FindReturnsWhatWasCreated) {
  const Session session = Add(1);
  const auto found = sessions().Find(ContractKey(1), now_);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(*found, session);
}

TEST_P(SessionStoreContract, OneWhoDoesNotWaitIsAnsweredOnceForEach) {
  constexpr uint32_t kSessions = 200;
  std::vector<std::atomic<int>> answers(kSessions);
  std::atomic<int> good = 0;
  for (uint32_t i = 0; i < kSessions; ++i) {
    // Each second one is of a key that is taken.
    auto session = std::make_shared<NewSession>();
    session->key = ContractKey(i / 2);
    session->session = ContractSession(alice_, i);
    sessions().StartCreate(std::move(session), now_,
                           [&, i](const absl::StatusOr<uint64_t>& revision) {
                             if (revision.ok()) ++good;
                             ++answers[i];
                           });
  }
  for (const std::atomic<int>& given : answers) {
    while (given == 0) std::this_thread::yield();
  }
  for (const std::atomic<int>& given : answers) EXPECT_EQ(given, 1);
  EXPECT_EQ(good, static_cast<int>(kSessions / 2));
  for (uint32_t i = 0; i < kSessions / 2; ++i) EXPECT_TRUE(Alive(i, now_));
}

TEST_P(SessionStoreContract, AbsentIsNotFound) {
  const auto found = sessions().Find(ContractKey(1), now_);
  EXPECT_TRUE(absl::IsNotFound(found.status()));
  EXPECT_EQ(ReasonOf(found.status()), Reason::kSessionNotFound);
}

TEST_P(SessionStoreContract, FindInMemoryAgreesWithFindOrWantsTheDisk) {
  const Session session = Add(1);
  const auto found = sessions().FindInMemory(ContractKey(1), now_);
  EXPECT_TRUE(found.ok() ? *found == session
                         : absl::IsUnavailable(found.status()));
  const auto absent = sessions().FindInMemory(ContractKey(2), now_).status();
  EXPECT_TRUE(absl::IsNotFound(absent) || absl::IsUnavailable(absent));
  const auto expired =
      sessions().FindInMemory(ContractKey(1), session.expire_time).status();
  EXPECT_TRUE(absl::IsNotFound(expired) || absl::IsUnavailable(expired));
}

TEST_P(SessionStoreContract, SecondCreateOfAKeyIsRefusedAndChangesNothing) {
  const Session session = Add(1);
  const uint64_t before = sessions().Revision();
  EXPECT_EQ(CreateSession(sessions(), ContractKey(1),
                          ContractSession(alice_, 2), now_)
                .status()
                .code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(*sessions().Find(ContractKey(1), now_), session);
  EXPECT_TRUE(
      absl::IsNotFound(sessions().FindKey(NumberedId<SessionId>(2)).status()));
  EXPECT_EQ(sessions().Revision(), before);
}

TEST_P(SessionStoreContract, SecondCreateOfAnIdIsRefusedAndChangesNothing) {
  const Session session = Add(1);
  EXPECT_EQ(
      CreateSession(sessions(), ContractKey(2), session, now_).status().code(),
      absl::StatusCode::kAlreadyExists);
  EXPECT_FALSE(Alive(2, now_));
  EXPECT_EQ(*sessions().FindKey(session.id), ContractKey(1));
}

TEST_P(SessionStoreContract, CreateWithoutAnAccountIsRefused) {
  const Account bob = ContractAccount("bob", 2);
  const uint64_t before = sessions().Revision();
  const auto refused =
      CreateSession(sessions(), ContractKey(1), ContractSession(bob, 1), now_);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(ReasonOf(refused.status()), Reason::kLoginRefused);
  EXPECT_FALSE(Alive(1, now_));
  EXPECT_EQ(sessions().Revision(), before);
}

TEST_P(SessionStoreContract, AProofThatWasTakenAwayOpensNoSession) {
  const Account billing = ContractService("billing");
  ASSERT_TRUE(accounts().Create(billing).ok());
  const auto open = [&](uint32_t number, uint64_t proof_generation) {
    return CreateSessionByProof(sessions(), ContractKey(number),
                                ContractSession(billing, number),
                                {.proof_generation = proof_generation}, now_);
  };
  ASSERT_TRUE(open(1, billing.proof_generation).ok());
  EXPECT_EQ(*sessions().Find(ContractKey(1), now_),
            ContractSession(billing, 1));
  const auto taken = accounts().Edit("billing", {.jwks = "{}"}, now_);
  ASSERT_TRUE(taken.ok()) << taken.status();
  const auto refused = open(2, billing.proof_generation);
  EXPECT_TRUE(absl::IsUnauthenticated(refused.status()));
  EXPECT_EQ(ReasonOf(refused.status()), Reason::kLoginRefused);
  EXPECT_FALSE(Alive(2, now_));
  EXPECT_TRUE(Alive(1, now_));
  EXPECT_TRUE(open(2, taken->account.proof_generation).ok());
}

TEST_P(SessionStoreContract, AnAssertionOpensOneSessionWhileItIsGood) {
  const Account billing = ContractService("billing", 9);
  const Account mail = ContractService("mail", 10);
  ASSERT_TRUE(accounts().Create(billing).ok());
  ASSERT_TRUE(accounts().Create(mail).ok());
  const absl::Time expiry = now_ + absl::Minutes(5);
  const auto open = [&](const Account& account, uint32_t number, uint32_t id,
                        absl::Time expire_time, absl::Time now) {
    return CreateSessionByProof(
               sessions(), ContractKey(number),
               ContractSession(account, number),
               {.proof_generation = account.proof_generation,
                .assertion = {{NumberedId<AssertionId>(id), expire_time}}},
               now)
        .status();
  };
  ASSERT_TRUE(open(billing, 1, 7, expiry, now_).ok());
  const uint64_t before = sessions().Revision();
  const absl::Status again = open(billing, 2, 7, expiry, expiry - tick_);
  EXPECT_TRUE(absl::IsUnauthenticated(again));
  EXPECT_EQ(ReasonOf(again), Reason::kLoginRefused);
  // Nor at its end, when the record of its use has expired with it.
  EXPECT_TRUE(absl::IsUnauthenticated(open(billing, 2, 7, expiry, expiry)));
  EXPECT_FALSE(Alive(2, now_));
  EXPECT_EQ(sessions().Revision(), before);
  // Another id, and the same one of another account, are other assertions.
  EXPECT_TRUE(open(billing, 3, 8, expiry, now_).ok());
  EXPECT_TRUE(open(mail, 4, 7, expiry, now_).ok());
  // What has expired stands in nobody's way, swept or not.
  const absl::Time later = expiry + tick_;
  EXPECT_TRUE(
      absl::IsUnauthenticated(open(billing, 5, 7, later, expiry - tick_)));
  EXPECT_TRUE(open(billing, 5, 7, later, expiry).ok());
}

TEST_P(SessionStoreContract, ARefusedLoginUsesUpNoAssertion) {
  const Account billing = ContractService("billing");
  ASSERT_TRUE(accounts().Create(billing).ok());
  const ProofUse use = {
      .proof_generation = billing.proof_generation,
      .assertion = {{NumberedId<AssertionId>(7), now_ + absl::Minutes(5)}}};
  Account stale = billing;
  stale.generation = 2;
  EXPECT_FALSE(CreateSessionByProof(sessions(), ContractKey(1),
                                    ContractSession(stale, 1), use, now_)
                   .ok());
  EXPECT_TRUE(CreateSessionByProof(sessions(), ContractKey(1),
                                   ContractSession(billing, 1), use, now_)
                  .ok());
}

TEST_P(SessionStoreContract, OfManyLoginsByOneAssertionOneWins) {
  const Account billing = ContractService("billing");
  ASSERT_TRUE(accounts().Create(billing).ok());
  const ProofUse use = {
      .proof_generation = billing.proof_generation,
      .assertion = {{NumberedId<AssertionId>(7), now_ + absl::Minutes(5)}}};
  std::atomic<int> won = 0;
  std::vector<std::thread> threads;
  for (uint32_t number = 1; number <= 64; ++number) {
    threads.emplace_back([&, number] {
      const auto made =
          CreateSessionByProof(sessions(), ContractKey(number),
                               ContractSession(billing, number), use, now_);
      if (made.ok()) ++won;
      EXPECT_TRUE(made.ok() || absl::IsUnauthenticated(made.status()));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(won, 1);
}

TEST_P(DurableSessionStoreContract, AUsedAssertionIsRefusedAfterReopening) {
  const Account billing = ContractService("billing");
  ASSERT_TRUE(accounts().Create(billing).ok());
  const ProofUse use = {
      .proof_generation = billing.proof_generation,
      .assertion = {{NumberedId<AssertionId>(7), now_ + absl::Minutes(5)}}};
  const auto open = [&](uint32_t number) {
    return CreateSessionByProof(sessions(), ContractKey(number),
                                ContractSession(billing, number), use, now_)
        .status();
  };
  ASSERT_TRUE(open(1).ok());
  stores_->Reopen();
  EXPECT_TRUE(absl::IsUnauthenticated(open(2)));
  EXPECT_EQ(sessions().Find(ContractKey(1), now_)->account_kind,
            AccountKind::kService);
}

TEST_P(SessionStoreContract, CreateUnderAnotherUidOrGenerationIsRefused) {
  Account other = alice_;
  other.uid = NumberedId<AccountUid>(2);
  for (const uint64_t generation : {0, 2}) {
    Account stale = alice_;
    stale.generation = generation;
    EXPECT_EQ(CreateSession(sessions(), ContractKey(1),
                            ContractSession(stale, 1), now_)
                  .status()
                  .code(),
              absl::StatusCode::kUnauthenticated);
  }
  EXPECT_EQ(
      CreateSession(sessions(), ContractKey(1), ContractSession(other, 1), now_)
          .status()
          .code(),
      absl::StatusCode::kUnauthenticated);
  EXPECT_FALSE(Alive(1, now_));
}

TEST_P(SessionStoreContract, CreateReturnsConsecutiveRevisions) {
  const auto first = CreateSession(sessions(), ContractKey(1),
                                   ContractSession(alice_, 1), now_);
  const auto second = CreateSession(sessions(), ContractKey(2),
                                    ContractSession(alice_, 2), now_);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(*second, *first + 1);
  EXPECT_EQ(sessions().Revision(), *second);
}

TEST_P(SessionStoreContract, ValuesAreCopies) {
  const Session session = Add(1);
  auto found = sessions().Find(ContractKey(1), now_);
  ASSERT_TRUE(found.ok());
  found->roles.clear();
  found->expire_time = absl::InfiniteFuture();
  EXPECT_EQ(*sessions().Find(ContractKey(1), now_), session);
}

TEST_P(SessionStoreContract, KeyIsNotItsPublicId) {
  // The id is public: padded to a key, or as a prefix of one, it finds nothing.
  Session session = ContractSession(alice_, 1);
  session.id.array().fill(7);
  ASSERT_TRUE(CreateSession(sessions(), ContractKey(1), session, now_).ok());
  SessionKey as_key;
  for (size_t i = 0; i < SessionId::kSize; ++i) as_key.array()[i] = 7;
  EXPECT_TRUE(absl::IsNotFound(sessions().Find(as_key, now_).status()));
}

// --- Expiry, decided by the reader ---

TEST_P(SessionStoreContract, ExpiresExactlyAtTheInstant) {
  Session session = ContractSession(alice_, 1);
  session.idle_ttl = absl::Hours(100);
  ASSERT_TRUE(CreateSession(sessions(), ContractKey(1), session, now_).ok());
  EXPECT_TRUE(Alive(1, session.expire_time - tick_));
  EXPECT_FALSE(Alive(1, session.expire_time));
  EXPECT_FALSE(Alive(1, session.expire_time + tick_));
}

TEST_P(SessionStoreContract, IdlesOutExactlyAtTheInstant) {
  const Session session = Add(1);
  ASSERT_LT(session.idle_expire_time(), session.expire_time);
  EXPECT_TRUE(Alive(1, session.idle_expire_time() - tick_));
  EXPECT_FALSE(Alive(1, session.idle_expire_time()));
  EXPECT_FALSE(Alive(1, session.idle_expire_time() + tick_));
}

TEST_P(SessionStoreContract, ExpiryNeedsNoSweepAndASweepChangesNoAnswer) {
  const Session session = Add(1);
  Add(2);
  const absl::Time alive = session.idle_expire_time() - tick_;
  const absl::Time dead = session.idle_expire_time();
  EXPECT_EQ(*sessions().Sweep(alive, 10), 0);
  EXPECT_TRUE(Alive(1, alive));
  // Dead, and within the grace not yet freed: the answer is the same.
  EXPECT_FALSE(Alive(1, dead));
  EXPECT_EQ(*sessions().Sweep(dead, 10), 0);
  EXPECT_FALSE(Alive(1, dead));
  EXPECT_EQ(*sessions().Sweep(dead + kSweepGrace - tick_, 10), 0);
  EXPECT_EQ(*sessions().Sweep(dead + kSweepGrace, 10), 2);
  EXPECT_FALSE(Alive(1, dead + kSweepGrace));
  EXPECT_TRUE(Listed(std::nullopt, 10, dead + kSweepGrace).empty());
}

// --- FindKey and List ---

TEST_P(SessionStoreContract, FindKeyLeadsFromTheIdToTheKey) {
  const Session session = Add(1);
  EXPECT_EQ(*sessions().FindKey(session.id), ContractKey(1));
  const auto in_memory = sessions().FindKeyInMemory(session.id);
  EXPECT_TRUE(in_memory.ok() ? *in_memory == ContractKey(1)
                             : absl::IsUnavailable(in_memory.status()));
  const auto absent = sessions().FindKey(NumberedId<SessionId>(2)).status();
  EXPECT_TRUE(absl::IsNotFound(absent));
  EXPECT_EQ(ReasonOf(absent), Reason::kSessionNotFound);
}

TEST_P(SessionStoreContract, ListIsInOrderOfIdsAndOfOneAccount) {
  const Account bob = ContractAccount("bob", 2);
  ASSERT_TRUE(accounts().Create(bob).ok());
  for (const uint32_t number : {3, 1, 2}) Add(number);
  Add(bob, 4);
  EXPECT_THAT(
      Listed(std::nullopt, 10, now_),
      testing::ElementsAre(NumberedId<SessionId>(1), NumberedId<SessionId>(2),
                           NumberedId<SessionId>(3)));
  const auto of_bob = sessions().List(bob.uid, std::nullopt, 10, now_);
  ASSERT_EQ(of_bob->size(), 1u);
  EXPECT_EQ((*of_bob)[0].key, ContractKey(4));
  EXPECT_EQ((*of_bob)[0].session, ContractSession(bob, 4));
}

TEST_P(SessionStoreContract, ListGoesOnBehindAfterUpToItsLimit) {
  for (uint32_t number = 0; number < 5; ++number) Add(number);
  EXPECT_THAT(
      Listed(std::nullopt, 2, now_),
      testing::ElementsAre(NumberedId<SessionId>(0), NumberedId<SessionId>(1)));
  EXPECT_THAT(
      Listed(NumberedId<SessionId>(1), 2, now_),
      testing::ElementsAre(NumberedId<SessionId>(2), NumberedId<SessionId>(3)));
  // An id that is gone still says where to go on.
  ASSERT_TRUE(End({3}, now_).ok());
  EXPECT_THAT(Listed(NumberedId<SessionId>(3), 2, now_),
              testing::ElementsAre(NumberedId<SessionId>(4)));
}

TEST_P(SessionStoreContract, ListLeavesOutTheDeadAndFillsTheLimit) {
  for (uint32_t number = 1; number <= 3; ++number) Add(number);
  ASSERT_TRUE(End({2}, now_).ok());
  EXPECT_THAT(
      Listed(std::nullopt, 2, now_),
      testing::ElementsAre(NumberedId<SessionId>(1), NumberedId<SessionId>(3)));
  EXPECT_TRUE(
      Listed(std::nullopt, 2, ContractStart() + absl::Minutes(10)).empty());
}

TEST_P(SessionStoreContract, ListOfTheHighestUidEndsWithIt) {
  Account last = ContractAccount("zoe");
  last.uid.array().fill(0xff);
  ASSERT_TRUE(accounts().Create(last).ok());
  Add(last, 1);
  EXPECT_EQ(sessions().List(last.uid, std::nullopt, 10, now_)->size(), 1u);
  EXPECT_TRUE(Listed(std::nullopt, 10, now_).empty());
}

// --- Walk ---

TEST_P(SessionStoreContract, WalkMeetsEverySessionOnceInOrderOfKeys) {
  std::vector<SessionKey> keys;
  for (uint32_t number = 1; number <= 7; ++number) Add(number);
  std::optional<SessionKey> after;
  int pages = 0;
  do {
    const auto page = sessions().Walk(after, 3, now_);
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_LE(page->sessions.size(), 3u);
    for (const StoredSession& stored : page->sessions) {
      keys.push_back(stored.key);
      EXPECT_EQ(stored.session, *sessions().Find(stored.key, now_));
    }
    after = page->next;
    ++pages;
  } while (after.has_value());
  EXPECT_EQ(pages, 3);
  std::vector<SessionKey> expected;
  for (uint32_t number = 1; number <= 7; ++number) {
    expected.push_back(ContractKey(number));
  }
  EXPECT_EQ(keys, expected);
}

TEST_P(SessionStoreContract, WalkOfNothingIsAtItsEnd) {
  const auto page = sessions().Walk(std::nullopt, 3, now_);
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_TRUE(page->sessions.empty());
  EXPECT_FALSE(page->next.has_value());
}

TEST_P(SessionStoreContract, WalkEndsWithThePageThatTheLastSessionFills) {
  for (uint32_t number = 1; number <= 3; ++number) Add(number);
  EXPECT_FALSE(sessions().Walk(std::nullopt, 3, now_)->next.has_value());
  EXPECT_EQ(sessions().Walk(std::nullopt, 2, now_)->next, ContractKey(2));
}

TEST_P(SessionStoreContract, WalkCountsTheDeadAmongItsLimitAndLeavesThemOut) {
  for (uint32_t number = 1; number <= 3; ++number) Add(number);
  const absl::Time dead = ContractStart() + absl::Minutes(10);
  const auto page = sessions().Walk(std::nullopt, 2, dead);
  ASSERT_TRUE(page.ok());
  EXPECT_TRUE(page->sessions.empty());
  EXPECT_EQ(page->next, ContractKey(2));
}

TEST_P(SessionStoreContract, WalkShowsActivityOfTheSessionsThatHaveIt) {
  const Session session = Add(2);
  for (const uint32_t number : {1, 4}) Add(number);
  // Two notes of absent sessions lie between them.
  for (const uint32_t number : {0, 2, 3, 4}) {
    Note(session, number, now_ + absl::Minutes(number + 1));
  }
  const absl::Time later = now_ + absl::Minutes(12);
  const auto page = sessions().Walk(std::nullopt, 10, later);
  ASSERT_TRUE(page.ok());
  ASSERT_EQ(page->sessions.size(), 2u);
  EXPECT_EQ(page->sessions[0].key, ContractKey(2));
  EXPECT_EQ(page->sessions[0].session.last_seen_time, now_ + absl::Minutes(3));
  EXPECT_EQ(page->sessions[1].key, ContractKey(4));
  EXPECT_EQ(page->sessions[1].session.last_seen_time, now_ + absl::Minutes(5));
}

TEST_P(SessionStoreContract, WalkGoesOnBehindAKeyThatIsGone) {
  for (uint32_t number = 1; number <= 3; ++number) Add(number);
  ASSERT_TRUE(End({2}, now_).ok());
  const auto page = sessions().Walk(ContractKey(2), 10, now_);
  ASSERT_TRUE(page.ok());
  ASSERT_EQ(page->sessions.size(), 1u);
  EXPECT_EQ(page->sessions[0].key, ContractKey(3));
  EXPECT_FALSE(page->next.has_value());
}

// --- End ---

TEST_P(SessionStoreContract, EndedSessionIsFoundNoMore) {
  const Session session = Add(1);
  Add(2);
  const uint64_t before = sessions().Revision();
  const auto ended = End({1}, now_);
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->ended, 1);
  EXPECT_EQ(ended->revision, before + 1);
  EXPECT_FALSE(Alive(1, now_));
  EXPECT_TRUE(Alive(2, now_));
  EXPECT_TRUE(absl::IsNotFound(sessions().FindKey(session.id).status()));
  EXPECT_THAT(Listed(std::nullopt, 10, now_),
              testing::ElementsAre(NumberedId<SessionId>(2)));
}

TEST_P(SessionStoreContract, EndingTwiceIsOkAndTheSecondWritesNothing) {
  Add(1);
  const auto first = End({1}, now_);
  const auto second = End({1}, now_);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(second->ended, 0);
  EXPECT_EQ(second->revision, first->revision);
  EXPECT_EQ(sessions().Revision(), first->revision);
}

TEST_P(SessionStoreContract, EndTakesManyInOneRevisionAndCountsTheLive) {
  for (uint32_t number = 1; number <= 3; ++number) Add(number);
  const uint64_t before = sessions().Revision();
  // One of them twice, and one that never was.
  const auto ended = End({1, 2, 2, 9}, now_);
  ASSERT_TRUE(ended.ok());
  EXPECT_EQ(ended->ended, 2);
  EXPECT_EQ(ended->revision, before + 1);
  EXPECT_TRUE(Alive(3, now_));
}

TEST_P(SessionStoreContract, EndOfADeadSessionCountsNothingButRemovesIt) {
  const Session session = Add(1);
  const auto ended = End({1}, session.idle_expire_time());
  ASSERT_TRUE(ended.ok());
  EXPECT_EQ(ended->ended, 0);
  // The clock that said so was wrong, and is put right.
  EXPECT_FALSE(Alive(1, now_));
  EXPECT_TRUE(absl::IsNotFound(sessions().FindKey(session.id).status()));
}

TEST_P(SessionStoreContract, ALateNoteDoesNotReviveWhatEndedAtItsIdleEnd) {
  const Session session = Add(1);
  // A check reads its clock just before the idle end, the logout just after
  // it; the check's note comes last.
  ASSERT_TRUE(Alive(1, session.idle_expire_time() - tick_));
  ASSERT_TRUE(End({1}, session.idle_expire_time()).ok());
  Note(session, 1, session.idle_expire_time() - tick_);
  EXPECT_FALSE(Alive(1, session.idle_expire_time()));
}

TEST_P(SessionStoreContract, EndOfNothingIsOk) {
  const auto ended = End({}, now_);
  ASSERT_TRUE(ended.ok());
  EXPECT_EQ(ended->ended, 0);
}

TEST_P(SessionStoreContract, EndTakesUpToItsLimitAndNotOneMore) {
  std::vector<SessionKey> keys(kMaxEndBatch, ContractKey(9));
  EXPECT_TRUE(sessions().End(keys, now_).ok());
  keys.push_back(ContractKey(9));
  EXPECT_EQ(sessions().End(keys, now_).status().code(),
            absl::StatusCode::kInvalidArgument);
}

// --- Activity ---

TEST_P(SessionStoreContract, ActivityMovesTheIdleEndAndNotTheAbsoluteOne) {
  const Session session = Add(1);
  const absl::Time seen = session.idle_expire_time() - tick_;
  Note(session, 1, seen);
  const auto found = sessions().Find(ContractKey(1), seen);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->last_seen_time, seen);
  EXPECT_EQ(found->expire_time, session.expire_time);
  EXPECT_TRUE(Alive(1, seen + session.idle_ttl - tick_));
  EXPECT_FALSE(Alive(1, seen + session.idle_ttl));
  Note(session, 1, session.expire_time - tick_);
  EXPECT_TRUE(Alive(1, session.expire_time - tick_));
  EXPECT_FALSE(Alive(1, session.expire_time));
}

TEST_P(SessionStoreContract, ActivityNeverMovesBack) {
  const Session session = Add(1);
  Note(session, 1, now_ + absl::Minutes(5));
  Note(session, 1, now_ + absl::Minutes(3));
  EXPECT_EQ(sessions().Find(ContractKey(1), now_)->last_seen_time,
            now_ + absl::Minutes(5));
  Note(session, 1, now_ - absl::Minutes(1));
  EXPECT_EQ(sessions().Find(ContractKey(1), now_)->last_seen_time,
            now_ + absl::Minutes(5));
}

TEST_P(SessionStoreContract, ActivityBeforeTheLoginChangesNothing) {
  const Session session = Add(1);
  Note(session, 1, now_ - absl::Minutes(1));
  EXPECT_EQ(*sessions().Find(ContractKey(1), now_), session);
}

TEST_P(SessionStoreContract, ActivityShowsInTheList) {
  const Session session = Add(1);
  Note(session, 1, now_ + absl::Minutes(5));
  const auto listed =
      sessions().List(alice_.uid, std::nullopt, 10, now_ + absl::Minutes(14));
  ASSERT_EQ(listed->size(), 1u);
  EXPECT_EQ((*listed)[0].session.last_seen_time, now_ + absl::Minutes(5));
}

TEST_P(SessionStoreContract, LateActivityNeverBringsAnEndedSessionBack) {
  const Session session = Add(1);
  ASSERT_TRUE(End({1}, now_).ok());
  Note(session, 1, now_ + absl::Minutes(1));
  EXPECT_FALSE(Alive(1, now_ + absl::Minutes(1)));
  EXPECT_TRUE(Listed(std::nullopt, 10, now_ + absl::Minutes(1)).empty());
  EXPECT_TRUE(absl::IsNotFound(sessions().FindKey(session.id).status()));
}

TEST_P(SessionStoreContract, ActivityOfAbsentSessionsDoesNothing) {
  const Session session = ContractSession(alice_, 1);
  Note(session, 1, now_ + absl::Minutes(5));
  EXPECT_FALSE(Alive(1, now_));
  Add(1);
  EXPECT_EQ(*sessions().Find(ContractKey(1), now_), session);
}

TEST_P(SessionStoreContract, SaveActivityTakesManyAndNone) {
  const Session session = Add(1);
  Add(2);
  const absl::Time seen = now_ + absl::Minutes(5);
  const std::vector<Activity> notes = {
      {ContractKey(1), seen, session.expire_time},
      {ContractKey(2), seen + tick_, session.expire_time},
      {ContractKey(3), seen, session.expire_time}};
  ASSERT_TRUE(sessions().SaveActivity(notes).ok());
  ASSERT_TRUE(sessions().SaveActivity({}).ok());
  EXPECT_EQ(sessions().Find(ContractKey(1), now_)->last_seen_time, seen);
  EXPECT_EQ(sessions().Find(ContractKey(2), now_)->last_seen_time,
            seen + tick_);
  EXPECT_FALSE(Alive(3, now_));
}

TEST_P(SessionStoreContract, SeveralNotesOfOneSessionKeepTheNewest) {
  const Session session = Add(1);
  const std::vector<Activity> notes = {
      {ContractKey(1), now_ + absl::Minutes(5), session.expire_time},
      {ContractKey(1), now_ + absl::Minutes(2), session.expire_time}};
  ASSERT_TRUE(sessions().SaveActivity(notes).ok());
  EXPECT_EQ(sessions().Find(ContractKey(1), now_)->last_seen_time,
            now_ + absl::Minutes(5));
}

TEST_P(SessionStoreContract, EndLooksAtActivityToo) {
  const Session session = Add(1);
  Note(session, 1, session.idle_expire_time() - tick_);
  EXPECT_EQ(End({1}, session.idle_expire_time())->ended, 1);
}

// --- Sweep ---

TEST_P(SessionStoreContract, SweepHoldsItsLimitAndGoesOn) {
  for (uint32_t number = 1; number <= 7; ++number) Add(number);
  const absl::Time dead = ContractStart() + absl::Hours(1);
  EXPECT_EQ(*sessions().Sweep(dead - tick_, 0), 0);
  EXPECT_EQ(*sessions().Sweep(dead, 3), 3);
  EXPECT_EQ(*sessions().Count(), 4u);
  EXPECT_EQ(*sessions().Sweep(dead, 3), 3);
  EXPECT_EQ(*sessions().Sweep(dead, 3), 1);
  EXPECT_EQ(*sessions().Sweep(dead, 3), 0);
  EXPECT_EQ(*sessions().Count(), 0u);
}

TEST_P(SessionStoreContract, SweepLeavesTheLivingAlone) {
  const Session session = Add(1);
  Add(2);
  const absl::Time seen = session.idle_expire_time() - tick_;
  Note(session, 2, seen);
  const absl::Time later = session.idle_expire_time() + kSweepGrace;
  EXPECT_EQ(*sessions().Sweep(later, 10), 1);
  EXPECT_FALSE(Alive(1, later));
  EXPECT_TRUE(Alive(2, later));
  EXPECT_EQ(*sessions().FindKey(NumberedId<SessionId>(2)), ContractKey(2));
}

TEST_P(SessionStoreContract, SweepMeetsWhatDiedBehindIt) {
  for (uint32_t number = 1; number <= 4; ++number) Add(number);
  Session brief = ContractSession(alice_, 9);
  brief.expire_time = now_ + absl::Minutes(1);
  ASSERT_TRUE(CreateSession(sessions(), ContractKey(9), brief, now_).ok());
  EXPECT_EQ(*sessions().Sweep(brief.expire_time, 1), 1);
  // The next run begins behind where that one stopped, and comes around.
  EXPECT_EQ(*sessions().Sweep(ContractStart() + absl::Hours(1), 10), 4);
}

TEST_P(SessionStoreContract, SweepFreesWhatTheAccountLeftBehind) {
  const Account bob = ContractAccount("bob", 2);
  ASSERT_TRUE(accounts().Create(bob).ok());
  const Session left_by_alice = Add(1);
  const Session left_by_bob = Add(bob, 2);
  AccountEdit edit;
  edit.end_sessions = true;
  const auto change = accounts().Edit("alice", edit, now_);
  ASSERT_TRUE(change.ok());
  Add(change->account, 3);
  EXPECT_EQ(*sessions().Sweep(now_, 10), 1);
  EXPECT_TRUE(absl::IsNotFound(sessions().FindKey(left_by_alice.id).status()));
  EXPECT_TRUE(Alive(2, now_));
  EXPECT_TRUE(Alive(3, now_));
  ASSERT_TRUE(accounts().Delete("bob", now_).ok());
  EXPECT_EQ(*sessions().Sweep(now_, 10), 1);
  EXPECT_TRUE(absl::IsNotFound(sessions().FindKey(left_by_bob.id).status()));
  EXPECT_TRUE(Alive(3, now_));
}

TEST_P(SessionStoreContract, SweptIdAndIndexAreGoneToo) {
  const Session session = Add(1);
  EXPECT_EQ(*sessions().Sweep(session.expire_time, 10), 1);
  EXPECT_TRUE(absl::IsNotFound(sessions().FindKey(session.id).status()));
  // Nothing of it stands in the way of a new one, nor colours it.
  Add(1);
  EXPECT_EQ(*sessions().Find(ContractKey(1), now_), session);
}

// --- The rest ---

TEST_P(SessionStoreContract, CountCounts) {
  EXPECT_EQ(*sessions().Count(), 0u);
  Add(1);
  Add(2);
  EXPECT_EQ(*sessions().Count(), 2u);
  ASSERT_TRUE(End({1}, now_).ok());
  EXPECT_EQ(*sessions().Count(), 1u);
}

TEST_P(DurableSessionStoreContract, ReopenFindsWhatWasAcknowledged) {
  const Session first = Add(1);
  Add(2);
  ASSERT_TRUE(End({2}, now_).ok());
  Note(first, 1, now_ + absl::Minutes(5));
  const uint64_t revision = sessions().Revision();
  stores_->Reopen();
  EXPECT_EQ(sessions().Revision(), revision);
  const auto found = sessions().Find(ContractKey(1), now_);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->id, first.id);
  // Reopened after a clean end, so the note was not lost.
  EXPECT_EQ(found->last_seen_time, now_ + absl::Minutes(5));
  EXPECT_EQ(*sessions().FindKey(first.id), ContractKey(1));
  EXPECT_FALSE(Alive(2, now_));
  EXPECT_THAT(Listed(std::nullopt, 10, now_),
              testing::ElementsAre(NumberedId<SessionId>(1)));
}

TEST_P(DurableSessionStoreContract, ExpiryHoldsAcrossReopen) {
  const Session session = Add(1);
  stores_->Reopen();
  EXPECT_TRUE(Alive(1, session.idle_expire_time() - tick_));
  EXPECT_FALSE(Alive(1, session.idle_expire_time()));
}

}  // namespace latchkey

#endif  // LATCHKEY_TESTS_CONTRACT_SESSION_STORE_CONTRACT_H_
