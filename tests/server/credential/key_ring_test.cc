#include "server/credential/key_ring.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "server/base/error.h"
#include "tests/server/credential/failing_key_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_store.h"

namespace latchkey {
namespace {

constexpr absl::Duration kStep = absl::Microseconds(1);
constexpr absl::Duration kLead = absl::Hours(1);
constexpr absl::Duration kLife = absl::Hours(24 * 30);
// Between a key's last signature and its end: the longest token, and the
// largest skew.
constexpr absl::Duration kRetiring = absl::Seconds(24 * 3600 + 60);

class KeyRingTest : public ::testing::Test {
 protected:
  void SetUp() override { ring_ = Open(start_); }

  static Sealer MakeSealer(uint8_t byte = 1) {
    SecretBytes key(Sealer::kKeyBytes);
    key.data()[0] = byte;
    return *Sealer::FromKey(std::move(key));
  }

  std::unique_ptr<KeyRing> Open(absl::Time now) {
    auto ring = KeyRing::Open(store_, MakeSealer(), options_, now);
    EXPECT_TRUE(ring.ok()) << ring.status();
    return *std::move(ring);
  }

  std::string SignerAt(absl::Time now) { return ring_->Signer(now)->kid(); }

  bool Verifies(const std::string& kid, absl::Time now) {
    return ring_->VerificationKeys(now)->Find(kid) != nullptr;
  }

  // The states of the keys, oldest first: P, S and R.
  std::string StatesAt(absl::Time now) {
    std::string states;
    for (const KeyInfo& info : ring_->List(now)) {
      switch (info.state) {
        case KeyState::kPublished:
          states += 'P';
          break;
        case KeyState::kSigning:
          states += 'S';
          break;
        case KeyState::kRetiring:
          states += 'R';
          break;
      }
    }
    EXPECT_EQ(ring_->VerificationKeys(now)->size(), states.size());
    return states;
  }

  size_t Stored() { return store_.List()->size(); }

  const absl::Time start_ = FakeClock().Now();
  MemoryStore memory_;
  FailingKeyStore store_{memory_.keys()};
  KeyRingOptions options_ = {.algorithm = KeyAlgorithm::kEdDsa};
  std::unique_ptr<KeyRing> ring_;
};

TEST_F(KeyRingTest, TheFirstKeyIsMadeStoredAndSignsAtOnce) {
  EXPECT_EQ(StatesAt(start_), "S");
  const KeyInfo info = ring_->List(start_)[0];
  EXPECT_EQ(info.create_time, start_);
  EXPECT_EQ(info.activate_time, start_);
  EXPECT_EQ(info.retire_time, std::nullopt);
  EXPECT_EQ(info.gone_time, std::nullopt);
  EXPECT_EQ(info.kid, SignerAt(start_));
  EXPECT_TRUE(Verifies(info.kid, start_));
  EXPECT_EQ(Stored(), 1u);
}

TEST_F(KeyRingTest, OpenFindsTheKeysThatWereStored) {
  ASSERT_TRUE(ring_->Rotate(start_).ok());
  const std::vector<KeyInfo> before = ring_->List(start_);
  ring_ = Open(start_ + absl::Minutes(1));
  EXPECT_EQ(ring_->List(start_), before);
  EXPECT_EQ(Stored(), 2u);
}

TEST_F(KeyRingTest, NextKeyVerifiesBeforeItSigns) {
  const std::string first = SignerAt(start_);
  const auto next = ring_->Rotate(start_);
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_EQ(next->state, KeyState::kPublished);
  EXPECT_EQ(next->create_time, start_);
  EXPECT_EQ(next->activate_time, start_ + kLead);
  for (const absl::Duration after :
       {absl::ZeroDuration(), kLead / 2, kLead - kStep}) {
    EXPECT_EQ(SignerAt(start_ + after), first);
    EXPECT_TRUE(Verifies(next->kid, start_ + after));
    EXPECT_TRUE(Verifies(first, start_ + after));
  }
  EXPECT_EQ(SignerAt(start_ + kLead), next->kid);
  EXPECT_TRUE(Verifies(first, start_ + kLead));
}

TEST_F(KeyRingTest, EachBorderBelongsToTheLaterState) {
  ASSERT_TRUE(ring_->Rotate(start_).ok());
  const absl::Time activate = start_ + kLead;
  const absl::Time gone = activate + kRetiring;
  const auto expect_states = [&] {
    EXPECT_EQ(StatesAt(start_), "SP");
    EXPECT_EQ(StatesAt(activate - kStep), "SP");
    EXPECT_EQ(StatesAt(activate), "RS");
    EXPECT_EQ(StatesAt(activate + kStep), "RS");
    EXPECT_EQ(StatesAt(gone - kStep), "RS");
    EXPECT_EQ(StatesAt(gone), "S");
    EXPECT_EQ(StatesAt(gone + kStep), "S");
    EXPECT_EQ(StatesAt(absl::InfiniteFuture()), "S");
  };
  expect_states();
  // In any order, whatever was asked before.
  EXPECT_EQ(StatesAt(gone), "S");
  expect_states();
  const KeyInfo first = ring_->List(start_)[0];
  EXPECT_EQ(first.retire_time, activate);
  EXPECT_EQ(first.gone_time, gone);
}

TEST_F(KeyRingTest, TheSameKeysAreTheSameSet) {
  const auto keys = ring_->VerificationKeys(start_);
  EXPECT_EQ(ring_->VerificationKeys(start_ + absl::Hours(1)), keys);
  ASSERT_TRUE(ring_->Rotate(start_).ok());
  const auto more = ring_->VerificationKeys(start_);
  EXPECT_NE(more, keys);
  EXPECT_EQ(ring_->VerificationKeys(start_ + kLead - kStep), more);
  // Another one signs, but who verifies need not forget anything.
  EXPECT_EQ(ring_->VerificationKeys(start_ + kLead), more);
  const absl::Time gone = *ring_->List(start_ + kLead).front().gone_time;
  EXPECT_EQ(ring_->VerificationKeys(gone - kStep), more);
  const auto fewer = ring_->VerificationKeys(gone);
  EXPECT_NE(fewer, more);
  EXPECT_EQ(fewer->size(), 1u);
  // A late caller gets what held then, and turns nothing back.
  EXPECT_EQ(ring_->VerificationKeys(start_ + kLead)->size(), 2u);
  EXPECT_EQ(ring_->VerificationKeys(gone), fewer);
  EXPECT_EQ(keys->size(), 1u);
}

TEST_F(KeyRingTest, RotateIsRefusedWhileAKeyWaits) {
  ASSERT_TRUE(ring_->Rotate(start_).ok());
  for (const absl::Duration after : {absl::ZeroDuration(), kLead - kStep}) {
    const auto again = ring_->Rotate(start_ + after);
    EXPECT_EQ(again.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(ReasonOf(again.status()), Reason::kRotationTooSoon);
  }
  EXPECT_TRUE(ring_->Rotate(start_ + kLead).ok());
  EXPECT_EQ(StatesAt(start_ + kLead), "RSP");
}

TEST_F(KeyRingTest, RotateIsRefusedAtTheMostKeysUntilOneHasGone) {
  options_.publish_lead = absl::ZeroDuration();
  ring_ = Open(start_);
  absl::Time now = start_;
  for (size_t i = 1; i < kMaxKeys; ++i) {
    now += absl::Minutes(1);
    ASSERT_TRUE(ring_->Rotate(now).ok()) << i;
  }
  EXPECT_EQ(ring_->VerificationKeys(now)->size(), kMaxKeys);
  now += absl::Minutes(1);
  EXPECT_EQ(ReasonOf(ring_->Rotate(now).status()), Reason::kRotationTooSoon);
  const absl::Time first_gone = *ring_->List(now)[0].gone_time;
  EXPECT_FALSE(ring_->Rotate(first_gone - kStep).ok());
  EXPECT_TRUE(ring_->Rotate(first_gone).ok());
  EXPECT_EQ(Stored(), kMaxKeys);
  ring_ = Open(first_gone);
}

TEST_F(KeyRingTest, WithoutALeadTheNextKeySignsAtOnce) {
  options_.publish_lead = absl::ZeroDuration();
  ring_ = Open(start_);
  const absl::Time now = start_ + absl::Minutes(1);
  const auto next = ring_->Rotate(now);
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(next->state, KeyState::kSigning);
  EXPECT_EQ(SignerAt(now), next->kid);
}

TEST_F(KeyRingTest, TickMakesTheNextKeyALeadBeforeItIsDue) {
  const std::string first = SignerAt(start_);
  const absl::Time due = start_ + kLife - kLead;
  ASSERT_TRUE(ring_->Tick(start_).ok());
  ASSERT_TRUE(ring_->Tick(due - kStep).ok());
  EXPECT_EQ(StatesAt(due), "S");
  ASSERT_TRUE(ring_->Tick(due).ok());
  EXPECT_EQ(StatesAt(due), "SP");
  EXPECT_EQ(ring_->List(due)[1].activate_time, start_ + kLife);
  ASSERT_TRUE(ring_->Tick(due).ok());
  EXPECT_EQ(StatesAt(due), "SP");
  EXPECT_EQ(SignerAt(start_ + kLife - kStep), first);
  EXPECT_NE(SignerAt(start_ + kLife), first);
}

TEST_F(KeyRingTest, TickAfterALongPauseStillPublishesBeforeItSigns) {
  const absl::Time late = start_ + 10 * kLife;
  const std::string first = SignerAt(late);
  ASSERT_TRUE(ring_->Tick(late).ok());
  EXPECT_EQ(StatesAt(late), "SP");
  EXPECT_EQ(SignerAt(late), first);
  EXPECT_EQ(ring_->List(late)[1].activate_time, late + kLead);
}

TEST_F(KeyRingTest, TickForgetsKeysThatAreGoneAndNoOther) {
  const std::string first = SignerAt(start_);
  ASSERT_TRUE(ring_->Rotate(start_).ok());
  const absl::Time gone = start_ + kLead + kRetiring;
  ASSERT_TRUE(ring_->Tick(gone - kStep).ok());
  EXPECT_EQ(Stored(), 2u);
  ASSERT_TRUE(ring_->Tick(gone).ok());
  ASSERT_EQ(Stored(), 1u);
  EXPECT_NE(store_.List()->front().kid, first);
  // Also for a caller whose clock reads earlier.
  EXPECT_FALSE(Verifies(first, start_));
  EXPECT_EQ(SignerAt(start_), SignerAt(gone));
}

TEST_F(KeyRingTest, ForYearsOfTicksEverySignerWasPublishedALeadBefore) {
  std::set<std::string> seen;
  for (absl::Time now = start_; now < start_ + 12 * kLife;
       now += absl::Minutes(30)) {
    ASSERT_TRUE(ring_->Tick(now).ok());
    EXPECT_TRUE(Verifies(SignerAt(now + kLead), now));
    ASSERT_LE(Stored(), 2u);
    seen.insert(SignerAt(now));
  }
  EXPECT_EQ(seen.size(), 12u);
}

TEST_F(KeyRingTest, AChangedAlgorithmIsThatOfTheNextKey) {
  options_.algorithm = KeyAlgorithm::kEs256;
  ring_ = Open(start_);
  EXPECT_EQ(ring_->Signer(start_)->algorithm(), KeyAlgorithm::kEdDsa);
  const auto next = ring_->Rotate(start_);
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(next->algorithm, KeyAlgorithm::kEs256);
  EXPECT_EQ(ring_->Signer(start_ + kLead)->algorithm(), KeyAlgorithm::kEs256);
  EXPECT_EQ(ring_->VerificationKeys(start_ + kLead)->size(), 2u);
}

TEST_F(KeyRingTest, ThereIsASignerWhateverTheClockSays) {
  ASSERT_TRUE(ring_->Rotate(start_).ok());
  const std::string first = SignerAt(start_);
  for (const absl::Time now :
       {absl::InfinitePast(), start_ - 100 * kLife, start_ - kStep}) {
    EXPECT_EQ(SignerAt(now), first);
    EXPECT_EQ(StatesAt(now), "SP");
    EXPECT_TRUE(ring_->Tick(now).ok());
  }
  EXPECT_EQ(StatesAt(absl::InfiniteFuture()), "S");
}

TEST_F(KeyRingTest, WithTheClockFarBackANewKeyStillWaitsItsTurn) {
  const absl::Time back = start_ - absl::Hours(24);
  ring_ = Open(back);
  const std::string first = SignerAt(back);
  const auto next = ring_->Rotate(back);
  ASSERT_TRUE(next.ok());
  EXPECT_GT(next->activate_time, start_);
  EXPECT_EQ(SignerAt(back), first);
  EXPECT_EQ(SignerAt(back + kLead), first);
}

TEST_F(KeyRingTest, JwksIsTheVerificationKeys) {
  ASSERT_TRUE(ring_->Rotate(start_).ok());
  const auto read = KeySet::FromJwks(ring_->Jwks(start_));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->size(), 2u);
  EXPECT_TRUE(read->left_out().empty());
  for (const KeyInfo& info : ring_->List(start_)) {
    EXPECT_NE(read->Find(info.kid), nullptr);
  }
  EXPECT_EQ(ring_->Jwks(start_).find("\"d\""), std::string::npos);
}

TEST_F(KeyRingTest, AFailingStoreChangesNothing) {
  const std::vector<KeyInfo> before = ring_->List(start_);
  store_.FailWith(absl::UnavailableError("stopped"));
  EXPECT_EQ(ring_->Rotate(start_).status().code(),
            absl::StatusCode::kUnavailable);
  EXPECT_EQ(ring_->Tick(start_ + kLife).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ring_->List(start_), before);
  store_.FailWith(absl::OkStatus());
  ASSERT_TRUE(ring_->Rotate(start_).ok());
  store_.FailWith(absl::UnavailableError("stopped"));
  const absl::Time gone = start_ + kLead + kRetiring;
  EXPECT_EQ(ring_->Tick(gone).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ring_->List(start_).size(), 2u);
  EXPECT_EQ(StatesAt(gone), "S");
}

TEST_F(KeyRingTest, DoesNotOpenOverAFailingStore) {
  store_.FailWith(absl::UnavailableError("stopped"));
  EXPECT_EQ(
      KeyRing::Open(store_, MakeSealer(), options_, start_).status().code(),
      absl::StatusCode::kUnavailable);
}

TEST_F(KeyRingTest, DoesNotOpenUnderAnotherMasterKey) {
  EXPECT_EQ(
      KeyRing::Open(store_, MakeSealer(2), options_, start_).status().code(),
      absl::StatusCode::kDataLoss);
}

TEST_F(KeyRingTest, DoesNotOpenOverMoreKeysThanASetHolds) {
  KeyRecord record = store_.List()->front();
  for (size_t i = 0; i < kMaxKeys; ++i) {
    record.kid = "kid" + std::to_string(i);
    ASSERT_TRUE(store_.Add(record).ok());
  }
  EXPECT_EQ(
      KeyRing::Open(store_, MakeSealer(), options_, start_).status().code(),
      absl::StatusCode::kFailedPrecondition);
}

TEST_F(KeyRingTest, OptionsOutOfRangeAreRefused) {
  const auto code = [&](const KeyRingOptions& options) {
    return KeyRing::Open(store_, MakeSealer(), options, start_).status().code();
  };
  EXPECT_EQ(code({.publish_lead = kLead, .signing_life = kLead}),
            absl::StatusCode::kOk);
  for (const KeyRingOptions& options :
       {KeyRingOptions{.publish_lead = -kStep},
        KeyRingOptions{.publish_lead = kLead + kStep, .signing_life = kLead},
        KeyRingOptions{.publish_lead = absl::ZeroDuration(),
        .signing_life = absl::ZeroDuration()},
        KeyRingOptions{.max_token_life = absl::ZeroDuration()}}) {
    EXPECT_EQ(code(options), absl::StatusCode::kInvalidArgument);
  }
}

TEST_F(KeyRingTest, OfTwoRotationsAtTheSameTimeOneIsRefused) {
  std::atomic<int> made = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] { made += ring_->Rotate(start_).ok() ? 1 : 0; });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(made, 1);
  EXPECT_EQ(Stored(), 2u);
}

TEST_F(KeyRingTest, ReadersFindEverySignersPublicHalfDuringRotations) {
  // Nothing goes while this runs, so what signed a moment ago must verify.
  options_.max_token_life = absl::Hours(24 * 365);
  ring_ = Open(start_);
  FakeClock clock;
  std::atomic<bool> done = false;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!done) {
        const absl::Time now = clock.Now();
        const auto signer = ring_->Signer(now);
        const auto keys = ring_->VerificationKeys(now);
        const PublicKey* key = keys->Find(signer->kid());
        ASSERT_NE(key, nullptr);
        ASSERT_TRUE(key->Verify("input", *signer->Sign("input")));
        ASSERT_FALSE(ring_->List(now).empty());
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(ring_->Rotate(clock.Now()).ok());
    ASSERT_TRUE(ring_->Tick(clock.Now()).ok());
    clock.Advance(kLead);
    std::this_thread::yield();
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(ring_->List(clock.Now()).size(), 21u);
}

TEST_F(KeyRingTest, WhatARevokedKeySignedVerifiesNoMore) {
  const auto next = ring_->Rotate(start_);
  const absl::Time now = start_ + kLead + kStep;
  const std::string old = ring_->List(now).front().kid;
  const auto revoked = ring_->Revoke(old, now);
  ASSERT_TRUE(revoked.ok()) << revoked.status();
  EXPECT_GT(revoked->revision, 0u);
  // Another key signs: nothing has to take its place.
  EXPECT_EQ(revoked->successor, std::nullopt);
  EXPECT_FALSE(Verifies(old, now));
  EXPECT_EQ(SignerAt(now), next->kid);
  ring_ = Open(now);
  EXPECT_FALSE(Verifies(old, now));
  EXPECT_EQ(StatesAt(now), "S");
}

TEST_F(KeyRingTest, ARevokedSignerHasASuccessorAtOnce) {
  const std::string first = SignerAt(start_);
  const auto next = ring_->Rotate(start_);
  const absl::Time now = start_ + kLead / 2;
  const auto revoked = ring_->Revoke(first, now);
  ASSERT_TRUE(revoked.ok()) << revoked.status();
  ASSERT_TRUE(revoked->successor.has_value());
  const std::string successor = revoked->successor->kid;
  EXPECT_EQ(revoked->successor->state, KeyState::kSigning);
  EXPECT_EQ(SignerAt(now), successor);
  EXPECT_FALSE(Verifies(first, now));
  EXPECT_TRUE(Verifies(successor, now));
  EXPECT_EQ(StatesAt(now), "SP");
  // The next one signs when it was to.
  EXPECT_EQ(SignerAt(start_ + kLead - kStep), successor);
  EXPECT_EQ(SignerAt(start_ + kLead), next->kid);
  ring_ = Open(now);
  EXPECT_EQ(SignerAt(now), successor);
}

TEST_F(KeyRingTest, TheOnlyKeyCanBeRevokedAlsoWithTheClockFarBack) {
  for (const absl::Time now : {start_, start_ - absl::Hours(24 * 365),
                               start_ + absl::Hours(24 * 365)}) {
    const std::string only = SignerAt(now);
    const auto revoked = ring_->Revoke(only, now);
    ASSERT_TRUE(revoked.ok()) << revoked.status();
    EXPECT_EQ(StatesAt(now), "S");
    EXPECT_NE(SignerAt(now), only);
    EXPECT_EQ(SignerAt(now), revoked->successor->kid);
    EXPECT_EQ(Stored(), 1u);
  }
}

TEST_F(KeyRingTest, WhatIsNotInTheRingCannotBeRevoked) {
  const std::string first = SignerAt(start_);
  ASSERT_TRUE(ring_->Revoke(first, start_).ok());
  for (const std::string& kid : {first, std::string("none"), std::string()}) {
    const auto again = ring_->Revoke(kid, start_);
    EXPECT_TRUE(absl::IsNotFound(again.status()));
    EXPECT_EQ(ReasonOf(again.status()), Reason::kKeyNotFound);
  }
  EXPECT_EQ(Stored(), 1u);
}

TEST_F(KeyRingTest, ARevocationThatFailsLeavesARingThatSigns) {
  const std::string first = SignerAt(start_);
  store_.FailWith(absl::UnavailableError("store"));
  EXPECT_TRUE(absl::IsUnavailable(ring_->Revoke(first, start_).status()));
  EXPECT_EQ(SignerAt(start_), first);
  store_.FailWith(absl::OkStatus());
  EXPECT_TRUE(ring_->Revoke(first, start_).ok());
  EXPECT_FALSE(Verifies(first, start_));
}

}  // namespace
}  // namespace latchkey
