// Random verbs against a SessionCache with room for next to nothing and against
// a plain map, with a clock that passes idle and absolute ends, a base that
// needs its disk or fails now and then, and sweeps. The two must agree after
// every verb. Then the same verbs from many threads at once.
//
// LATCHKEY_MODEL_SEED runs one seed alone.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "server/session/session_cache.h"
#include "tests/support/create_session.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_store.h"
#include "tests/support/store_wrapper.h"

namespace latchkey {
namespace {

// The key and id of a number. Few values of the bits that choose the segment
// and the place in its index, so that entries crowd each other.
SessionKey KeyOf(uint32_t number) {
  SessionKey key;
  key.array()[0] = static_cast<uint8_t>(number % 7);
  key.array()[8] = static_cast<uint8_t>(number % 5);
  key.array()[30] = static_cast<uint8_t>(number >> 8);
  key.array()[31] = static_cast<uint8_t>(number);
  return key;
}

Account TheAccount() {
  Account account;
  account.name = "alice";
  account.uid.array()[0] = 7;
  return account;
}

Session SessionOf(uint32_t number, absl::Time now, absl::Duration idle_ttl,
                  absl::Duration ttl) {
  const Account account = TheAccount();
  Session session;
  session.id.array()[14] = static_cast<uint8_t>(number >> 8);
  session.id.array()[15] = static_cast<uint8_t>(number);
  session.account = account.name;
  session.account_uid = account.uid;
  session.generation = account.generation;
  session.create_time = session.last_seen_time = now;
  session.auth_time = now - absl::Milliseconds(number % 3);
  session.expire_time = now + ttl;
  session.idle_ttl = idle_ttl;
  if (number % 4 == 0) session.client.device_label = absl::StrCat(number);
  return session;
}

// A base whose memory or disk is away when a test says so.
class MoodyStore final : public SessionStoreWrapper {
 public:
  using SessionStoreWrapper::SessionStoreWrapper;

  absl::StatusOr<Session> FindInMemory(const SessionKey& key,
                                       absl::Time now) const override {
    if (needs_disk) return absl::UnavailableError("needs the disk");
    return SessionStoreWrapper::FindInMemory(key, now);
  }
  absl::Status SaveActivity(absl::Span<const Activity> notes) override {
    if (fails_saves) return absl::UnavailableError("no disk");
    return SessionStoreWrapper::SaveActivity(notes);
  }

  std::atomic<bool> needs_disk = false;
  std::atomic<bool> fails_saves = false;
};

// One run of random verbs.
class ModelRun {
 public:
  explicit ModelRun(uint64_t seed)
      : random_(seed),
        cache_(base_, {.max_entries = size_t{1} << (seed % 6),
                       .segments = size_t{1} << (seed % 3)}) {
    EXPECT_TRUE(memory_.accounts().Create(TheAccount()).ok());
  }

  void Step();
  void CheckAll();

 private:
  uint64_t Below(uint64_t limit) { return random_() % limit; }
  // Mostly one of the last few, so that entries are met again.
  uint32_t SomeNumber() {
    const uint32_t back = static_cast<uint32_t>(Below(Below(4) == 0 ? 200 : 9));
    return next_ > back ? next_ - back : 0;
  }
  absl::Time Now() const { return clock_.Now(); }
  std::optional<Session> Expected(uint32_t number, absl::Time now) const {
    const auto it = model_.find(number);
    if (it == model_.end() || !IsAlive(it->second, now)) return std::nullopt;
    return it->second;
  }

  void Create();
  void Find();
  void Check(uint32_t number, Reach reach);
  void End();
  void Note();
  void Warm();
  void List();
  void Sweep();
  void MoveTime();

  std::mt19937_64 random_;
  FakeClock clock_;
  MemoryStore memory_;
  MoodyStore base_{memory_.sessions()};
  SessionCache cache_;
  // What must be true; the dead by time stay in it.
  std::map<uint32_t, Session> model_;
  uint32_t next_ = 1;
  std::optional<SessionKey> warmed_;
};

void ModelRun::Create() {
  const uint32_t number = next_++;
  // Some idle for so long that their notes may wait.
  const int64_t times = Below(3) == 0 ? 10 : 1;
  const Session session =
      SessionOf(number, Now(), times * absl::Seconds(60 + Below(600)),
                times * absl::Seconds(30 + Below(3600)));
  ASSERT_TRUE(CreateSession(cache_, KeyOf(number), session, Now()).ok());
  ASSERT_FALSE(CreateSession(cache_, KeyOf(number), session, Now()).ok());
  model_.emplace(number, session);
}

void ModelRun::Find() {
  Check(SomeNumber(), Below(2) == 0 ? Reach::kMemory : Reach::kDisk);
}

void ModelRun::Check(uint32_t number, Reach reach) {
  const auto found = reach == Reach::kMemory
                         ? cache_.FindInMemory(KeyOf(number), Now())
                         : cache_.Find(KeyOf(number), Now());
  if (absl::IsUnavailable(found.status())) {
    // Not knowing is allowed only where the base cannot be asked, or must not
    // be before a note is saved.
    ASSERT_TRUE(reach == Reach::kMemory || base_.fails_saves);
    return;
  }
  const std::optional<Session> expected = Expected(number, Now());
  if (!expected.has_value()) {
    ASSERT_TRUE(absl::IsNotFound(found.status()))
        << number << ": " << found.status();
    return;
  }
  ASSERT_TRUE(found.ok()) << number << ": " << found.status();
  ASSERT_EQ(found->last_seen_time, expected->last_seen_time) << number;
  ASSERT_EQ(*found, *expected) << number;
}

void ModelRun::End() {
  std::vector<SessionKey> keys;
  std::vector<uint32_t> numbers;
  for (uint64_t i = Below(4); i > 0; --i) {
    numbers.push_back(SomeNumber());
    keys.push_back(KeyOf(numbers.back()));
  }
  const auto ended = cache_.End(keys, Now());
  if (!ended.ok()) {
    ASSERT_TRUE(base_.fails_saves) << ended.status();
    return;
  }
  int live = 0;
  for (const uint32_t number : numbers) {
    if (Expected(number, Now()).has_value()) ++live;
    model_.erase(number);
  }
  ASSERT_EQ(ended->ended, live);
  for (const uint32_t number : numbers) Check(number, Reach::kDisk);
}

// As a server does: only of what was alive when it was seen, sometimes late,
// and sometimes of what has ended since.
void ModelRun::Note() {
  const uint32_t number = SomeNumber();
  const absl::Time seen = Now() - absl::Seconds(Below(40));
  const auto it = model_.find(number);
  absl::Time expire_time = Now() + absl::Hours(1);
  if (it != model_.end()) {
    Session& session = it->second;
    if (seen < session.create_time || !IsAlive(session, seen)) return;
    session.last_seen_time = std::max(session.last_seen_time, seen);
    expire_time = session.expire_time;
  }
  cache_.NoteActivity({KeyOf(number), seen, expire_time});
}

void ModelRun::Warm() {
  const auto step =
      cache_.WarmSome(warmed_, static_cast<int>(1 + Below(20)), Now());
  ASSERT_TRUE(step.ok()) << step.status();
  warmed_ = step->next;
}

void ModelRun::List() {
  const auto listed =
      cache_.List(TheAccount().uid, std::nullopt, 100'000, Now());
  if (!listed.ok()) {
    ASSERT_TRUE(base_.fails_saves) << listed.status();
    return;
  }
  std::vector<Session> expected;
  for (const auto& [number, session] : model_) {
    if (IsAlive(session, Now())) expected.push_back(session);
  }
  ASSERT_EQ(listed->size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ((*listed)[i].session, expected[i]);
  }
}

// Frees what is dead, and changes no answer: the model is not swept.
void ModelRun::Sweep() {
  const auto swept = cache_.Sweep(Now(), static_cast<int>(Below(20)));
  ASSERT_TRUE(swept.ok() || base_.fails_saves) << swept.status();
}

// Often just onto an end, and one step before or behind it.
void ModelRun::MoveTime() {
  absl::Duration by = absl::Seconds(Below(90));
  const auto it = model_.find(SomeNumber());
  if (Below(2) == 0 && it != model_.end()) {
    const absl::Duration left = it->second.end_time() - Now() +
                                absl::Microseconds(Below(3)) -
                                absl::Microseconds(1);
    if (left > absl::ZeroDuration() && left < absl::Minutes(5)) by = left;
  }
  clock_.Advance(by);
}

void ModelRun::Step() {
  base_.needs_disk = Below(3) == 0;
  if (Below(50) == 0) base_.fails_saves = !base_.fails_saves;
  const uint64_t verb = Below(100);
  if (verb < 14) return Create();
  if (verb < 58) return Find();
  if (verb < 64) return End();
  if (verb < 84) return Note();
  if (verb < 89) {
    const absl::Status flushed =
        Below(2) == 0 ? cache_.Flush(Now()) : cache_.FlushAll();
    ASSERT_TRUE(flushed.ok() || base_.fails_saves);
    return;
  }
  if (verb < 93) return Warm();
  if (verb < 95) return List();
  if (verb < 97) return Sweep();
  MoveTime();
}

void ModelRun::CheckAll() {
  base_.needs_disk = false;
  base_.fails_saves = false;
  for (uint32_t number = 0; number < next_; ++number) {
    Check(number, Reach::kMemory);
    Check(number, Reach::kDisk);
  }
  ASSERT_NO_FATAL_FAILURE(List());
  // The base has every note once they are flushed.
  ASSERT_TRUE(cache_.FlushAll().ok());
  for (const auto& [number, session] : model_) {
    if (!IsAlive(session, Now())) continue;
    const auto stored = memory_.sessions().Find(KeyOf(number), Now());
    ASSERT_TRUE(stored.ok()) << number;
    ASSERT_EQ(*stored, session) << number;
  }
}

TEST(SessionCacheModel, AnswersAsAPlainMapDoes) {
  uint64_t first = 1;
  uint64_t last = 60;
  if (const char* text = std::getenv("LATCHKEY_MODEL_SEED")) {
    ASSERT_TRUE(absl::SimpleAtoi(text, &first));
    last = first;
  }
  constexpr int kSteps = 1500;
  for (uint64_t seed = first; seed <= last; ++seed) {
    SCOPED_TRACE(absl::StrCat("LATCHKEY_MODEL_SEED=", seed));
    ModelRun run(seed);
    for (int step = 0; step < kSteps; ++step) {
      SCOPED_TRACE(absl::StrCat("step ", step));
      ASSERT_NO_FATAL_FAILURE(run.Step());
      if (step % 300 == 299) {
        ASSERT_NO_FATAL_FAILURE(run.CheckAll());
      }
    }
  }
}

// --- From many threads ---

constexpr uint32_t kSessions = 96;

// Threads that read, end, warm, flush and sweep while time passes. What a
// reader may count on:
//   it began after End had returned: it is not found;
//   it is over at the reader's own `now`: it is not found;
//   nobody has begun to end it, nobody notes it, it is not over: it is found;
//   its activity never goes back behind what this reader saw or noted.
class Crowd {
 public:
  explicit Crowd(SessionCache::Options options)
      : cache_(memory_.sessions(), options) {
    EXPECT_TRUE(memory_.accounts().Create(TheAccount()).ok());
    for (uint32_t n = 0; n < kSessions; ++n) {
      // Every third is over by its absolute end in the midst of it; every
      // second is never noted, and some of those are over by idleness.
      sessions_[n] = SessionOf(
          n, clock_.Now(), absl::Milliseconds(400 + 20 * n),
          n % 3 == 0 ? absl::Milliseconds(500 + 5 * n) : absl::Hours(1));
      EXPECT_TRUE(
          CreateSession(cache_, KeyOf(n), sessions_[n], clock_.Now()).ok());
    }
  }

  void Run();
  int wrong() const { return wrong_; }
  int reads() const { return reads_; }
  SessionCache& cache() { return cache_; }
  absl::Time Now() const { return clock_.Now(); }

 private:
  static bool IsNoted(uint32_t n) { return n % 2 == 1; }

  void Read(uint32_t n, std::array<absl::Time, kSessions>& seen, bool memory);
  void ReadAll(unsigned seed);
  void EndAll();
  void Wrong(const char* what, uint32_t n) {
    ++wrong_;
    ADD_FAILURE() << what << ": session " << n;
  }

  FakeClock clock_;
  MemoryStore memory_;
  SessionCache cache_;
  std::array<Session, kSessions> sessions_;
  std::array<std::atomic<bool>, kSessions> ending_ = {};
  std::array<std::atomic<bool>, kSessions> ended_ = {};
  std::atomic<bool> stop_ = false;
  std::atomic<int> wrong_ = 0;
  std::atomic<int> reads_ = 0;
};

void Crowd::Read(uint32_t n, std::array<absl::Time, kSessions>& seen,
                 bool memory) {
  const bool ended = ended_[n];
  const absl::Time now = clock_.Now();
  const auto found =
      memory ? cache_.FindInMemory(KeyOf(n), now) : cache_.Find(KeyOf(n), now);
  ++reads_;
  const Session& session = sessions_[n];
  if (!found.ok()) {
    if (absl::IsUnavailable(found.status()) && memory) return;
    if (!absl::IsNotFound(found.status())) Wrong("odd answer", n);
    // What has died since `now` may have been freed meanwhile.
    if (!IsNoted(n) && IsAlive(session, clock_.Now()) && !ending_[n]) {
      Wrong("lost", n);
    }
    return;
  }
  if (ended) Wrong("found after its end", n);
  if (!IsAlive(*found, now)) Wrong("found dead", n);
  if (found->id != session.id) Wrong("another one", n);
  if (!IsNoted(n)) {
    if (*found != session) Wrong("changed", n);
    return;
  }
  // With a session that is being ended goes what was noted of it last.
  if (found->last_seen_time < seen[n] && !ending_[n]) {
    Wrong("activity went back", n);
  }
  seen[n] = std::max(found->last_seen_time, now);
  cache_.NoteActivity({KeyOf(n), now, session.expire_time});
}

void Crowd::ReadAll(unsigned seed) {
  std::array<absl::Time, kSessions> seen;
  seen.fill(absl::InfinitePast());
  for (unsigned i = seed; !stop_; ++i) {
    Read(i * 7919u % kSessions, seen, /*memory=*/i % 3 == 0);
  }
}

void Crowd::EndAll() {
  // In another order than they lie in the store.
  for (uint32_t i = 0; i < kSessions; i += 2) {
    std::vector<SessionKey> keys;
    std::vector<uint32_t> numbers = {i * 41 % kSessions,
                                     (i + 1) * 41 % kSessions};
    for (const uint32_t n : numbers) {
      ending_[n] = true;
      keys.push_back(KeyOf(n));
    }
    if (!cache_.End(keys, clock_.Now()).ok()) Wrong("end failed", numbers[0]);
    for (const uint32_t n : numbers) ended_[n] = true;
    // Everybody gets to look at what is left before more of it goes.
    const int reads = reads_;
    while (reads_ < reads + 30) std::this_thread::yield();
    clock_.Advance(absl::Milliseconds(20));
  }
}

void Crowd::Run() {
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 3; ++t) {
    threads.emplace_back([this, t] { ReadAll(t * 31); });
  }
  threads.emplace_back([this] {
    std::optional<SessionKey> after;
    while (!stop_) {
      const auto step = cache_.WarmSome(after, 10, clock_.Now());
      if (!step.ok()) Wrong("warming failed", 0);
      after = step.ok() ? step->next : std::nullopt;
      std::this_thread::yield();
    }
  });
  threads.emplace_back([this] {
    for (int i = 0; !stop_; ++i) {
      const bool ok = i % 4 == 3 ? cache_.Sweep(clock_.Now(), 5).ok()
                                 : cache_.Flush(clock_.Now()).ok();
      if (!ok) Wrong("flush failed", 0);
      std::this_thread::yield();
    }
  });
  EndAll();
  stop_ = true;
  for (std::thread& thread : threads) thread.join();
}

TEST(SessionCacheModel, NoThreadGetsASessionThatHasEndedOrLosesOneThatHasNot) {
  for (const SessionCache::Options options :
       {SessionCache::Options{.max_entries = 1, .segments = 1},
        SessionCache::Options{.max_entries = 16, .segments = 4},
        SessionCache::Options{.max_entries = 1024, .segments = 2}}) {
    SCOPED_TRACE(absl::StrCat("entries ", options.max_entries));
    Crowd crowd(options);
    crowd.Run();
    EXPECT_EQ(crowd.wrong(), 0);
    for (uint32_t n = 0; n < kSessions; ++n) {
      EXPECT_FALSE(crowd.cache().Find(KeyOf(n), crowd.Now()).ok());
    }
  }
}

}  // namespace
}  // namespace latchkey
