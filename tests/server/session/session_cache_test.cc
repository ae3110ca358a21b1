// What SessionCache promises beyond SessionStore's contract (which runs over it
// in session_cache_contract_test.cc): each race that it guards against, forced.
#include "server/session/session_cache.h"

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

#include "tests/support/create_session.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_store.h"
#include "tests/support/notification.h"
#include "tests/support/store_wrapper.h"

namespace latchkey {
namespace {

constexpr SessionCache::Options kTiny = {.max_entries = 1, .segments = 1};
constexpr SessionCache::Options kSmall = {.max_entries = 64, .segments = 2};

// A base that stops inside a call, at a place of the test's choice.
class StoppingStore final : public SessionStoreWrapper {
 public:
  using SessionStoreWrapper::SessionStoreWrapper;

  absl::StatusOr<Session> Find(const SessionKey& key,
                               absl::Time now) const override {
    finds++;
    auto result = SessionStoreWrapper::Find(key, now);
    if (after_find) after_find();
    return result;
  }
  void StartCreate(std::shared_ptr<const NewSession> session, absl::Time now,
                   Created created) override {
    SessionStoreWrapper::StartCreate(std::move(session), now,
                                     [this, created = std::move(created)](
                                         absl::StatusOr<uint64_t> revision) {
                                       if (after_create) after_create();
                                       created(std::move(revision));
                                     });
  }
  absl::Status SaveActivity(absl::Span<const Activity> notes) override {
    if (fail_saves) return absl::UnavailableError("no disk");
    if (before_save) before_save();
    auto result = SessionStoreWrapper::SaveActivity(notes);
    if (after_save) after_save();
    return result;
  }

  absl::StatusOr<WalkPage> Walk(const std::optional<SessionKey>& after,
                                int limit, absl::Time now) const override {
    auto result = SessionStoreWrapper::Walk(after, limit, now);
    if (after_walk) after_walk();
    return result;
  }

  mutable std::atomic<int> finds = 0;
  std::function<void()> after_walk;
  std::function<void()> after_find;
  std::function<void()> after_create;
  std::function<void()> before_save;
  std::function<void()> after_save;
  std::atomic<bool> fail_saves = false;
};

class SessionCacheTest : public ::testing::Test {
 protected:
  SessionCacheTest() {
    account_.name = "alice";
    account_.uid.array()[0] = 7;
    EXPECT_TRUE(memory_.accounts().Create(account_).ok());
  }

  absl::Time Now() const { return clock_.Now(); }

  static SessionKey KeyOf(uint8_t number) {
    SessionKey key;
    key.array()[31] = number;
    return key;
  }

  Session SessionOf(uint8_t number) const {
    Session session;
    session.id.array()[15] = number;
    session.account = account_.name;
    session.account_uid = account_.uid;
    session.generation = account_.generation;
    session.create_time = clock_.Now();
    session.auth_time = session.create_time;
    session.last_seen_time = session.create_time;
    session.expire_time = session.create_time + absl::Hours(12);
    session.idle_ttl = absl::Minutes(30);
    return session;
  }

  void CreateInBase(uint8_t number) {
    ASSERT_TRUE(
        CreateSession(base_, KeyOf(number), SessionOf(number), Now()).ok());
  }

  absl::Status Note(SessionStore& store, uint8_t number) {
    const Activity note{KeyOf(number), Now(), Now() + absl::Hours(12)};
    return store.SaveActivity({&note, 1});
  }

  FakeClock clock_;
  Account account_;
  MemoryStore memory_;
  StoppingStore base_{memory_.sessions()};
};

TEST_F(SessionCacheTest, AnswersFromMemoryWhatItHasSeen) {
  SessionCache cache(base_, kSmall);
  CreateInBase(1);
  ASSERT_TRUE(cache.Find(KeyOf(1), Now()).ok());
  ASSERT_TRUE(cache.Find(KeyOf(1), Now()).ok());
  ASSERT_TRUE(cache.FindInMemory(KeyOf(1), Now()).ok());
  EXPECT_EQ(base_.finds, 1);
  EXPECT_EQ(cache.CachedEntries(), 1u);
}

TEST_F(SessionCacheTest, CountsLookUpsOnceAndWhatMadeRoom) {
  SessionCache cache(base_, kTiny);
  CreateInBase(1);
  CreateInBase(2);
  ASSERT_TRUE(cache.Find(KeyOf(1), Now()).ok());
  ASSERT_TRUE(cache.Find(KeyOf(1), Now()).ok());
  EXPECT_EQ(cache.counts().hits, 1u);
  EXPECT_EQ(cache.counts().misses, 1u);
  EXPECT_EQ(cache.counts().evicted, 0u);
  ASSERT_TRUE(cache.Find(KeyOf(2), Now()).ok());
  EXPECT_EQ(cache.counts().evicted, 1u);
  // What nobody has is a miss, too.
  EXPECT_FALSE(cache.Find(KeyOf(3), Now()).ok());
  EXPECT_EQ(cache.counts().misses, 3u);
  // With a note that must be saved first, memory cannot say: that is not yet a
  // look-up, which comes with the disk.
  clock_.Advance(absl::Minutes(1));
  ASSERT_TRUE(Note(cache, 1).ok());
  EXPECT_TRUE(
      absl::IsUnavailable(cache.FindInMemory(KeyOf(1), Now()).status()));
  EXPECT_EQ(cache.counts().misses, 3u);
  ASSERT_TRUE(cache.Find(KeyOf(1), Now()).ok());
  EXPECT_EQ(cache.counts().misses, 4u);
  EXPECT_EQ(cache.MaxEntries(), 1u);
}

TEST_F(SessionCacheTest, JudgesTimeAnewAtEachHit) {
  SessionCache cache(base_, kSmall);
  CreateInBase(1);
  ASSERT_TRUE(cache.Find(KeyOf(1), Now()).ok());
  const absl::Time end = Now() + absl::Minutes(30);
  EXPECT_TRUE(cache.Find(KeyOf(1), end - absl::Microseconds(1)).ok());
  EXPECT_TRUE(absl::IsNotFound(cache.Find(KeyOf(1), end).status()));
  EXPECT_TRUE(absl::IsNotFound(cache.FindInMemory(KeyOf(1), end).status()));
}

TEST_F(SessionCacheTest, AFillThatBeganBeforeALogoutIsDropped) {
  SessionCache cache(base_, kSmall);
  CreateInBase(1);
  Notification read, ended;
  base_.after_find = [&] {
    read.Notify();
    ended.Wait();
  };
  std::thread reader([&] {
    // Concurrent with the logout: either answer is right.
    (void)cache.Find(KeyOf(1), Now());
  });
  read.Wait();
  const SessionKey key = KeyOf(1);
  const auto end = cache.End({&key, 1}, Now());
  ASSERT_TRUE(end.ok());
  EXPECT_EQ(end->ended, 1);
  ended.Notify();
  reader.join();
  base_.after_find = nullptr;
  EXPECT_EQ(cache.CachedEntries(), 0u);
  EXPECT_TRUE(absl::IsNotFound(cache.Find(KeyOf(1), Now()).status()));
}

TEST_F(SessionCacheTest, ALoginsOwnFillIsDroppedIfItIsEndedAtOnce) {
  SessionCache cache(base_, kSmall);
  const SessionKey key = KeyOf(1);
  base_.after_create = [&] { ASSERT_TRUE(cache.End({&key, 1}, Now()).ok()); };
  ASSERT_TRUE(CreateSession(cache, key, SessionOf(1), Now()).ok());
  EXPECT_TRUE(absl::IsNotFound(cache.Find(key, Now()).status()));
  EXPECT_TRUE(absl::IsNotFound(cache.FindInMemory(key, Now()).status()));
}

TEST_F(SessionCacheTest, ALateSaveOfActivityBringsNothingBack) {
  SessionCache cache(base_, kSmall);
  CreateInBase(1);
  ASSERT_TRUE(cache.Find(KeyOf(1), Now()).ok());
  clock_.Advance(absl::Minutes(1));
  ASSERT_TRUE(Note(cache, 1).ok());
  const SessionKey key = KeyOf(1);
  // The save is on its way to the disk when the logout comes: it waits for it,
  // or overtakes it.
  std::optional<std::thread> logout;
  base_.before_save = [&] {
    if (logout.has_value()) return;
    logout.emplace([&] { EXPECT_TRUE(cache.End({&key, 1}, Now()).ok()); });
  };
  ASSERT_TRUE(cache.FlushAll().ok());
  ASSERT_TRUE(logout.has_value());
  logout->join();
  EXPECT_TRUE(absl::IsNotFound(cache.Find(key, Now()).status()));
  EXPECT_TRUE(absl::IsNotFound(base_.Find(key, Now()).status()));
}

TEST_F(SessionCacheTest, ANoteOutlivesTheEvictionOfItsSession) {
  SessionCache cache(base_, kTiny);
  CreateInBase(1);
  CreateInBase(2);
  ASSERT_TRUE(cache.Find(KeyOf(1), Now()).ok());
  clock_.Advance(absl::Minutes(29));
  ASSERT_TRUE(Note(cache, 1).ok());
  ASSERT_TRUE(Note(base_, 2).ok());
  ASSERT_TRUE(cache.Find(KeyOf(2), Now()).ok());  // evicts the first
  EXPECT_EQ(cache.CachedEntries(), 1u);

  clock_.Advance(absl::Minutes(29));
  // By what the base knew it has been idle for 58 minutes.
  EXPECT_TRUE(
      absl::IsUnavailable(cache.FindInMemory(KeyOf(1), Now()).status()));
  const auto found = cache.Find(KeyOf(1), Now());
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->last_seen_time, Now() - absl::Minutes(29));
}

TEST_F(SessionCacheTest, AFillThatReadBeforeASaveDoesNotTurnTheClockBack) {
  SessionCache cache(base_, kTiny);
  CreateInBase(1);
  CreateInBase(2);
  const absl::Time start = Now();
  Notification read, saved;
  std::atomic<int> stops = 0;
  base_.after_find = [&] {
    if (stops++ > 0) return;
    read.Notify();
    saved.Wait();
  };
  std::thread slow([&] { (void)cache.Find(KeyOf(1), start); });
  read.Wait();
  // Meanwhile the session is seen, used, saved, and evicted by another.
  ASSERT_TRUE(cache.Find(KeyOf(1), Now()).ok());
  clock_.Advance(absl::Minutes(20));
  ASSERT_TRUE(Note(cache, 1).ok());
  ASSERT_TRUE(cache.FlushAll().ok());
  ASSERT_TRUE(cache.Find(KeyOf(2), Now()).ok());
  saved.Notify();
  slow.join();

  clock_.Advance(absl::Minutes(20));
  const auto found = cache.Find(KeyOf(1), Now());
  ASSERT_TRUE(found.ok()) << "the stale fill was kept";
  EXPECT_EQ(found->last_seen_time, start + absl::Minutes(20));
}

TEST_F(SessionCacheTest, WhatCouldNotBeSavedIsSavedNextTime) {
  SessionCache cache(base_, kSmall);
  CreateInBase(1);
  clock_.Advance(absl::Minutes(10));
  ASSERT_TRUE(Note(cache, 1).ok());
  base_.fail_saves = true;
  EXPECT_FALSE(cache.FlushAll().ok());
  base_.fail_saves = false;
  EXPECT_TRUE(cache.FlushAll().ok());
  const auto found = base_.Find(KeyOf(1), Now());
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->last_seen_time, Now());
}

TEST_F(SessionCacheTest, ANoteRenewedDuringASaveIsSavedAgain) {
  SessionCache cache(base_, kSmall);
  CreateInBase(1);
  clock_.Advance(absl::Minutes(10));
  ASSERT_TRUE(Note(cache, 1).ok());
  base_.after_save = [&] {
    base_.after_save = nullptr;
    clock_.Advance(absl::Minutes(1));
    ASSERT_TRUE(Note(cache, 1).ok());
  };
  ASSERT_TRUE(cache.FlushAll().ok());
  ASSERT_TRUE(cache.FlushAll().ok());
  EXPECT_EQ(base_.Find(KeyOf(1), Now())->last_seen_time, Now());
}

TEST_F(SessionCacheTest, ListShowsActivityThatTheBaseDoesNotHaveYet) {
  SessionCache cache(base_, kSmall);
  CreateInBase(1);
  const absl::Time start = Now();
  ASSERT_TRUE(cache.Find(KeyOf(1), start).ok());
  clock_.Advance(absl::Seconds(10));
  ASSERT_TRUE(Note(cache, 1).ok());
  const auto page = cache.Walk(std::nullopt, 10, Now());
  ASSERT_TRUE(page.ok());
  ASSERT_EQ(page->sessions.size(), 1u);
  EXPECT_EQ(page->sessions[0].session.last_seen_time, Now());
  const auto listed = cache.List(page->sessions[0].session.account_uid,
                                 std::nullopt, 10, Now());
  ASSERT_TRUE(listed.ok());
  ASSERT_EQ(listed->size(), 1u);
  EXPECT_EQ(listed->front().session.last_seen_time, Now());
}

TEST_F(SessionCacheTest, FlushSavesEachNoteOnce) {
  SessionCache cache(base_, kSmall);
  CreateInBase(1);
  ASSERT_TRUE(Note(cache, 1).ok());
  int saves = 0;
  base_.before_save = [&] { ++saves; };
  ASSERT_TRUE(cache.FlushAll().ok());
  ASSERT_TRUE(cache.FlushAll().ok());
  EXPECT_EQ(saves, 1);
}

TEST_F(SessionCacheTest, EvictsWhatWasNotAskedForFirst) {
  SessionCache cache(base_, {.max_entries = 2, .segments = 1});
  CreateInBase(1);
  CreateInBase(2);
  CreateInBase(3);
  ASSERT_TRUE(cache.Find(KeyOf(1), Now()).ok());
  ASSERT_TRUE(cache.Find(KeyOf(2), Now()).ok());
  ASSERT_TRUE(cache.Find(KeyOf(1), Now()).ok());
  ASSERT_TRUE(cache.Find(KeyOf(3), Now()).ok());
  const int before = base_.finds;
  ASSERT_TRUE(cache.Find(KeyOf(1), Now()).ok());
  EXPECT_EQ(base_.finds, before);
  EXPECT_EQ(cache.CachedEntries(), 2u);
}

TEST_F(SessionCacheTest, WarmsUpPageByPageToTheEnd) {
  SessionCache cache(base_, kSmall);
  for (uint8_t i = 1; i <= 9; ++i) CreateInBase(i);
  std::optional<SessionKey> after;
  int pages = 0;
  do {
    const auto step = cache.WarmSome(after, 4, Now());
    ASSERT_TRUE(step.ok()) << step.status();
    EXPECT_FALSE(step->full);
    after = step->next;
    ASSERT_LT(++pages, 10);
  } while (after.has_value());
  EXPECT_EQ(cache.CachedEntries(), 9u);
  for (uint8_t i = 1; i <= 9; ++i) {
    EXPECT_TRUE(cache.FindInMemory(KeyOf(i), Now()).ok());
  }
  EXPECT_EQ(base_.finds, 0);
}

TEST_F(SessionCacheTest, WarmingStopsWhereThereIsNoRoomAndEvictsNothing) {
  SessionCache cache(base_, {.max_entries = 2, .segments = 1});
  for (uint8_t i = 1; i <= 9; ++i) CreateInBase(i);
  ASSERT_TRUE(cache.Find(KeyOf(9), Now()).ok());
  const auto step = cache.WarmSome(std::nullopt, 100, Now());
  ASSERT_TRUE(step.ok());
  EXPECT_TRUE(step->full);
  EXPECT_EQ(cache.CachedEntries(), 2u);
  const int before = base_.finds;
  EXPECT_TRUE(cache.Find(KeyOf(9), Now()).ok());
  EXPECT_EQ(base_.finds, before) << "what was asked for made room";
}

TEST_F(SessionCacheTest, WarmingBringsBackNothingThatEndedMeanwhile) {
  SessionCache cache(base_, kSmall);
  CreateInBase(1);
  CreateInBase(2);
  const SessionKey key = KeyOf(1);
  base_.after_walk = [&] { ASSERT_TRUE(cache.End({&key, 1}, Now()).ok()); };
  ASSERT_TRUE(cache.WarmSome(std::nullopt, 100, Now()).ok());
  EXPECT_TRUE(absl::IsNotFound(cache.FindInMemory(key, Now()).status()));
  EXPECT_TRUE(absl::IsNotFound(cache.Find(key, Now()).status()));
}

TEST_F(SessionCacheTest, SessionsWithMuchOfTheirOwnTakeTheRoomOfOthers) {
  // Profiles of some 2 MB in all are more than their share of so few entries.
  SessionCache cache(base_, {.max_entries = 4000, .segments = 1});
  for (int i = 0; i < 3500; ++i) {
    SessionKey key = KeyOf(static_cast<uint8_t>(i));
    key.array()[0] = static_cast<uint8_t>(i >> 8);
    Session session = SessionOf(static_cast<uint8_t>(i));
    session.id.array()[0] = static_cast<uint8_t>(i >> 8);
    session.client.user_agent = std::string(250, 'a') + std::to_string(i);
    session.client.device_label = std::string(250, 'b');
    ASSERT_TRUE(CreateSession(cache, key, session, Now()).ok());
  }
  EXPECT_LT(cache.CachedEntries(), 3400u);
  EXPECT_GT(cache.CachedEntries(), 1000u);
  EXPECT_LT(cache.ProfileBytes(), size_t{3} << 20);
}

TEST_F(SessionCacheTest, NoThreadSeesASessionAfterItsLogoutReturned) {
  SessionCache cache(base_, {.max_entries = 8, .segments = 2});
  constexpr int kSessions = 64;
  for (int i = 0; i < kSessions; ++i) CreateInBase(static_cast<uint8_t>(i));
  std::atomic<bool> ended[kSessions] = {};
  std::atomic<bool> stop = false;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> readers;
  for (int t = 0; t < 3; ++t) {
    readers.emplace_back([&, t] {
      for (unsigned i = t; !stop; ++i) {
        const int n = static_cast<int>((i * 7919u) % kSessions);
        const bool was_ended = ended[n];
        const auto found = cache.Find(KeyOf(static_cast<uint8_t>(n)), Now());
        if (was_ended && found.ok()) ++wrong;
        (void)Note(cache, static_cast<uint8_t>(n));
        if (i % 64 == 0) (void)cache.Flush(Now());
      }
    });
  }
  for (int n = 0; n < kSessions; ++n) {
    const SessionKey key = KeyOf(static_cast<uint8_t>(n));
    ASSERT_TRUE(cache.End({&key, 1}, Now()).ok());
    ended[n] = true;
    std::this_thread::yield();
  }
  // Every reader has had its chance once each session was asked for again.
  for (int n = 0; n < kSessions; ++n) {
    EXPECT_FALSE(cache.Find(KeyOf(static_cast<uint8_t>(n)), Now()).ok());
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace latchkey
