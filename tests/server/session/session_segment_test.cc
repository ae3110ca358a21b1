#include "server/session/session_segment.h"

#include <map>
#include <random>
#include <set>
#include <string>

#include "gtest/gtest.h"

namespace latchkey {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1893456000);

// Keys whose places in the index collide, all but the last byte alike.
SessionKey KeyOf(int number) {
  SessionKey key;
  key.array()[31] = static_cast<uint8_t>(number);
  key.array()[30] = static_cast<uint8_t>(number >> 8);
  return key;
}

class SessionSegmentTest : public ::testing::Test {
 protected:
  SessionSegmentTest() { segment_.Open(memory_, signpost_, table_.profiles()); }

  LiveSession SessionOf(int number) {
    LiveSession session;
    session.id.array()[0] = static_cast<uint8_t>(number);
    session.create_time = kStart;
    session.expire_time = kStart + absl::Hours(12);
    session.last_seen_time = kStart;
    session.profile = table_.Share(Session{.idle_ttl = absl::Minutes(30)});
    return session;
  }
  bool Insert(int number, size_t capacity = 1000, bool may_evict = true) {
    return segment_.Insert(KeyOf(number), SessionOf(number), segment_.Ticket(),
                           capacity, may_evict);
  }
  std::vector<Activity> DueAt(absl::Time now) {
    std::vector<Activity> all;
    for (SessionSegment::NoteWalk walk; !walk.done();) {
      const std::vector<Activity> some = segment_.DueNotes(now, &walk);
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  }
  std::vector<Activity> Unsaved() { return DueAt(absl::InfiniteFuture()); }
  void Note(int number, absl::Duration after_start) {
    segment_.Note({KeyOf(number), kStart + after_start, {}});
  }
  bool IsDue(absl::Duration after_start) {
    return !DueAt(kStart + after_start).empty();
  }
  bool Has(int number) { return segment_.Get(KeyOf(number)).has_value(); }

  SessionMemory memory_;
  SessionSegment::Signpost signpost_;
  ProfileTable table_;
  SessionSegment segment_;
};

TEST_F(SessionSegmentTest, AgreesWithAMapUnderRandomInsertsAndRemovals) {
  // Half of the keys collide, half are spread, and removals leave holes.
  std::mt19937_64 random(1);
  std::set<int> model;
  const auto key_of = [](int number) {
    SessionKey key = KeyOf(number);
    if (number % 2 == 0) key.array()[8] = static_cast<uint8_t>(number * 31);
    return key;
  };
  for (int step = 0; step < 200000; ++step) {
    const int number = static_cast<int>(random() % 300);
    if (random() % 2 == 0) {
      segment_.Insert(key_of(number), SessionOf(number), segment_.Ticket(),
                      1000);
      model.insert(number);
    } else {
      segment_.Block(key_of(number));
      segment_.Unblock();
      model.erase(number);
    }
    const int asked = static_cast<int>(random() % 300);
    const auto found = segment_.Get(key_of(asked));
    ASSERT_EQ(found.has_value(), model.contains(asked)) << step;
    if (found.has_value()) {
      ASSERT_EQ(found->id.array()[0], static_cast<uint8_t>(asked));
    }
    ASSERT_EQ(segment_.Size(), model.size());
  }
}

TEST_F(SessionSegmentTest, KeepsToItsCapacity) {
  for (int i = 0; i < 5000; ++i) {
    ASSERT_TRUE(Insert(i, 100));
    ASSERT_LE(segment_.Size(), 100u);
    ASSERT_TRUE(Has(i));
  }
  EXPECT_EQ(segment_.Size(), 100u);
}

TEST_F(SessionSegmentTest, ApproachesACapacityThatShrank) {
  for (int i = 0; i < 1000; ++i) Insert(i, 1000);
  size_t before = segment_.Size();
  for (int i = 1000; i < 2000; ++i) {
    Insert(i, 500);
    // A chunk and two more at a time.
    EXPECT_GE(segment_.Size() + 172, before);
    before = segment_.Size();
  }
  EXPECT_EQ(segment_.Size(), 500u);
}

TEST_F(SessionSegmentTest, GivesMemoryBackWhenItsCapacityShrinks) {
  for (int i = 0; i < 2000; ++i) Insert(i, 2000);
  for (int i = 2000; i < 2100; ++i) segment_.Note({KeyOf(i - 100), kStart, {}});
  for (int i = 2000; i < 5000; ++i) {
    ASSERT_TRUE(Insert(i, 10));
    ASSERT_TRUE(Has(i));
  }
  EXPECT_LE(segment_.Size(), 10u);
  EXPECT_LE(segment_.Places(), 510u);
}

TEST_F(SessionSegmentTest, FindsRoomAlsoWhenEverythingWasAskedFor) {
  for (int i = 0; i < 1000; ++i) Insert(i, 1000);
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(Has(i));
  ASSERT_TRUE(Insert(1000, 1000));
  EXPECT_TRUE(Has(1000));
  EXPECT_EQ(segment_.Size(), 1000u);
}

TEST_F(SessionSegmentTest, TakesOnlyFreeRoomIfItMayNotEvict) {
  EXPECT_TRUE(Insert(1, 2, /*may_evict=*/false));
  EXPECT_TRUE(Insert(2, 2, /*may_evict=*/false));
  EXPECT_FALSE(Insert(3, 2, /*may_evict=*/false));
  EXPECT_TRUE(Insert(2, 2, /*may_evict=*/false)) << "it is there already";
  EXPECT_TRUE(Has(1));
  EXPECT_TRUE(Has(2));
  EXPECT_FALSE(Has(3));
}

TEST_F(SessionSegmentTest, AnEvictedNoteIsKeptUntilItIsSaved) {
  ASSERT_TRUE(Insert(1, 1));
  const Activity note{KeyOf(1), kStart + absl::Minutes(5),
                      kStart + absl::Hours(12)};
  segment_.Note(note);
  ASSERT_TRUE(Insert(2, 1));
  ASSERT_FALSE(Has(1));
  ASSERT_TRUE(segment_.UnsavedNote(KeyOf(1)).has_value());
  EXPECT_EQ(segment_.UnsavedNote(KeyOf(1))->seen, note.seen);
  ASSERT_EQ(Unsaved().size(), 1u);
  // Back again, it is not older than it was.
  ASSERT_TRUE(Insert(1, 1));
  EXPECT_EQ(segment_.Get(KeyOf(1))->last_seen_time, note.seen);
  ASSERT_EQ(Unsaved().size(), 1u);
  segment_.Saved({&note, 1});
  EXPECT_TRUE(Unsaved().empty());
  EXPECT_FALSE(segment_.UnsavedNote(KeyOf(1)).has_value());
}

TEST_F(SessionSegmentTest, ANoteNeverMovesActivityBack) {
  ASSERT_TRUE(Insert(1));
  segment_.Note({KeyOf(1), kStart + absl::Minutes(5), kStart});
  segment_.Note({KeyOf(1), kStart + absl::Minutes(4), kStart});
  EXPECT_EQ(segment_.Get(KeyOf(1))->last_seen_time, kStart + absl::Minutes(5));
  EXPECT_EQ(Unsaved().size(), 1u);
}

TEST_F(SessionSegmentTest, ANoteFarAheadOfTheBaseIsDueAtOnce) {
  // A twentieth of 30 minutes.
  ASSERT_TRUE(Insert(1));
  Note(1, absl::Seconds(90));
  EXPECT_TRUE(IsDue(absl::Seconds(90)));
  // And one of a session that has no entry.
  ASSERT_FALSE(Has(2));
  segment_.Block(KeyOf(1));
  segment_.Unblock();
  Note(2, absl::Seconds(1));
  EXPECT_TRUE(IsDue(absl::Seconds(1)));
}

TEST_F(SessionSegmentTest, ANoteLittleAheadOfTheBaseWaits) {
  ASSERT_TRUE(Insert(1));
  Note(1, absl::Seconds(89));
  EXPECT_FALSE(IsDue(absl::Seconds(178)));
  ASSERT_TRUE(segment_.UnsavedNote(KeyOf(1)).has_value());
  EXPECT_TRUE(IsDue(absl::Seconds(179)));
}

TEST_F(SessionSegmentTest, ASessionInSteadyUseIsSavedOnceInAWhile) {
  ASSERT_TRUE(Insert(1));
  int saves = 0;
  for (int second = 1; second <= 900; ++second) {
    Note(1, absl::Seconds(second));
    const std::vector<Activity> due = DueAt(kStart + absl::Seconds(second));
    segment_.Saved(due);
    saves += static_cast<int>(due.size());
  }
  EXPECT_EQ(saves, 9);
}

TEST_F(SessionSegmentTest, WhereIdleTimeoutsAreShortEveryNoteIsDue) {
  LiveSession session = SessionOf(1);
  session.profile = table_.Share(
      Session{.idle_ttl = absl::Minutes(30) - absl::Microseconds(20)});
  segment_.Insert(KeyOf(1), session, segment_.Ticket(), 10);
  Note(1, absl::Seconds(1));
  EXPECT_TRUE(IsDue(absl::Seconds(1)));
}

TEST_F(SessionSegmentTest, ANoteThatWaitedAndWasSavedAloneIsListedOnce) {
  ASSERT_TRUE(Insert(1));
  Note(1, absl::Seconds(1));
  const Activity note = *segment_.UnsavedNote(KeyOf(1));
  segment_.Saved({&note, 1});
  EXPECT_FALSE(IsDue(absl::Hours(1)));
  Note(1, absl::Seconds(2));
  EXPECT_FALSE(IsDue(absl::Seconds(2)));
  EXPECT_EQ(Unsaved().size(), 1u);
  segment_.Block(KeyOf(1));
  segment_.Unblock();
  EXPECT_TRUE(Unsaved().empty());
}

TEST_F(SessionSegmentTest, NotesAreLookedAtAndSavedInSteps) {
  constexpr int kSessions = 1000;
  for (int i = 0; i < kSessions; ++i) {
    ASSERT_TRUE(Insert(i));
    Note(i, absl::Minutes(5));
  }
  std::set<SessionKey> seen;
  int steps = 0;
  for (SessionSegment::NoteWalk walk; !walk.done(); ++steps) {
    const std::vector<Activity> some =
        segment_.DueNotes(kStart + absl::Minutes(5), &walk);
    ASSERT_LE(some.size(), SessionSegment::kNotesAtOnce);
    for (const Activity& note : some) seen.insert(note.key);
    // One of each step is used again before it is saved.
    Note(some.front().key.array()[31] + 256 * some.front().key.array()[30],
         absl::Minutes(6));
    segment_.Saved(some);
  }
  EXPECT_EQ(seen.size(), static_cast<size_t>(kSessions));
  EXPECT_EQ(steps, 4);
  EXPECT_EQ(Unsaved().size(), 4u);
}

TEST_F(SessionSegmentTest, NotesThatWaitedAreTakenInSteps) {
  constexpr int kSessions = 600;
  for (int i = 0; i < kSessions; ++i) {
    ASSERT_TRUE(Insert(i));
    Note(i, absl::Seconds(10));
  }
  SessionSegment::NoteWalk walk;
  size_t seen = 0;
  for (int steps = 0; !walk.done(); ++steps) {
    const std::vector<Activity> some =
        segment_.DueNotes(kStart + absl::Seconds(100), &walk);
    seen += some.size();
    segment_.Saved(some);
    if (steps > 0) continue;
    // One that begins to wait now is left to another walk.
    ASSERT_TRUE(Insert(kSessions));
    Note(kSessions, absl::Seconds(80));
  }
  EXPECT_EQ(seen, static_cast<size_t>(kSessions));
  EXPECT_FALSE(IsDue(absl::Seconds(169)));
  EXPECT_TRUE(IsDue(absl::Seconds(170)));
}

TEST_F(SessionSegmentTest, AWalkMissesNoNoteWhateverIsDoneMeanwhile) {
  std::mt19937_64 random(1);
  const auto key_of = [](int number) {
    SessionKey key = KeyOf(number);
    key.array()[8] = static_cast<uint8_t>(number);
    key.array()[9] = static_cast<uint8_t>(number >> 8);
    return key;
  };
  for (int round = 0; round < 20; ++round) {
    SessionSegment segment;
    segment.Open(memory_, signpost_, table_.profiles());
    constexpr int kSessions = 2000;
    const auto insert = [&](int number) {
      segment.Insert(key_of(number), SessionOf(number), segment.Ticket(),
                     10000);
    };
    const auto note = [&](int number, int minute) {
      segment.Note({key_of(number), kStart + absl::Minutes(minute), {}});
    };
    std::set<SessionKey> missing;
    for (int i = 0; i < kSessions; ++i) {
      insert(i);
      note(i, i % 2 == 0 ? 5 : 1);  // due at once, or after a while
      missing.insert(key_of(i));
    }
    for (SessionSegment::NoteWalk walk; !walk.done();) {
      const std::vector<Activity> some =
          segment.DueNotes(absl::InfiniteFuture(), &walk);
      for (const Activity& one : some) missing.erase(one.key);
      // Others come, end, are renewed, and are saved by themselves.
      for (int i = 0; i < 100; ++i) {
        const int number = static_cast<int>(random() % (kSessions + 500));
        switch (random() % 4) {
          case 0:
            insert(number);
            note(number, 6);
            break;
          case 1:
            segment.Block(key_of(number));
            segment.Unblock();
            missing.erase(key_of(number));
            break;
          case 2:
            note(number, 7);
            break;
          case 3:
            if (const auto alone = segment.UnsavedNote(key_of(number))) {
              segment.Saved({&*alone, 1});
              missing.erase(key_of(number));
            }
            break;
        }
      }
      segment.Saved(some);
    }
    EXPECT_TRUE(missing.empty()) << round;
  }
}

TEST_F(SessionSegmentTest, EndingDropsTheNoteAndVoidsFills) {
  ASSERT_TRUE(Insert(1));
  segment_.Note({KeyOf(1), kStart + absl::Minutes(5), kStart});
  const uint64_t ticket = segment_.Ticket();
  segment_.Block(KeyOf(1));
  EXPECT_TRUE(Unsaved().empty());
  EXPECT_FALSE(Has(1));
  const uint64_t meanwhile = segment_.Ticket();
  segment_.Insert(KeyOf(1), SessionOf(1), meanwhile, 1000);
  EXPECT_FALSE(Has(1)) << "while it was being ended";
  segment_.Unblock();
  segment_.Insert(KeyOf(1), SessionOf(1), ticket, 1000);
  segment_.Insert(KeyOf(1), SessionOf(1), meanwhile, 1000);
  EXPECT_FALSE(Has(1)) << "read before it had ended";
  EXPECT_TRUE(Insert(1));
  EXPECT_TRUE(Has(1));
}

TEST_F(SessionSegmentTest, KeepsWhatIsAskedForOverWhatIsNot) {
  for (int i = 0; i < 10; ++i) Insert(i, 10);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(Has(i));
  for (int i = 10; i < 15; ++i) Insert(i, 10);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(Has(i)) << i;
  for (int i = 5; i < 10; ++i) EXPECT_FALSE(Has(i)) << i;
}

TEST_F(SessionSegmentTest, HoldsItsSessionsProfilesAndLetsThemGo) {
  {
    LiveSession session = SessionOf(1);
    session.profile = table_.Share(Session{.account = "alice"});
    segment_.Insert(KeyOf(1), session, segment_.Ticket(), 10);
  }
  EXPECT_EQ(table_.Size(), 1u);
  segment_.Block(KeyOf(1));
  EXPECT_EQ(table_.Size(), 0u);
}

TEST_F(SessionSegmentTest, AskingForMemoryAheadChangesNothing) {
  segment_.FetchIndex(signpost_, KeyOf(1));
  segment_.FetchEntry(KeyOf(1));
  for (int i = 0; i < 400; ++i) ASSERT_TRUE(Insert(i));
  for (int i = 0; i < 500; ++i) {
    segment_.FetchIndex(signpost_, KeyOf(i));
    segment_.FetchEntry(KeyOf(i));
    EXPECT_EQ(Has(i), i < 400) << i;
  }
  EXPECT_EQ(segment_.counts().hits, 400u);
}

TEST_F(SessionSegmentTest, LetsProfilesGoWithItself) {
  {
    SessionSegment segment;
    segment.Open(memory_, signpost_, table_.profiles());
    for (int i = 0; i < 100; ++i) {
      LiveSession session = SessionOf(i);
      session.profile =
          table_.Share(Session{.account = std::to_string(i % 10)});
      segment.Insert(KeyOf(i), session, segment.Ticket(), 90);
    }
    EXPECT_EQ(table_.Size(), 10u);
  }
  EXPECT_EQ(table_.Size(), 0u);
}

}  // namespace
}  // namespace latchkey
