#include "client/verify/revocation_set.h"

#include <atomic>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "client/base/reader_gate.h"
#include "client/verify/revocation.h"

namespace latchkey {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1893456000);
const absl::Time kExpire = kNow + absl::Hours(1);

// Random ids, as a server makes them.
class Ids {
 public:
  template <typename Id>
  Id Next() {
    Id id;
    const uint64_t words[] = {random_(), random_()};
    std::memcpy(id.array().data(), words, sizeof(words));
    return id;
  }

 private:
  std::mt19937_64 random_{1};
};

class RevocationSetTest : public ::testing::Test {
 protected:
  void Add(const Revocation& revocation, absl::Time now = kNow) {
    EXPECT_TRUE(set_.Add(revocation, now).ok());
  }
  bool Refuses(const RevocableFacts& facts) const {
    const ReaderGate::Visit visit(gate_);
    return set_.Refuses(facts);
  }
  void SweepAll(absl::Time now) {
    for (size_t i = 0; i < RevocationSet::kSweeps; ++i) set_.Sweep(now);
  }
  RevocableFacts SomeFacts() {
    return {.session = ids_.Next<SessionId>(),
            .account = ids_.Next<AccountUid>(),
            .generation = 5,
            .kid = "kid",
            .epoch = ids_.Next<Epoch>()};
  }

  Ids ids_;
  ReaderGate gate_;
  RevocationSet set_{{}, gate_};
};

TEST_F(RevocationSetTest, RefusesNothingAtFirst) {
  EXPECT_FALSE(Refuses(SomeFacts()));
  EXPECT_FALSE(Refuses({}));
  EXPECT_EQ(set_.size(), 0u);
}

TEST_F(RevocationSetTest, RefusesTheSessionThatEnded) {
  const RevocableFacts facts = SomeFacts();
  Add(Revocation::OfSession(facts.session, kExpire));
  EXPECT_TRUE(Refuses(facts));
  RevocableFacts other = facts;
  other.session = ids_.Next<SessionId>();
  EXPECT_FALSE(Refuses(other));
}

TEST_F(RevocationSetTest, RefusesLowerGenerationsOfTheAccount) {
  RevocableFacts facts = SomeFacts();
  Add(Revocation::OfAccount(facts.account, 5, kExpire));
  for (const auto& [generation, refused] :
       std::vector<std::pair<uint64_t, bool>>{
           {0, true}, {4, true}, {5, false}, {6, false}, {UINT64_MAX, false}}) {
    facts.generation = generation;
    EXPECT_EQ(Refuses(facts), refused) << generation;
  }
  facts.generation = 4;
  facts.account = ids_.Next<AccountUid>();
  EXPECT_FALSE(Refuses(facts));
}

TEST_F(RevocationSetTest, AnAccountsGenerationNeverGoesBack) {
  RevocableFacts facts = SomeFacts();
  Add(Revocation::OfAccount(facts.account, 7, kExpire));
  Add(Revocation::OfAccount(facts.account, 3, kExpire));
  facts.generation = 6;
  EXPECT_TRUE(Refuses(facts));
  Add(Revocation::OfAccount(facts.account, 9, kExpire));
  facts.generation = 8;
  EXPECT_TRUE(Refuses(facts));
  EXPECT_EQ(set_.size(), 1u);
}

TEST_F(RevocationSetTest, AGenerationOfZeroEndsNothing) {
  RevocableFacts facts = SomeFacts();
  facts.generation = 0;
  Add(Revocation::OfAccount(facts.account, 0, kExpire));
  EXPECT_FALSE(Refuses(facts));
}

TEST_F(RevocationSetTest, RefusesWhatARevokedKeySigned) {
  RevocableFacts facts = SomeFacts();
  Add(Revocation::OfKey("kid", kExpire));
  EXPECT_TRUE(Refuses(facts));
  facts.kid = "kid2";
  EXPECT_FALSE(Refuses(facts));
  facts.kid = "";  // not signed
  EXPECT_FALSE(Refuses(facts));
}

TEST_F(RevocationSetTest, RefusesWhatIsOfARevokedEpoch) {
  RevocableFacts facts = SomeFacts();
  Add(Revocation::OfEpoch(facts.epoch, kExpire));
  EXPECT_TRUE(Refuses(facts));
  facts.epoch = ids_.Next<Epoch>();
  EXPECT_FALSE(Refuses(facts));
}

TEST_F(RevocationSetTest, ASessionsIdIsNoAccountsUid) {
  RevocableFacts facts = SomeFacts();
  facts.account = *AccountUid::FromBytes(facts.session.view());
  Add(Revocation::OfSession(facts.session, kExpire));
  facts.session = ids_.Next<SessionId>();
  EXPECT_FALSE(Refuses(facts));
}

TEST_F(RevocationSetTest, KeepsEachKindUntilTheMostLenientHasSeenItExpire) {
  const RevocableFacts facts = SomeFacts();
  for (const Revocation& revocation :
       {Revocation::OfSession(facts.session, kExpire),
        Revocation::OfAccount(facts.account, 6, kExpire),
        Revocation::OfKey("kid", kExpire),
        Revocation::OfEpoch(facts.epoch, kExpire)}) {
    SCOPED_TRACE(static_cast<int>(revocation.kind));
    Add(revocation);
    for (const absl::Time now :
         {kExpire, kExpire + absl::Seconds(60) - absl::Microseconds(1)}) {
      SweepAll(now);
      EXPECT_TRUE(Refuses(facts));
      EXPECT_EQ(set_.size(), 1u);
    }
    SweepAll(kExpire + absl::Seconds(60));
    EXPECT_EQ(set_.size(), 0u);
    EXPECT_FALSE(Refuses(facts));
  }
}

TEST_F(RevocationSetTest, ALaterExpiryKeepsALongerTime) {
  const RevocableFacts facts = SomeFacts();
  Add(Revocation::OfSession(facts.session, kExpire));
  Add(Revocation::OfSession(facts.session, kExpire + absl::Hours(1)));
  Add(Revocation::OfSession(facts.session, kExpire));
  SweepAll(kExpire + absl::Minutes(30));
  EXPECT_TRUE(Refuses(facts));
}

TEST_F(RevocationSetTest, EndlessTimesAreNeverDropped) {
  const RevocableFacts facts = SomeFacts();
  Add(Revocation::OfSession(facts.session, absl::InfiniteFuture()));
  SweepAll(kNow + absl::Hours(24 * 365 * 1000));
  EXPECT_TRUE(Refuses(facts));
}

TEST_F(RevocationSetTest, GrowingDropsWhatMayBeAndNothingElse) {
  std::vector<SessionId> brief, lasting;
  for (int i = 0; i < 2000; ++i) {
    brief.push_back(ids_.Next<SessionId>());
    Add(Revocation::OfSession(brief.back(), kNow));
  }
  const absl::Time later = kNow + absl::Seconds(61);
  for (int i = 0; i < 20000; ++i) {
    lasting.push_back(ids_.Next<SessionId>());
    Add(Revocation::OfSession(lasting.back(), kExpire), later);
  }
  EXPECT_EQ(set_.size(), lasting.size());
  for (const SessionId& id : lasting) EXPECT_TRUE(Refuses({.session = id}));
  for (const SessionId& id : brief) EXPECT_FALSE(Refuses({.session = id}));
}

TEST_F(RevocationSetTest, WhatDoesNotFitIsRefusedAndSaysSo) {
  RevocationSet small({.max_entries = 2}, gate_);
  const auto add = [&](const Revocation& revocation) {
    return small.Add(revocation, kNow).code();
  };
  EXPECT_EQ(add(Revocation::OfSession(ids_.Next<SessionId>(), kExpire)),
            absl::StatusCode::kOk);
  EXPECT_EQ(add(Revocation::OfAccount(ids_.Next<AccountUid>(), 1, kExpire)),
            absl::StatusCode::kOk);
  EXPECT_EQ(add(Revocation::OfSession(ids_.Next<SessionId>(), kExpire)),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(add(Revocation::OfAccount(ids_.Next<AccountUid>(), 1, kExpire)),
            absl::StatusCode::kResourceExhausted);
}

TEST_F(RevocationSetTest, HasRoomForSoManyKeysAndEpochs) {
  for (size_t i = 0; i < RevocationSet::kMaxKeys; ++i) {
    Add(Revocation::OfKey(absl::StrCat("k", i), kExpire));
    Add(Revocation::OfEpoch(ids_.Next<Epoch>(), kExpire));
  }
  EXPECT_EQ(set_.Add(Revocation::OfKey("one more", kExpire), kNow).code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(
      set_.Add(Revocation::OfEpoch(ids_.Next<Epoch>(), kExpire), kNow).code(),
      absl::StatusCode::kResourceExhausted);
  Add(Revocation::OfKey("k0", kExpire + absl::Hours(1)));  // known
  EXPECT_TRUE(Refuses({.kid = "k63"}));
  // What may be dropped makes room.
  Add(Revocation::OfKey("one more", kExpire + absl::Hours(1)),
      kExpire + absl::Minutes(2));
  EXPECT_TRUE(Refuses({.kid = "one more"}));
}

TEST_F(RevocationSetTest, WhatCannotBeUnderstoodIsAnError) {
  EXPECT_EQ(set_.Add(Revocation::OfKey(
                         std::string(kMaxRevokedKidBytes + 1, 'k'), kExpire),
                     kNow)
                .code(),
            absl::StatusCode::kInvalidArgument);
  Add(Revocation::OfKey(std::string(kMaxRevokedKidBytes, 'k'), kExpire));
  Revocation odd;
  odd.kind = static_cast<Revocation::Kind>(99);
  EXPECT_EQ(set_.Add(odd, kNow).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(RevocationSetTest, TakesAtMost64BytesAnEntryAt300000) {
  constexpr size_t kEntries = 300'000;
  for (size_t i = 0; i < kEntries; ++i) {
    Add(i % 10 == 0 ? Revocation::OfAccount(ids_.Next<AccountUid>(), 1, kExpire)
                    : Revocation::OfSession(ids_.Next<SessionId>(), kExpire));
  }
  EXPECT_EQ(set_.size(), kEntries);
  EXPECT_LE(set_.Bytes() / kEntries, 64u);
  EXPECT_LE(set_.Bytes(), kEntries * 64);
  RecordProperty("bytes_per_entry", static_cast<int>(set_.Bytes() / kEntries));
  // And gives it back.
  SweepAll(kExpire + absl::Seconds(60));
  EXPECT_LE(set_.Bytes(), 100'000u);
}

TEST_F(RevocationSetTest, TakesAtMost64BytesAtEachSizeOnTheWay) {
  size_t worst = 0;
  for (size_t i = 1; i <= 100'000; ++i) {
    Add(Revocation::OfSession(ids_.Next<SessionId>(), kExpire));
    if (i >= 20'000) worst = std::max(worst, set_.Bytes() * 100 / i);
  }
  EXPECT_LE(worst, 6400u);
}

// A reader must see each entry from when it is told that it was added, also
// while the table around it is written anew.
TEST_F(RevocationSetTest, ManyReadersMissNothingThatWasAdded) {
  constexpr size_t kEntries = 40'000;
  constexpr int kReaders = 3;
  std::vector<SessionId> ids;
  for (size_t i = 0; i < kEntries; ++i) ids.push_back(ids_.Next<SessionId>());
  std::vector<SessionId> absent;
  for (size_t i = 0; i < 1000; ++i) absent.push_back(ids_.Next<SessionId>());
  std::atomic<size_t> added{0};
  std::atomic<uint64_t> wrong{0};
  std::vector<std::thread> readers;
  for (int r = 0; r < kReaders; ++r) {
    readers.emplace_back([&, r] {
      std::mt19937_64 random(static_cast<uint64_t>(r));
      for (size_t known = 0; known < kEntries;) {
        known = added.load(std::memory_order_acquire);
        if (known == 0) continue;
        // The newest ones, and any.
        const size_t back = std::min(known, random() % 2 == 0 ? 3 : kEntries);
        const SessionId& id = ids[known - 1 - random() % back];
        const SessionId& other = absent[random() % absent.size()];
        const ReaderGate::Visit visit(gate_);
        if (!set_.Refuses({.session = id})) ++wrong;
        if (set_.Refuses({.session = other})) ++wrong;
      }
    });
  }
  for (size_t i = 0; i < kEntries; ++i) {
    Add(Revocation::OfSession(ids[i], kExpire), kNow);
    added.store(i + 1, std::memory_order_release);
    if (i % 16 == 0) set_.Sweep(kNow);
    if (i % 64 == 0) Add(Revocation::OfKey(absl::StrCat(i / 1024), kExpire));
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0u);
  gate_.Collect();
  EXPECT_EQ(gate_.Retired(), 0u);
}

}  // namespace
}  // namespace latchkey
