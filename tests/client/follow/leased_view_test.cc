#include "client/follow/leased_view.h"

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "gtest/gtest.h"

#include "client/verify/revocation.h"
#include "tests/support/fake_clock.h"

namespace latchkey {
namespace {

constexpr absl::Duration kTick = absl::Microseconds(1);

Epoch EpochOf(uint8_t value) {
  Epoch epoch;
  epoch.array().fill(value);
  return epoch;
}

RevocableFacts FactsOf(uint8_t session) {
  RevocableFacts facts;
  facts.session.array().fill(session);
  facts.epoch = EpochOf(1);
  return facts;
}

class LeasedViewTest : public ::testing::Test {
 protected:
  void Renew(absl::Duration ttl) { view_.Renew(clock_.SinceBoot() + ttl); }
  void End(uint8_t session) {
    EXPECT_TRUE(view_
                    .Add({Revocation::OfSession(FactsOf(session).session,
                                                clock_.Now() + absl::Hours(1))})
                    .ok());
  }
  bool IsLeased() const { return LeasedView::Look(view_).ReadClocks().leased; }
  bool Refuses(const RevocableFacts& facts) const {
    return LeasedView::Look(view_).Refuses(facts);
  }
  absl::Time LookedAt() const {
    return LeasedView::Look(view_).ReadClocks().now;
  }

  FakeClock clock_;
  LeasedView view_{clock_, {}};
};

TEST_F(LeasedViewTest, BeforeItKnowsAnythingItRefusesAndIsNotLeased) {
  EXPECT_FALSE(IsLeased());
  EXPECT_TRUE(Refuses(FactsOf(1)));
  RevocableFacts zero;  // not even if an epoch is forgotten
  EXPECT_TRUE(Refuses(zero));
  EXPECT_EQ(view_.epoch(), std::nullopt);
}

TEST_F(LeasedViewTest, ALeaseIsOverAtItsEnd) {
  view_.Restart(EpochOf(1));
  EXPECT_FALSE(IsLeased());
  Renew(absl::Seconds(2));
  EXPECT_TRUE(IsLeased());
  clock_.Advance(absl::Seconds(2) - kTick);
  EXPECT_TRUE(IsLeased());
  clock_.Advance(kTick);
  EXPECT_FALSE(IsLeased());
}

TEST_F(LeasedViewTest, AnOlderLeaseShortensNone) {
  view_.Restart(EpochOf(1));
  Renew(absl::Seconds(2));
  Renew(absl::Seconds(1));
  clock_.Advance(absl::Seconds(2) - kTick);
  EXPECT_TRUE(IsLeased());
  view_.EndLease();
  EXPECT_FALSE(IsLeased());
}

TEST_F(LeasedViewTest, TheWallClockMovesNoLease) {
  view_.Restart(EpochOf(1));
  Renew(absl::Seconds(2));
  clock_.SetNow(clock_.Now() + absl::Hours(1));
  EXPECT_TRUE(IsLeased());
  clock_.Advance(absl::Seconds(2));
  clock_.SetNow(clock_.Now() - absl::Hours(2));
  EXPECT_FALSE(IsLeased());
}

TEST_F(LeasedViewTest, RefusesWhatWasAddedAndNothingElse) {
  view_.Restart(EpochOf(1));
  EXPECT_FALSE(Refuses(FactsOf(1)));
  End(1);
  EXPECT_TRUE(Refuses(FactsOf(1)));
  EXPECT_FALSE(Refuses(FactsOf(2)));
}

TEST_F(LeasedViewTest, AnotherEpochBeginsAnewAndRefusesTheOneBefore) {
  view_.Restart(EpochOf(1));
  Renew(absl::Seconds(2));
  End(1);
  view_.Restart(EpochOf(2));
  EXPECT_EQ(view_.epoch(), EpochOf(2));
  EXPECT_FALSE(IsLeased());
  EXPECT_EQ(view_.size(), 0u);
  EXPECT_TRUE(Refuses(FactsOf(2)));  // of epoch 1
  RevocableFacts facts = FactsOf(1);
  facts.epoch = EpochOf(2);
  EXPECT_FALSE(Refuses(facts));
}

TEST_F(LeasedViewTest, ALookRestsOnTheLeaseThatWasThereWhenItBegan) {
  view_.Restart(EpochOf(1));
  Renew(absl::Seconds(1));
  const LeasedView::Look look(view_);
  EXPECT_FALSE(look.Refuses(FactsOf(1)));
  // Held up. The entry and a lease that knows it come; the old one ends.
  clock_.Advance(absl::Seconds(1));
  End(1);
  Renew(absl::Seconds(1));
  EXPECT_FALSE(look.ReadClocks().leased);
  EXPECT_TRUE(IsLeased());
}

TEST_F(LeasedViewTest, ALookThatBeganInAnotherEpochStaysReadable) {
  view_.Restart(EpochOf(1));
  Renew(absl::Seconds(2));
  End(1);
  std::optional<LeasedView::Look> look(std::in_place, view_);
  view_.Restart(EpochOf(2));
  EXPECT_TRUE(look->Refuses(FactsOf(1)));
  EXPECT_FALSE(look->Refuses(FactsOf(2)));
  // Its lease was given, and the server waits for it.
  EXPECT_TRUE(look->ReadClocks().leased);
  look.reset();
  EXPECT_FALSE(IsLeased());
}

TEST_F(LeasedViewTest, NowIsTheLaterOfTheWallClockAndTheServers) {
  view_.Restart(EpochOf(1));
  EXPECT_EQ(LookedAt(), clock_.Now());
  const absl::Time server = clock_.Now() + absl::Seconds(30);
  view_.NoteServerTime(server);
  EXPECT_EQ(LookedAt(), server);
  clock_.Advance(absl::Seconds(5));
  EXPECT_EQ(LookedAt(), server + absl::Seconds(5));
  clock_.SetNow(server + absl::Hours(1));
  EXPECT_EQ(LookedAt(), server + absl::Hours(1));
  // A step back leads back to the server's time, not behind it.
  clock_.SetNow(server - absl::Hours(1));
  EXPECT_EQ(LookedAt(), server + absl::Seconds(5));
}

TEST_F(LeasedViewTest, NowNeverGoesBackBehindAServersTime) {
  view_.Restart(EpochOf(1));
  const absl::Time late = clock_.Now() + absl::Hours(1);
  view_.NoteServerTime(late);
  view_.NoteServerTime(clock_.Now());  // restarted, with its clock put right
  EXPECT_EQ(LookedAt(), late);
}

TEST_F(LeasedViewTest, AnAbsurdServerTimeLetsNobodyIn) {
  view_.Restart(EpochOf(1));
  view_.NoteServerTime(absl::InfinitePast());
  EXPECT_EQ(LookedAt(), clock_.Now());
  view_.NoteServerTime(absl::InfiniteFuture());
  clock_.Advance(absl::Hours(1));
  EXPECT_GE(LookedAt(), absl::FromUnixSeconds(253402300799));
}

TEST_F(LeasedViewTest, DropsByTheServersTimeAndNotByItsOwn) {
  view_.Restart(EpochOf(1));
  const absl::Time expire = clock_.Now() + absl::Hours(1);
  End(1);
  const auto sweep_all = [&](absl::Time server_time) {
    for (size_t i = 0; i < RevocationSet::kSweeps; ++i) {
      view_.NoteServerTime(server_time);
    }
  };
  const absl::Time begin = clock_.Now();
  clock_.SetNow(begin + absl::Hours(24));
  sweep_all(begin);
  clock_.SetNow(begin);
  EXPECT_TRUE(Refuses(FactsOf(1)));
  sweep_all(expire + absl::Seconds(60) - kTick);
  EXPECT_TRUE(Refuses(FactsOf(1)));
  sweep_all(expire + absl::Seconds(60));
  EXPECT_EQ(view_.size(), 0u);
  // Who asks now is told that it expired long ago, for the most lenient too.
  EXPECT_GE(LookedAt(), expire + absl::Seconds(60));
}

// What each thread relies on: if a look is leased, it sees all that was added
// before the lease.
TEST_F(LeasedViewTest, ManyLooksMissNothingThatTheirLeaseWasGrantedFor) {
  constexpr int kRounds = 3000;
  view_.Restart(EpochOf(1));
  std::atomic<int> added{0};
  std::atomic<bool> done{false};
  std::atomic<uint64_t> wrong{0}, leased{0};
  const auto facts_of = [](int number) {
    RevocableFacts facts = FactsOf(0);
    facts.session.array()[0] = static_cast<uint8_t>(number);
    facts.session.array()[1] = static_cast<uint8_t>(number >> 8);
    facts.session.array()[7] = 1;
    return facts;
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (!done) {
        const int known = added.load(std::memory_order_acquire);
        const LeasedView::Look look(view_);
        const bool refused = look.Refuses(facts_of(known));
        if (!look.ReadClocks().leased) continue;
        ++leased;
        if (known > 0 && !refused) ++wrong;
      }
    });
  }
  for (int round = 1; round <= kRounds; ++round) {
    view_.EndLease();
    EXPECT_TRUE(view_
                    .Add({Revocation::OfSession(facts_of(round).session,
                                                absl::InfiniteFuture())})
                    .ok());
    added.store(round, std::memory_order_release);
    Renew(absl::Seconds(2));
    view_.NoteServerTime(clock_.Now());
    clock_.Advance(absl::Milliseconds(1));
  }
  while (leased == 0) std::this_thread::yield();
  done = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0u);
}

TEST_F(LeasedViewTest, ManyLooksSurviveChangesOfEpoch) {
  std::atomic<bool> done{false};
  std::atomic<uint64_t> wrong{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (!done) {
        const LeasedView::Look look(view_);
        // No epoch that lets both in.
        RevocableFacts other = FactsOf(2);
        other.epoch = EpochOf(2);
        if (!look.Refuses(FactsOf(2)) && !look.Refuses(other)) ++wrong;
        static_cast<void>(look.ReadClocks());
      }
    });
  }
  for (int round = 0; round < 1000; ++round) {
    view_.Restart(EpochOf(static_cast<uint8_t>(1 + round % 2)));
    End(1);
    Renew(absl::Seconds(1));
  }
  done = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0u);
}

}  // namespace
}  // namespace latchkey
