#include "server/storage/session_loader.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

#include "server/base/random.h"
#include "tests/server/storage/database_in_directory.h"

namespace latchkey {
namespace {

constexpr int kAccounts = 20;
constexpr int kSessionsEach = 50;

std::vector<Account> SomeAccounts(absl::Time now) {
  std::vector<Account> accounts;
  for (int i = 0; i < kAccounts; ++i) {
    Account account;
    account.name = absl::StrCat("user", i);
    account.uid = RandomBytes<AccountUid>();
    account.password_phc = "phc";
    account.create_time = account.update_time = now;
    accounts.push_back(account);
  }
  return accounts;
}

std::vector<StoredSession> SomeSessions(const std::vector<Account>& accounts,
                                        absl::Time now) {
  std::vector<StoredSession> sessions;
  for (const Account& account : accounts) {
    for (int i = 0; i < kSessionsEach; ++i) {
      StoredSession stored;
      stored.key = RandomBytes<SessionKey>();
      stored.session.id = RandomBytes<SessionId>();
      stored.session.account = account.name;
      stored.session.account_uid = account.uid;
      stored.session.generation = account.generation;
      stored.session.create_time = stored.session.auth_time = now;
      stored.session.last_seen_time = now;
      stored.session.expire_time = now + absl::Hours(12);
      stored.session.idle_ttl = absl::Minutes(30);
      sessions.push_back(stored);
    }
  }
  return sessions;
}

TEST(SessionLoader, WhatItLoadedIsFoundAfterAnOrdinaryOpening) {
  DatabaseInDirectory database;
  const absl::Time now = database.clock().Now();
  const std::vector<Account> accounts = SomeAccounts(now);
  const std::vector<StoredSession> sessions = SomeSessions(accounts, now);
  {
    auto loader = SessionLoader::Open(database.options(), database.clock(),
                                      database.log());
    ASSERT_TRUE(loader.ok()) << loader.status();
    ASSERT_TRUE((*loader)->AddAccounts(accounts).ok());
    ASSERT_TRUE((*loader)->AddSessions(sessions).ok());
    const absl::Status finished = (*loader)->Finish();
    ASSERT_TRUE(finished.ok()) << finished;
  }

  const absl::Status opened = database.Open();
  ASSERT_TRUE(opened.ok()) << opened;
  for (const Account& account : accounts) {
    const auto found = database->accounts().Find(account.name);
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(*found, account);
    const auto listed = database->sessions().List(account.uid, std::nullopt,
                                                  2 * kSessionsEach, now);
    ASSERT_TRUE(listed.ok()) << listed.status();
    EXPECT_EQ(listed->size(), static_cast<size_t>(kSessionsEach));
  }
  for (const StoredSession& stored : sessions) {
    const auto found = database->sessions().Find(stored.key, now);
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(*found, stored.session);
    const auto key = database->sessions().FindKey(stored.session.id);
    ASSERT_TRUE(key.ok()) << key.status();
    EXPECT_EQ(*key, stored.key);
  }
}

TEST(SessionLoader, ALoadedDatabaseTakesChangesAndKeepsThem) {
  DatabaseInDirectory database;
  const absl::Time now = database.clock().Now();
  const std::vector<Account> accounts = SomeAccounts(now);
  const std::vector<StoredSession> sessions = SomeSessions(accounts, now);
  {
    auto loader = SessionLoader::Open(database.options(), database.clock(),
                                      database.log());
    ASSERT_TRUE(loader.ok()) << loader.status();
    ASSERT_TRUE((*loader)->AddAccounts(accounts).ok());
    ASSERT_TRUE((*loader)->AddSessions(sessions).ok());
    ASSERT_TRUE((*loader)->Finish().ok());
  }

  ASSERT_TRUE(database.Open().ok());
  const auto ended = database->sessions().End({sessions[0].key}, now);
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->ended, 1);
  database.Close();

  ASSERT_TRUE(database.Open().ok());
  EXPECT_TRUE(absl::IsNotFound(
      database->sessions().Find(sessions[0].key, now).status()));
  EXPECT_TRUE(database->sessions().Find(sessions[1].key, now).ok());
}

TEST(SessionLoader, ADatabaseInUseIsRefused) {
  DatabaseInDirectory database;
  ASSERT_TRUE(database.Open().ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(
      SessionLoader::Open(database.options(), database.clock(), database.log())
          .status()));
}

}  // namespace
}  // namespace latchkey
