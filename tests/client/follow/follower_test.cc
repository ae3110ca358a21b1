#include "client/follow/follower.h"

#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "gtest/gtest.h"

#include "client/follow/leased_view.h"
#include "client/verify/revocation_message.h"
#include "tests/support/fake_clock.h"
#include "tests/support/token_maker.h"

namespace latchkey {
namespace {

constexpr absl::Duration kTtl = absl::Seconds(2);
constexpr absl::Duration kInterval = absl::Milliseconds(500);
constexpr absl::Duration kTick = absl::Microseconds(1);

Epoch EpochOf(uint8_t value) {
  Epoch epoch;
  epoch.array().fill(value);
  return epoch;
}

Revocation Ended(uint8_t session) {
  SessionId id;
  id.array().fill(session);
  return Revocation::OfSession(id, absl::InfiniteFuture());
}

class FollowerTest : public ::testing::Test {
 protected:
  absl::StatusCode Receive(const ServerMessage& message) {
    return follower_.Receive(message).code();
  }
  // The next message, which must be of this type.
  template <typename Message>
  Message Take() {
    const auto message = follower_.Take();
    EXPECT_TRUE(message.has_value());
    if (!message.has_value()) return {};
    EXPECT_TRUE(std::holds_alternative<Message>(*message));
    const auto* const one = std::get_if<Message>(&*message);
    return one == nullptr ? Message() : *one;
  }
  bool IsIdle() { return !follower_.Take().has_value(); }
  // A stream on which the first heartbeat was sent: its nonce.
  uint64_t Begin(uint64_t after = 0) {
    follower_.Connected();
    Take<Subscribe>();
    EXPECT_EQ(Receive(Welcome{.epoch = EpochOf(1), .after = after}),
              absl::StatusCode::kOk);
    return Take<Heartbeat>().nonce;
  }
  Lease LeaseOf(uint64_t nonce, uint64_t revision) {
    return {.nonce = nonce,
            .revision = revision,
            .ttl = kTtl,
            .server_time = clock_.Now()};
  }
  RevocationBatch BatchOf(uint64_t after, uint64_t through,
                          const std::vector<uint8_t>& sessions) {
    RevocationBatch batch = {.after = after, .through = through};
    for (const uint8_t session : sessions) {
      batch.revocations.push_back(Ended(session));
    }
    return batch;
  }
  bool IsLeased() const { return LeasedView::Look(view_).ReadClocks().leased; }
  bool Refuses(uint8_t session) const {
    RevocableFacts facts;
    facts.session = Ended(session).session;
    facts.epoch = EpochOf(1);
    return LeasedView::Look(view_).Refuses(facts);
  }

  FakeClock clock_;
  LeasedView view_{clock_, {.max_entries = 100}};
  Follower follower_{{.heartbeat_interval = kInterval}, view_, clock_};
};

TEST_F(FollowerTest, SaysNothingWithoutAStream) {
  EXPECT_TRUE(IsIdle());
  EXPECT_EQ(follower_.NextTake(), absl::InfiniteDuration());
}

TEST_F(FollowerTest, SubscribesThenWaitsForTheWelcome) {
  follower_.Connected();
  EXPECT_LE(follower_.NextTake(), clock_.SinceBoot());
  const auto subscribe = Take<Subscribe>();
  EXPECT_EQ(subscribe.epoch, std::nullopt);
  EXPECT_EQ(subscribe.resume, 0u);
  clock_.Advance(absl::Hours(1));
  EXPECT_TRUE(IsIdle());
  EXPECT_EQ(follower_.NextTake(), absl::InfiniteDuration());
  EXPECT_EQ(Receive(Welcome{.epoch = EpochOf(1)}), absl::StatusCode::kOk);
  EXPECT_EQ(Take<Heartbeat>().applied, 0u);
}

TEST_F(FollowerTest, SendsAHeartbeatEachInterval) {
  const uint64_t first = Begin();
  EXPECT_TRUE(IsIdle());
  EXPECT_EQ(follower_.NextTake(), clock_.SinceBoot() + kInterval);
  clock_.Advance(kInterval - kTick);
  EXPECT_TRUE(IsIdle());
  clock_.Advance(kTick);
  EXPECT_EQ(Take<Heartbeat>().nonce, first + 1);
  EXPECT_TRUE(IsIdle());
}

TEST_F(FollowerTest, KeepsToTheServersIntervalIfThatIsLess) {
  for (const auto& [servers, kept] :
       {std::pair(absl::Milliseconds(100), absl::Milliseconds(100)),
        std::pair(kInterval * 2, kInterval),
        std::pair(absl::ZeroDuration(), kInterval),
        std::pair(kTick, Follower::kMinInterval)}) {
    follower_.Connected();
    Take<Subscribe>();
    EXPECT_EQ(
        Receive(Welcome{.epoch = EpochOf(1), .heartbeat_interval = servers}),
        absl::StatusCode::kOk);
    Take<Heartbeat>();
    EXPECT_EQ(follower_.NextTake(), clock_.SinceBoot() + kept);
  }
}

TEST_F(FollowerTest, AcknowledgesABatchAtOnceAfterItWasApplied) {
  Begin();
  EXPECT_EQ(Receive(BatchOf(0, 5, {1})), absl::StatusCode::kOk);
  EXPECT_TRUE(Refuses(1));
  EXPECT_EQ(follower_.applied(), 5u);
  EXPECT_LE(follower_.NextTake(), clock_.SinceBoot());
  EXPECT_EQ(Take<Heartbeat>().applied, 5u);
}

TEST_F(FollowerTest, AnEmptyBatchIsAnsweredOnlyWhileThereIsNoLease) {
  uint64_t nonce = Begin();
  EXPECT_EQ(Receive(BatchOf(0, 5, {})), absl::StatusCode::kOk);
  nonce = Take<Heartbeat>().nonce;
  EXPECT_EQ(Receive(LeaseOf(nonce, 5)), absl::StatusCode::kOk);
  ASSERT_TRUE(IsLeased());
  EXPECT_EQ(Receive(BatchOf(5, 6, {})), absl::StatusCode::kOk);
  EXPECT_TRUE(IsIdle());
  EXPECT_EQ(follower_.applied(), 6u);
}

TEST_F(FollowerTest, ALeaseCountsFromWhenItWasAskedFor) {
  const uint64_t nonce = Begin();
  clock_.Advance(absl::Milliseconds(300));
  EXPECT_EQ(Receive(LeaseOf(nonce, 0)), absl::StatusCode::kOk);
  clock_.Advance(kTtl - absl::Milliseconds(300) - kTick);
  EXPECT_TRUE(IsLeased());
  clock_.Advance(kTick);
  EXPECT_FALSE(IsLeased());
}

TEST_F(FollowerTest, ALeaseThatComesAfterItsEndIsNone) {
  const uint64_t nonce = Begin();
  clock_.Advance(kTtl);
  EXPECT_EQ(Receive(LeaseOf(nonce, 0)), absl::StatusCode::kOk);
  EXPECT_FALSE(IsLeased());
}

TEST_F(FollowerTest, ALeaseIsOfUseOnceItsRevisionWasApplied) {
  const uint64_t nonce = Begin();
  EXPECT_EQ(Receive(LeaseOf(nonce, 5)), absl::StatusCode::kOk);
  EXPECT_FALSE(IsLeased());
  EXPECT_EQ(Receive(BatchOf(0, 4, {1})), absl::StatusCode::kOk);
  EXPECT_FALSE(IsLeased());
  EXPECT_EQ(Receive(BatchOf(4, 5, {2})), absl::StatusCode::kOk);
  EXPECT_TRUE(IsLeased());
}

TEST_F(FollowerTest, ALeaseNobodyAskedForIsIgnored) {
  const uint64_t nonce = Begin();
  EXPECT_EQ(Receive(LeaseOf(nonce - 1, 0)), absl::StatusCode::kOk);
  EXPECT_FALSE(IsLeased());
  EXPECT_EQ(Receive(LeaseOf(nonce, 0)), absl::StatusCode::kOk);
  EXPECT_TRUE(IsLeased());
}

TEST_F(FollowerTest, ALeaseForAHeartbeatYetToComeIsIgnored) {
  const uint64_t nonce = Begin();
  EXPECT_EQ(Receive(LeaseOf(nonce + 1, 0)), absl::StatusCode::kOk);
  EXPECT_FALSE(IsLeased());
  clock_.Advance(kInterval);
  EXPECT_EQ(Take<Heartbeat>().nonce, nonce + 1);
  EXPECT_FALSE(IsLeased());
}

TEST_F(FollowerTest, EachLeaseAnswersOneHeartbeatOnce) {
  const uint64_t nonce = Begin();
  EXPECT_EQ(Receive(LeaseOf(nonce, 0)), absl::StatusCode::kOk);
  view_.EndLease();
  EXPECT_EQ(Receive(LeaseOf(nonce, 0)), absl::StatusCode::kOk);
  EXPECT_FALSE(IsLeased());
}

TEST_F(FollowerTest, ALeaseIsCutToTheLongestThereIs) {
  const uint64_t nonce = Begin();
  Lease lease = LeaseOf(nonce, 0);
  lease.ttl = absl::InfiniteDuration();
  EXPECT_EQ(Receive(lease), absl::StatusCode::kOk);
  clock_.Advance(kMaxLeaseTtl - kTick);
  EXPECT_TRUE(IsLeased());
  clock_.Advance(kTick);
  EXPECT_FALSE(IsLeased());
}

TEST_F(FollowerTest, ALeaseOfNoOrNegativeLengthIsNone) {
  const uint64_t nonce = Begin();
  Lease lease = LeaseOf(nonce, 0);
  lease.ttl = -absl::InfiniteDuration();
  EXPECT_EQ(Receive(lease), absl::StatusCode::kOk);
  EXPECT_FALSE(IsLeased());
}

TEST_F(FollowerTest, RemembersSoManyHeartbeatsAndNoMore) {
  const uint64_t first = Begin();
  for (size_t i = 1; i <= Follower::kMaxUnanswered; ++i) {
    clock_.Advance(kTick);
    EXPECT_EQ(Receive(BatchOf(i - 1, i, {1})), absl::StatusCode::kOk);
    Take<Heartbeat>();
  }
  EXPECT_EQ(Receive(LeaseOf(first, 0)), absl::StatusCode::kOk);
  EXPECT_FALSE(IsLeased());
  EXPECT_EQ(Receive(LeaseOf(first + 1, 0)), absl::StatusCode::kOk);
  EXPECT_TRUE(IsLeased());
}

TEST_F(FollowerTest, ALeaseOutlivesItsStreamAndTheNextOneResumes) {
  const uint64_t nonce = Begin();
  EXPECT_EQ(Receive(BatchOf(0, 5, {1})), absl::StatusCode::kOk);
  EXPECT_EQ(Receive(LeaseOf(nonce, 5)), absl::StatusCode::kOk);
  follower_.Disconnected();
  EXPECT_TRUE(IsLeased());
  EXPECT_TRUE(IsIdle());
  follower_.Connected();
  const auto subscribe = Take<Subscribe>();
  EXPECT_EQ(subscribe.epoch, EpochOf(1));
  EXPECT_EQ(subscribe.resume, 5u);
}

TEST_F(FollowerTest, AnAnswerOfTheStreamBeforeIsNoAnswer) {
  const uint64_t old = Begin();
  follower_.Disconnected();
  Begin();
  EXPECT_EQ(Receive(LeaseOf(old, 0)), absl::StatusCode::kOk);
  EXPECT_FALSE(IsLeased());
}

TEST_F(FollowerTest, ABatchThatIsMissingEndsTheStream) {
  Begin();
  EXPECT_EQ(Receive(BatchOf(0, 5, {1})), absl::StatusCode::kOk);
  EXPECT_EQ(Receive(BatchOf(6, 7, {2})), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(follower_.applied(), 5u);
  EXPECT_TRUE(IsIdle());
  // Nothing that comes afterwards is understood.
  EXPECT_EQ(Receive(BatchOf(5, 6, {2})), absl::StatusCode::kFailedPrecondition);
}

TEST_F(FollowerTest, ABatchThatComesTwiceDoesNoHarm) {
  Begin();
  EXPECT_EQ(Receive(BatchOf(0, 5, {1})), absl::StatusCode::kOk);
  EXPECT_EQ(Receive(BatchOf(0, 3, {1})), absl::StatusCode::kOk);
  EXPECT_EQ(follower_.applied(), 5u);
  EXPECT_TRUE(Refuses(1));
}

TEST_F(FollowerTest, WhatIsOutOfOrderEndsTheStream) {
  const auto refused = absl::StatusCode::kFailedPrecondition;
  EXPECT_EQ(Receive(Welcome{.epoch = EpochOf(1)}), refused);
  follower_.Connected();
  EXPECT_EQ(Receive(Welcome{.epoch = EpochOf(1)}), refused);  // not subscribed
  follower_.Connected();
  Take<Subscribe>();
  EXPECT_EQ(Receive(BatchOf(0, 1, {1})), refused);
  follower_.Connected();
  Take<Subscribe>();
  EXPECT_EQ(Receive(LeaseOf(1, 0)), refused);
  Begin();
  EXPECT_EQ(Receive(Welcome{.epoch = EpochOf(1)}), refused);
  follower_.Connected();
  Take<Subscribe>();
  EXPECT_EQ(Receive(Welcome{.epoch = EpochOf(1), .after = 1}), refused);
  EXPECT_FALSE(IsLeased());
}

TEST_F(FollowerTest, AResyncReadsAllAnewAndForgetsNothing) {
  Begin();
  EXPECT_EQ(Receive(BatchOf(0, 5, {1})), absl::StatusCode::kOk);
  const uint64_t nonce = Begin(0);
  EXPECT_EQ(follower_.applied(), 0u);
  EXPECT_TRUE(Refuses(1));
  EXPECT_EQ(Receive(LeaseOf(nonce, 5)), absl::StatusCode::kOk);
  EXPECT_FALSE(IsLeased());
  EXPECT_EQ(Receive(BatchOf(0, 5, {1, 2})), absl::StatusCode::kOk);
  EXPECT_TRUE(IsLeased());
}

TEST_F(FollowerTest, AnotherEpochBeginsAnew) {
  const uint64_t nonce = Begin();
  EXPECT_EQ(Receive(BatchOf(0, 5, {1})), absl::StatusCode::kOk);
  EXPECT_EQ(Receive(LeaseOf(nonce, 5)), absl::StatusCode::kOk);
  follower_.Connected();
  Take<Subscribe>();
  EXPECT_EQ(Receive(Welcome{.epoch = EpochOf(2)}), absl::StatusCode::kOk);
  EXPECT_FALSE(IsLeased());
  EXPECT_EQ(follower_.applied(), 0u);
  EXPECT_TRUE(Refuses(2));  // of epoch 1
  EXPECT_EQ(Take<Heartbeat>().applied, 0u);
}

// --- keys ---

constexpr char kNoKeys[] = R"({"keys":[]})";

TEST_F(FollowerTest, JudgesByTheKeysThatCame) {
  EXPECT_EQ(LeasedView::Look(view_).keys(), nullptr);
  Begin();
  EXPECT_EQ(LeasedView::Look(view_).keys(), nullptr);
  EXPECT_EQ(Receive(KeySetUpdate{.jwks = TokenMaker::kJwks}),
            absl::StatusCode::kOk);
  const auto first = LeasedView::Look(view_).keys();
  ASSERT_NE(first, nullptr);
  EXPECT_GT(first->size(), 0u);
  EXPECT_EQ(Receive(KeySetUpdate{.jwks = kNoKeys}), absl::StatusCode::kOk);
  EXPECT_EQ(LeasedView::Look(view_).keys()->size(), 0u);
}

TEST_F(FollowerTest, TheSameKeysStayTheSameObjectOnTheNextStream) {
  Begin();
  EXPECT_EQ(Receive(KeySetUpdate{.jwks = TokenMaker::kJwks}),
            absl::StatusCode::kOk);
  const auto first = LeasedView::Look(view_).keys();
  Begin();
  EXPECT_EQ(Receive(KeySetUpdate{.jwks = TokenMaker::kJwks}),
            absl::StatusCode::kOk);
  EXPECT_EQ(LeasedView::Look(view_).keys(), first);
}

TEST_F(FollowerTest, KeysThatCannotBeReadLeaveTheOnesBefore) {
  Begin();
  EXPECT_EQ(Receive(KeySetUpdate{.jwks = TokenMaker::kJwks}),
            absl::StatusCode::kOk);
  const auto first = LeasedView::Look(view_).keys();
  EXPECT_EQ(Receive(KeySetUpdate{.jwks = "no keys"}), absl::StatusCode::kOk);
  EXPECT_EQ(LeasedView::Look(view_).keys(), first);
  EXPECT_EQ(follower_.bad_key_sets(), 1u);
  EXPECT_EQ(Receive(BatchOf(0, 5, {1})), absl::StatusCode::kOk);
}

TEST_F(FollowerTest, KeysOfAnotherEpochJudgeNothing) {
  Begin();
  EXPECT_EQ(Receive(KeySetUpdate{.jwks = TokenMaker::kJwks}),
            absl::StatusCode::kOk);
  follower_.Connected();
  EXPECT_EQ(Receive(KeySetUpdate{.jwks = kNoKeys}),
            absl::StatusCode::kFailedPrecondition);  // before the welcome
  follower_.Connected();
  Take<Subscribe>();
  EXPECT_EQ(Receive(Welcome{.epoch = EpochOf(2)}), absl::StatusCode::kOk);
  EXPECT_EQ(LeasedView::Look(view_).keys(), nullptr);
  EXPECT_EQ(Receive(KeySetUpdate{.jwks = TokenMaker::kJwks}),
            absl::StatusCode::kOk);
  EXPECT_NE(LeasedView::Look(view_).keys(), nullptr);
}

TEST_F(FollowerTest, WhoCannotKeepAllReliesOnNothing) {
  uint64_t nonce = Begin();
  EXPECT_EQ(Receive(LeaseOf(nonce, 0)), absl::StatusCode::kOk);
  ASSERT_TRUE(IsLeased());
  std::vector<uint8_t> many;
  for (uint8_t i = 0; i < 101; ++i) many.push_back(i);
  EXPECT_EQ(Receive(BatchOf(0, 5, many)), absl::StatusCode::kResourceExhausted);
  EXPECT_FALSE(IsLeased());
  EXPECT_EQ(follower_.applied(), 0u);
  // Nor later, without what it could not keep.
  nonce = Begin();
  EXPECT_EQ(Receive(LeaseOf(nonce, 5)), absl::StatusCode::kOk);
  EXPECT_FALSE(IsLeased());
}

}  // namespace
}  // namespace latchkey
