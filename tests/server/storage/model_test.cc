// Random verbs against the stores and against plain maps, with a clock that
// jumps, sweeps, compactions, late activity and reopening in between. The two
// must agree after every verb.
//
// LATCHKEY_MODEL_SEED and LATCHKEY_MODEL_STEPS set what is run.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "rocksdb/options.h"

#include "tests/contract/stores_under_test.h"
#include "tests/server/storage/database_in_directory.h"
#include "tests/server/storage/fault_disk.h"
#include "tests/support/create_session.h"

namespace latchkey {
namespace {

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  uint64_t value = otherwise;
  if (const char* text = std::getenv(name)) {
    EXPECT_TRUE(absl::SimpleAtoi(text, &value)) << name;
  }
  return value;
}

// What must be true, kept as simply as can be. Dead sessions stay in it.
struct Model {
  std::map<std::string, Account> accounts;
  std::map<SessionKey, Session> sessions;
  uint64_t revision = 0;

  bool Alive(const SessionKey& key, absl::Time now) const {
    const auto it = sessions.find(key);
    return it != sessions.end() && IsAlive(it->second, now);
  }
  bool Holds(const Session& session) const {
    const auto it = accounts.find(session.account);
    return it != accounts.end() &&
           SessionsHold(it->second, session.account_uid, session.generation);
  }
};

class ModelTest : public testing::Test {
 protected:
  ModelTest()
      : seed_(FromEnvironment("LATCHKEY_MODEL_SEED", std::random_device()())),
        random_(seed_) {
    std::cout << "LATCHKEY_MODEL_SEED=" << seed_ << std::endl;
    std::filesystem::create_directory(database_.path());
    env_ = FaultDisk::MakeEnv(std::make_shared<FaultDisk>(database_.path()));
    database_.UseEnv(env_.get());
    EXPECT_TRUE(database_.Open().ok());
  }
  ~ModelTest() override { database_.Close(); }

  uint64_t Below(uint64_t limit) { return random_() % limit; }
  std::string SomeName() { return absl::StrCat("a", Below(4)); }
  SessionKey SomeKey() {
    return ContractKey(static_cast<uint32_t>(Below(next_session_ + 1)));
  }
  absl::Time now() { return database_.clock().Now(); }

  void Step();
  void CreateAccount();
  void EditAccount();
  void DeleteAccount();
  void CreateSession();
  void EndSessions();
  void SaveActivity();
  void Sweep();
  void MoveTime();
  void CompactAll();
  void CheckAll();

  const uint64_t seed_;
  std::mt19937_64 random_;
  DatabaseInDirectory database_;
  std::unique_ptr<rocksdb::Env> env_;
  Model model_;
  uint32_t next_uid_ = 1;
  uint32_t next_session_ = 1;
};

void ModelTest::CreateAccount() {
  const Account account = ContractAccount(SomeName(), next_uid_++);
  const auto created = database_->accounts().Create(account);
  if (model_.accounts.emplace(account.name, account).second) {
    ASSERT_TRUE(created.ok()) << created.status();
    ASSERT_EQ(*created, ++model_.revision);
  } else {
    ASSERT_TRUE(absl::IsAlreadyExists(created.status()));
  }
}

void ModelTest::EditAccount() {
  const std::string name = SomeName();
  AccountEdit edit;
  if (Below(2) == 0) edit.disabled = Below(2) == 0;
  if (Below(3) == 0) edit.password_phc = absl::StrCat("$", Below(3));
  if (Below(4) == 0) edit.end_sessions = true;
  const auto edited = database_->accounts().Edit(name, edit, now());
  const auto it = model_.accounts.find(name);
  if (it == model_.accounts.end()) {
    ASSERT_TRUE(absl::IsNotFound(edited.status()));
    return;
  }
  Account& account = it->second;
  const Account before = account;
  account.disabled = edit.disabled.value_or(account.disabled);
  account.password_phc = edit.password_phc.value_or(account.password_phc);
  const bool ends = edit.end_sessions ||
                    (account.disabled && !before.disabled) ||
                    account.password_phc != before.password_phc;
  if (ends) ++account.generation;
  if (!(account == before)) {
    account.update_time = now();
    ++model_.revision;
  }
  ASSERT_TRUE(edited.ok()) << edited.status();
  ASSERT_EQ(edited->account, account);
  ASSERT_EQ(edited->ended_sessions, ends);
  ASSERT_EQ(edited->revision, model_.revision);
}

void ModelTest::DeleteAccount() {
  const std::string name = SomeName();
  const auto deleted = database_->accounts().Delete(name, now());
  if (model_.accounts.erase(name) > 0) {
    ASSERT_TRUE(deleted.ok()) << deleted.status();
    ASSERT_EQ(deleted->revision, ++model_.revision);
  } else {
    ASSERT_TRUE(absl::IsNotFound(deleted.status()));
  }
}

void ModelTest::CreateSession() {
  const std::string name = SomeName();
  const auto it = model_.accounts.find(name);
  Account account =
      it == model_.accounts.end() ? ContractAccount(name) : it->second;
  if (Below(8) == 0) --account.generation;  // read before a change
  Session session = ContractSession(account, next_session_);
  session.create_time = session.auth_time = session.last_seen_time = now();
  session.idle_ttl = absl::Minutes(1 + Below(30));
  session.expire_time = now() + absl::Minutes(1 + Below(120));
  const SessionKey key = ContractKey(next_session_++);
  const auto created =
      latchkey::CreateSession(database_->sessions(), key, session, now());
  if (model_.Holds(session)) {
    ASSERT_TRUE(created.ok()) << created.status();
    ASSERT_EQ(*created, ++model_.revision);
    model_.sessions.emplace(key, session);
  } else {
    ASSERT_EQ(created.status().code(), absl::StatusCode::kUnauthenticated);
  }
}

void ModelTest::EndSessions() {
  std::vector<SessionKey> keys;
  for (uint64_t i = Below(4); i > 0; --i) keys.push_back(SomeKey());
  int live = 0;
  bool removed = false;
  for (const SessionKey& key : keys) {
    if (model_.Alive(key, now())) ++live;
    if (model_.sessions.erase(key) > 0) removed = true;
  }
  const auto ended = database_->sessions().End(keys, now());
  ASSERT_TRUE(ended.ok()) << ended.status();
  ASSERT_EQ(ended->ended, live);
  // The rows of what is dead for long may be freed already or not: removing
  // one is a change, finding none is not.
  ASSERT_GE(ended->revision, model_.revision + (removed ? 1 : 0));
  ASSERT_LE(ended->revision, model_.revision + (keys.empty() ? 0 : 1));
  model_.revision = ended->revision;
}

void ModelTest::SaveActivity() {
  const SessionKey key = SomeKey();
  const auto it = model_.sessions.find(key);
  // As a server does: only of what was alive when it was seen; sometimes late.
  const absl::Time seen = now() - absl::Seconds(Below(40));
  absl::Time expire = now() + absl::Hours(1);
  if (it != model_.sessions.end()) {
    if (!IsAlive(it->second, seen)) return;
    it->second.last_seen_time = std::max(it->second.last_seen_time, seen);
    expire = it->second.expire_time;
  }
  ASSERT_TRUE(database_->sessions().SaveActivity({{key, seen, expire}}).ok());
}

void ModelTest::Sweep() {
  const int limit = static_cast<int>(Below(10));
  const auto swept = database_->sessions().Sweep(now(), limit);
  ASSERT_TRUE(swept.ok()) << swept.status();
  ASSERT_LE(*swept, limit);
  if (*swept == 0) return;
  model_.revision = database_->sessions().Revision();
  // Whatever it freed, it may only have been of these.
  for (auto it = model_.sessions.begin(); it != model_.sessions.end();) {
    const Session& session = it->second;
    const bool may_go = now() >= session.expire_time ||
                        now() >= session.idle_expire_time() + kSweepGrace ||
                        !model_.Holds(session);
    const bool gone =
        absl::IsNotFound(database_->sessions().FindKey(session.id).status());
    ASSERT_TRUE(may_go || !gone);
    it = gone ? model_.sessions.erase(it) : std::next(it);
  }
}

void ModelTest::MoveTime() {
  database_.clock().Advance(absl::Seconds(Below(400)));
  // Sessions that the filter may have freed are dead for long.
  std::erase_if(model_.sessions, [this](const auto& entry) {
    return now() >= entry.second.expire_time + absl::Hours(1);
  });
}

void ModelTest::CompactAll() {
  rocksdb::CompactRangeOptions all;
  all.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  for (const FamilyInfo& info : kFamilies) {
    ASSERT_TRUE(database_->rocks()
                    .raw()
                    .CompactRange(all, database_->rocks().handle(info.family),
                                  nullptr, nullptr)
                    .ok());
  }
}

void ModelTest::CheckAll() {
  ASSERT_EQ(database_->sessions().Revision(), model_.revision);
  const auto accounts = database_->accounts().List("", 100);
  ASSERT_TRUE(accounts.ok()) << accounts.status();
  ASSERT_EQ(accounts->size(), model_.accounts.size());
  for (const Account& account : *accounts) {
    ASSERT_EQ(account, model_.accounts.at(account.name));
  }
  std::map<AccountUid, std::vector<SessionId>> living;
  for (uint32_t number = 1; number < next_session_; ++number) {
    const SessionKey key = ContractKey(number);
    const auto found = database_->sessions().Find(key, now());
    if (!model_.Alive(key, now())) {
      ASSERT_TRUE(absl::IsNotFound(found.status())) << number;
      continue;
    }
    ASSERT_TRUE(found.ok()) << number << ": " << found.status();
    ASSERT_EQ(*found, model_.sessions.at(key));
    ASSERT_EQ(*database_->sessions().FindKey(found->id), key);
    living[found->account_uid].push_back(found->id);
  }
  for (uint32_t uid = 1; uid < next_uid_; ++uid) {
    const AccountUid account = NumberedId<AccountUid>(uid);
    const auto listed =
        database_->sessions().List(account, std::nullopt, 1000, now());
    ASSERT_TRUE(listed.ok()) << listed.status();
    std::vector<SessionId> ids;
    for (const StoredSession& stored : *listed) {
      ids.push_back(stored.session.id);
    }
    ASSERT_EQ(ids, living[account]);
  }
}

void ModelTest::Step() {
  const uint64_t dice = Below(100);
  if (dice < 8) {
    CreateAccount();
  } else if (dice < 14) {
    EditAccount();
  } else if (dice < 16) {
    DeleteAccount();
  } else if (dice < 46) {
    CreateSession();
  } else if (dice < 56) {
    EndSessions();
  } else if (dice < 76) {
    SaveActivity();
  } else if (dice < 84) {
    Sweep();
  } else if (dice < 96) {
    MoveTime();
  } else if (dice < 98) {
    CompactAll();
  } else {
    database_.Close();
    const absl::Status opened = database_.Open();
    ASSERT_TRUE(opened.ok()) << opened;
  }
}

TEST_F(ModelTest, StoresAgreeWithPlainMapsAfterEveryVerb) {
  const uint64_t steps = FromEnvironment("LATCHKEY_MODEL_STEPS", 1500);
  for (uint64_t step = 0; step < steps; ++step) {
    SCOPED_TRACE(absl::StrCat("seed ", seed_, ", step ", step));
    Step();
    if (step % 10 == 0) CheckAll();
    if (HasFatalFailure()) return;
  }
  CheckAll();
}

}  // namespace
}  // namespace latchkey
