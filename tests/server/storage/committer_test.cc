#include "server/storage/committer.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "client/base/status_macros.h"
#include "server/base/error.h"
#include "server/storage/directory_lock.h"
#include "server/storage/expiry_filter.h"
#include "server/storage/opening.h"
#include "server/storage/records.h"
#include "server/storage/revocation_rows.h"
#include "server/storage/rocks_options.h"
#include "server/storage/session_rows.h"
#include "server/storage/session_sweep.h"
#include "tests/contract/stores_under_test.h"
#include "tests/server/storage/database_in_directory.h"
#include "tests/server/storage/fault_disk.h"

namespace latchkey {
namespace {

constexpr Family kRows = Family::kKeys;  // any family would do

class CommitterTest : public testing::Test {
 protected:
  CommitterTest()
      : log_(Log::ToStderr(LogLevel::kError, clock_)),
        health_(*log_),
        filter_clock_(clock_) {
    EXPECT_TRUE(DirectoryLock::Take(directory_.path()).ok());
    disk_ = std::make_shared<FaultDisk>(directory_.path());
    env_ = FaultDisk::MakeEnv(disk_);
    Open();
  }

  void Open() {
    RocksSetup setup;
    setup.env = env_.get();
    setup.cache_bytes = size_t{8} << 20;
    setup.expiry_filter = NewExpiryFilterFactory(filter_clock_);
    setup.listener = std::make_shared<rocksdb::EventListener>();
    setup.log = log_.get();
    auto opened = OpenDirectory(env_.get(), directory_.path(),
                                MakeRocksOptions(setup), *log_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    db_ = std::make_unique<RocksDb>(std::move(opened->db), opened->handles,
                                    health_, *log_);
    committer_ = std::make_unique<Committer>(*db_, health_, revision_, clock_,
                                             Answerers{&answerers_});
  }

  // Commits a row of that name.
  absl::StatusOr<uint64_t> Put(const std::string& key,
                               const std::string& value = "v") {
    return committer_->Commit([&](ChangeView& view) {
      view.Put(kRows, key, value);
      return absl::OkStatus();
    });
  }
  // Commits a row unless there is one of that name.
  absl::StatusOr<uint64_t> Claim(const std::string& key) {
    return committer_->Commit([&](ChangeView& view) -> absl::Status {
      LATCHKEY_ASSIGN_OR_RETURN(const auto row, view.Get(kRows, key));
      if (row.has_value()) return absl::AlreadyExistsError("taken");
      view.Put(kRows, key, "claimed");
      return absl::OkStatus();
    });
  }
  using Answerers = Committer::Answerers;

  // What became of changes that nobody waited for.
  class Answers {
   public:
    void Add(absl::StatusOr<uint64_t> answer) {
      MutexLock lock(&mutex_);
      given_.push_back(std::move(answer));
    }
    size_t given() const {
      MutexLock lock(&mutex_);
      return given_.size();
    }
    std::vector<absl::StatusOr<uint64_t>> Await(size_t count) const {
      while (given() < count) std::this_thread::yield();
      MutexLock lock(&mutex_);
      return given_;
    }

   private:
    mutable Mutex mutex_;
    std::vector<absl::StatusOr<uint64_t>> given_ ABSL_GUARDED_BY(mutex_);
  };
  // Put without waiting.
  void Submit(const std::string& key, Answers& answers) {
    committer_->Submit(
        [key](ChangeView& view) {
          view.Put(kRows, key, "v");
          return absl::OkStatus();
        },
        [&answers](absl::StatusOr<uint64_t> answer) {
          answers.Add(std::move(answer));
        });
  }
  // Begins with another committer over the same rows.
  void Reopen(Answerers answerers) {
    committer_.reset();
    committer_ = std::make_unique<Committer>(*db_, health_, revision_, clock_,
                                             answerers);
  }
  bool Stored(const std::string& key) {
    rocksdb::PinnableSlice value;
    const auto found = db_->Read(kRows, key, &value);
    EXPECT_TRUE(found.ok()) << found.status();
    return *found;
  }

  // Runs `calls` on threads of their own, so that all of them wait while a
  // first change is being synced, and returns what each answered, in the order
  // in which they began to wait.
  using Call = std::function<absl::StatusOr<uint64_t>()>;
  std::vector<absl::StatusOr<uint64_t>> WhileHeld(
      const std::vector<Call>& calls,
      const std::function<void()>& meanwhile = [] {}) {
    std::vector<absl::StatusOr<uint64_t>> answers(calls.size());
    std::vector<std::thread> threads;
    disk_->HoldLogSyncs();
    threads.emplace_back([this] { (void)Put("the first").status(); });
    disk_->AwaitHeld();
    for (size_t i = 0; i < calls.size(); ++i) {
      threads.emplace_back([&, i] { answers[i] = calls[i](); });
      while (committer_->Waiting() < i + 1) std::this_thread::yield();
    }
    meanwhile();
    disk_->ReleaseLogSyncs();
    for (std::thread& thread : threads) thread.join();
    return answers;
  }

  TemporaryDirectory directory_;
  FakeClock clock_;
  const std::unique_ptr<Log> log_;
  StoreHealth health_;
  const FilterClock filter_clock_;
  std::shared_ptr<FaultDisk> disk_;
  std::unique_ptr<rocksdb::Env> env_;
  std::atomic<uint64_t> revision_{0};
  std::unique_ptr<RocksDb> db_;
  TaskPool answerers_{{.name = "answerer", .threads = 2, .queue_limit = 0}};
  std::unique_ptr<Committer> committer_;
};

TEST_F(CommitterTest, ChangesGetConsecutiveRevisions) {
  for (uint64_t expected = 1; expected <= 5; ++expected) {
    EXPECT_EQ(*Put(absl::StrCat(expected)), expected);
    EXPECT_EQ(committer_->Revision(), expected);
  }
}

// Remembers what it was told, and that nobody was answered before.
class RecordingListener final : public CommitListener {
 public:
  void Committed(uint64_t through,
                 absl::Span<const RevocationsAt> changes) override {
    told.push_back(through);
    revoked.insert(revoked.end(), changes.begin(), changes.end());
  }
  std::vector<uint64_t> told;
  std::vector<RevocationsAt> revoked;
};

TEST_F(CommitterTest, TheListenerHearsOfEachChangeBeforeItIsAnswered) {
  RecordingListener listener;
  EXPECT_TRUE(Put("before").ok());
  committer_->Listen(listener);
  SessionId id;
  id.array().fill(1);
  const auto end = [&](absl::Status status) {
    return committer_->Commit([&](ChangeView& view) {
      PutRevocations(view, {Revocation::OfSession(id, clock_.Now())});
      return status;
    });
  };
  const uint64_t passed = *Put("a");
  EXPECT_THAT(listener.told, testing::ElementsAre(passed));
  EXPECT_TRUE(listener.revoked.empty());
  const uint64_t revoked = *end(absl::OkStatus());
  EXPECT_THAT(listener.told, testing::ElementsAre(passed, revoked));
  ASSERT_EQ(listener.revoked.size(), 1u);
  EXPECT_EQ(listener.revoked[0].revision, revoked);
  ASSERT_EQ(listener.revoked[0].revocations.size(), 1u);
  EXPECT_EQ(listener.revoked[0].revocations[0].session, id);
  EXPECT_EQ(listener.revoked[0].revocations[0].drop_time,
            DropTime(clock_.Now()));
  // Not of what was refused, or wrote nothing; nor is it told later.
  EXPECT_FALSE(end(absl::NotFoundError("refused")).ok());
  EXPECT_TRUE(
      committer_->Commit([](ChangeView&) { return absl::OkStatus(); }).ok());
  EXPECT_EQ(listener.told.size(), 2u);
  *Put("b");
  EXPECT_EQ(listener.told.size(), 3u);
  EXPECT_EQ(listener.revoked.size(), 1u);
}

TEST_F(CommitterTest, TheListenerHearsNothingOfAWriteThatFailed) {
  RecordingListener listener;
  committer_->Listen(listener);
  disk_->Fail(FaultDisk::Failure::kLogSync);
  EXPECT_FALSE(Put("a").ok());
  EXPECT_TRUE(listener.told.empty());
}

TEST_F(CommitterTest, EachWriteIsSynced) {
  const int before = disk_->log_syncs();
  ASSERT_TRUE(Put("a").ok());
  EXPECT_EQ(disk_->log_syncs(), before + 1);
}

TEST_F(CommitterTest, OneSyncCarriesAllThatWaited) {
  const int before = disk_->log_syncs();
  std::vector<Call> calls;
  for (int i = 0; i < 50; ++i) {
    calls.push_back([this, i] { return Put(absl::StrCat(i)); });
  }
  const auto answers = WhileHeld(calls);
  EXPECT_EQ(disk_->log_syncs(), before + 2);
  for (size_t i = 0; i < answers.size(); ++i) {
    EXPECT_EQ(*answers[i], 2 + i);  // first come, first served
  }
}

TEST_F(CommitterTest, OneSyncCarriesWhatNobodyWaitsFor) {
  constexpr uint64_t kChanges = 40;
  const int before = disk_->log_syncs();
  disk_->HoldLogSyncs();
  std::thread first([this] { (void)Put("the first").status(); });
  disk_->AwaitHeld();
  Answers answers;
  for (uint64_t i = 0; i < kChanges; ++i) Submit(absl::StrCat(i), answers);
  EXPECT_EQ(answers.given(), 0u);
  disk_->ReleaseLogSyncs();
  first.join();
  const auto given = answers.Await(kChanges);
  EXPECT_EQ(disk_->log_syncs(), before + 2);
  std::set<uint64_t> revisions;
  for (const auto& answer : given) revisions.insert(*answer);
  EXPECT_EQ(revisions.size(), kChanges);
  EXPECT_EQ(*revisions.begin(), 2u);
  EXPECT_EQ(*revisions.rbegin(), kChanges + 1);
}

TEST_F(CommitterTest, WhoIsAnsweredMayWaitForAnotherChange) {
  Answers answers;
  committer_->Submit(
      [](ChangeView& view) {
        view.Put(kRows, "a", "v");
        return absl::OkStatus();
      },
      [&](absl::StatusOr<uint64_t> first) {
        EXPECT_EQ(*first, 1u);
        answers.Add(Put("b"));
      });
  EXPECT_EQ(*answers.Await(1)[0], 2u);
}

TEST_F(CommitterTest, WhatCannotEvenWaitIsAnsweredAtOnce) {
  committer_->Stop();
  Answers answers;
  Submit("a", answers);
  ASSERT_EQ(answers.given(), 1u);
  EXPECT_EQ(ReasonOf(answers.Await(1)[0].status()), Reason::kShuttingDown);
}

TEST_F(CommitterTest, AFailedWriteIsToldToThoseWhoDoNotWait) {
  disk_->Fail(FaultDisk::Failure::kLogSync);
  Answers answers;
  Submit("a", answers);
  EXPECT_EQ(ReasonOf(answers.Await(1)[0].status()), Reason::kStoreFailed);
}

TEST_F(CommitterTest, AnswersThatBlockAreGivenSideBySide) {
  constexpr int kAnswers = 2;  // as many as there are answerers
  Reopen({&answerers_, /*together=*/1});
  disk_->HoldLogSyncs();
  std::thread first([this] { (void)Put("the first").status(); });
  disk_->AwaitHeld();
  std::atomic<int> here = 0, gone = 0;
  for (int i = 0; i < kAnswers; ++i) {
    committer_->Submit([](ChangeView&) { return absl::OkStatus(); },
                       [&](const absl::StatusOr<uint64_t>& answer) {
                         EXPECT_TRUE(answer.ok());
                         // Each waits for the other.
                         ++here;
                         while (here < kAnswers) std::this_thread::yield();
                         ++gone;
                       });
  }
  disk_->ReleaseLogSyncs();
  first.join();
  while (gone < kAnswers) std::this_thread::yield();
}

TEST_F(CommitterTest, WhatAnAnswerHoldsGoesWithIt) {
  disk_->HoldLogSyncs();
  std::thread first([this] { (void)Put("the first").status(); });
  disk_->AwaitHeld();
  const auto place = std::make_shared<int>();
  std::atomic<bool> answered = false;
  committer_->Submit([](ChangeView&) { return absl::OkStatus(); },
                     [place](const absl::StatusOr<uint64_t>&) {});
  committer_->Submit([](ChangeView&) { return absl::OkStatus(); },
                     [&](const absl::StatusOr<uint64_t>&) {
                       EXPECT_EQ(place.use_count(), 1);
                       answered = true;
                     });
  disk_->ReleaseLogSyncs();
  first.join();
  while (!answered) std::this_thread::yield();
}

TEST_F(CommitterTest, WithoutAnswerersItAnswersItself) {
  answerers_.Stop();
  Answers answers;
  Submit("a", answers);
  EXPECT_EQ(*answers.Await(1)[0], 1u);
  Reopen({});
  Submit("b", answers);
  EXPECT_EQ(*answers.Await(2)[1], 2u);
}

TEST_F(CommitterTest, TellsWhatBecameOfChanges) {
  const Committer::Figures& figures = committer_->figures();
  std::vector<Call> calls(5, [this] { return Claim("the one"); });
  WhileHeld(calls, [this] { clock_.Advance(absl::Milliseconds(7)); });
  EXPECT_EQ(figures.committed.Value(), 2u);  // the first, and one claim
  EXPECT_EQ(figures.refused.Value(), 4u);
  EXPECT_EQ(figures.failed.Value(), 0u);
  EXPECT_GT(figures.bytes.Value(), 0u);
  // One write each for the first and for those that waited.
  EXPECT_EQ(figures.writes.Read().total, 2u);
  EXPECT_EQ(figures.writes.Read().sum_nanos, 7'000'000u);

  disk_->Fail(FaultDisk::Failure::kLogSync);
  EXPECT_FALSE(Put("lost").ok());
  EXPECT_EQ(figures.failed.Value(), 1u);
  EXPECT_EQ(figures.committed.Value(), 2u);
}

TEST_F(CommitterTest, EachIsDecidedAgainstTheStateOfThoseBeforeIt) {
  std::vector<Call> calls(20, [this] { return Claim("the one"); });
  const auto answers = WhileHeld(calls);
  EXPECT_TRUE(answers[0].ok());
  for (size_t i = 1; i < answers.size(); ++i) {
    EXPECT_TRUE(absl::IsAlreadyExists(answers[i].status()));
  }
  EXPECT_EQ(committer_->Revision(), 2u);
}

TEST_F(CommitterTest, RefusedChangeInABatchLeavesNothing) {
  const auto answers = WhileHeld({
      [this] { return Put("before", "1"); },
      [this] {
        return committer_->Commit([](ChangeView& view) -> absl::Status {
          view.Put(kRows, "before", "2");
          view.Put(kRows, "refused", "2");
          view.Delete(kRows, "the first");
          view.Put(kRows, "refused", "3");
          return absl::AbortedError("changed my mind");
        });
      },
      [this] { return Claim("refused"); },
  });
  EXPECT_EQ(*answers[0], 2u);
  EXPECT_EQ(answers[1].status(), absl::AbortedError("changed my mind"));
  EXPECT_EQ(*answers[2], 3u);  // the refused one took no revision
  EXPECT_TRUE(Stored("the first"));
  rocksdb::PinnableSlice value;
  ASSERT_TRUE(*db_->Read(kRows, "before", &value));
  EXPECT_EQ(value.ToString(), "1");
}

TEST_F(CommitterTest, LaterChangeSeesDeletionsAndValuesOfItsBatch) {
  ASSERT_TRUE(Put("row", "old").ok());
  std::optional<std::string> seen = "unset", seen_again;
  WhileHeld({
      [this] {
        return committer_->Commit([](ChangeView& view) {
          view.Delete(kRows, "row");
          return absl::OkStatus();
        });
      },
      [this, &seen] {
        return committer_->Commit([&seen](ChangeView& view) -> absl::Status {
          LATCHKEY_ASSIGN_OR_RETURN(seen, view.Get(kRows, "row"));
          view.Put(kRows, "row", "new");
          return absl::OkStatus();
        });
      },
      [this, &seen_again] {
        return committer_->Commit([&](ChangeView& view) -> absl::Status {
          LATCHKEY_ASSIGN_OR_RETURN(seen_again, view.Get(kRows, "row"));
          return absl::OkStatus();
        });
      },
  });
  EXPECT_EQ(seen, std::nullopt);
  EXPECT_EQ(seen_again, "new");
  EXPECT_TRUE(Stored("row"));
}

TEST_F(CommitterTest, ChangeThatWritesNothingTakesNoRevision) {
  const auto nothing = [](ChangeView&) { return absl::OkStatus(); };
  EXPECT_EQ(*committer_->Commit(nothing), 0u);
  const int before = disk_->log_syncs();
  EXPECT_EQ(*committer_->Commit(nothing), 0u);
  EXPECT_EQ(disk_->log_syncs(), before);
  const auto answers = WhileHeld({
      [this] { return Put("a"); },
      [&] { return committer_->Commit(nothing); },
      [this] { return Put("b"); },
  });
  EXPECT_EQ(*answers[1], *answers[0]);
  EXPECT_EQ(*answers[2], *answers[0] + 1);
}

TEST_F(CommitterTest, BatchTakesNoMoreThanItsChanges) {
  const int before = disk_->log_syncs();
  std::vector<Call> calls;
  for (size_t i = 0; i < Committer::kMaxBatchChanges + 1; ++i) {
    calls.push_back([this, i] { return Put(absl::StrCat(i)); });
  }
  for (const auto& answer : WhileHeld(calls)) EXPECT_TRUE(answer.ok());
  EXPECT_EQ(disk_->log_syncs(), before + 3);
}

TEST_F(CommitterTest, BatchTakesNothingMoreOnceItHasItsBytes) {
  const int before = disk_->log_syncs();
  const std::string large(Committer::kMaxBatchBytes / 2 + 1, 'x');
  std::vector<Call> calls;
  for (int i = 0; i < 3; ++i) {
    calls.push_back([&, i] { return Put(absl::StrCat(i), large); });
  }
  const auto answers = WhileHeld(calls);
  EXPECT_EQ(*answers[2], 4u);
  EXPECT_EQ(disk_->log_syncs(), before + 3);
}

TEST_F(CommitterTest, OneTooManyIsRefusedWithAHintAndTheOthersAreNot) {
  disk_->HoldLogSyncs();
  std::thread first([this] { (void)Put("the first").status(); });
  disk_->AwaitHeld();
  Answers answers, refused;
  for (size_t i = 0; i < Committer::kMaxWaiting; ++i) {
    Submit(absl::StrCat(i), answers);
  }
  Submit("too many", refused);
  ASSERT_EQ(refused.given(), 1u);
  const absl::Status why = refused.Await(1)[0].status();
  EXPECT_TRUE(absl::IsUnavailable(why));
  EXPECT_EQ(ReasonOf(why), Reason::kOverloaded);
  EXPECT_EQ(RetryDelayOf(why), Committer::kRetryDelay);
  // Who waits on a thread of its own gets in all the same.
  std::thread waits([this] { EXPECT_TRUE(Put("awaited").ok()); });
  while (committer_->Waiting() <= Committer::kMaxWaiting) {
    std::this_thread::yield();
  }
  disk_->ReleaseLogSyncs();
  first.join();
  waits.join();
  for (const auto& answer : answers.Await(Committer::kMaxWaiting)) {
    EXPECT_TRUE(answer.ok());
  }
  EXPECT_FALSE(Stored("too many"));
  EXPECT_TRUE(Put("now").ok());
}

TEST_F(CommitterTest, FailedSyncStopsForGood) {
  ASSERT_TRUE(Put("before").ok());
  disk_->Fail(FaultDisk::Failure::kLogSync);
  const absl::Status failed = Put("lost").status();
  EXPECT_TRUE(absl::IsUnavailable(failed));
  EXPECT_EQ(ReasonOf(failed), Reason::kStoreFailed);
  disk_->Fail(FaultDisk::Failure::kNone);
  EXPECT_EQ(ReasonOf(Put("later").status()), Reason::kStoreFailed);
  EXPECT_EQ(ReasonOf(health_.Health()), Reason::kStoreFailed);
  rocksdb::PinnableSlice value;
  EXPECT_EQ(ReasonOf(db_->Read(kRows, "before", &value).status()),
            Reason::kStoreFailed);
  EXPECT_EQ(committer_->Revision(), 1u);
}

TEST_F(CommitterTest, FailedAppendStopsForGood) {
  disk_->Fail(FaultDisk::Failure::kLogAppend);
  EXPECT_EQ(ReasonOf(Put("lost").status()), Reason::kStoreFailed);
  disk_->Fail(FaultDisk::Failure::kNone);
  EXPECT_EQ(ReasonOf(Put("later").status()), Reason::kStoreFailed);
}

TEST_F(CommitterTest, FullDiskStopsForGood) {
  disk_->Fail(FaultDisk::Failure::kNoSpace);
  EXPECT_EQ(ReasonOf(Put("lost").status()), Reason::kStoreFailed);
}

TEST_F(CommitterTest, AllThatWaitAreRefusedAfterAFailedWrite) {
  const auto answers =
      WhileHeld({[this] { return Put("a"); }, [this] { return Claim("a"); },
                 [this] {
                   return committer_->Commit(
                       [](ChangeView&) { return absl::OkStatus(); });
                 }},
                [this] { disk_->Fail(FaultDisk::Failure::kLogSync); });
  for (const auto& answer : answers) {
    EXPECT_EQ(ReasonOf(answer.status()), Reason::kStoreFailed);
  }
  EXPECT_EQ(committer_->Revision(), 0u);
}

TEST_F(CommitterTest, StopCommitsWhatWaitsAndRefusesWhatComes) {
  std::thread stopper;
  const auto answers =
      WhileHeld({[this] { return Put("a"); }, [this] { return Put("b"); }},
                [&] { stopper = std::thread([this] { committer_->Stop(); }); });
  stopper.join();
  EXPECT_TRUE(answers[0].ok() && answers[1].ok());
  EXPECT_TRUE(Stored("a") && Stored("b"));
  const absl::Status refused = Put("c").status();
  EXPECT_TRUE(absl::IsUnavailable(refused));
  EXPECT_EQ(ReasonOf(refused), Reason::kShuttingDown);
  committer_->Stop();
}

TEST_F(CommitterTest, NewestRevisionIsWrittenWithEachBatch) {
  ASSERT_TRUE(Put("a").ok());
  ASSERT_TRUE(Put("b").ok());
  rocksdb::PinnableSlice row;
  ASSERT_TRUE(*db_->Read(Family::kMeta, kMetaRevision, &row));
  EXPECT_EQ(*DecodeMetaNumber64(ToView(row)), 2u);
}

TEST_F(CommitterTest, SweepIsDecidedAgainWhereItIsWritten) {
  // Two sessions that look dead on disk; while the sweep's change waits, one
  // is used and the other ended by changes before it in the batch.
  const Account alice = ContractAccount("alice");
  const Session used = ContractSession(alice, 1);
  const Session ended = ContractSession(alice, 2);
  ASSERT_TRUE(committer_
                  ->Commit([&](ChangeView& view) {
                    view.Put(Family::kAccounts, "alice", EncodeAccount(alice));
                    PutSession(view, ContractKey(1), used);
                    PutSession(view, ContractKey(2), ended);
                    return absl::OkStatus();
                  })
                  .ok());
  const absl::Time now = used.idle_expire_time() + kSweepGrace;
  SessionSweep sweep(*db_, *committer_, *log_);
  const auto answers = WhileHeld({
      [&] {
        return committer_->Commit([&](ChangeView& view) {
          view.Put(Family::kActivity, ContractKey(1).view(),
                   EncodeActivity({used.expire_time, now}));
          DeleteSession(view, ContractKey(2), ended);
          return absl::OkStatus();
        });
      },
      [&]() -> absl::StatusOr<uint64_t> { return sweep.Run(now, 10); },
  });
  EXPECT_EQ(*answers[1], 0u);  // freed none
  rocksdb::PinnableSlice row;
  EXPECT_TRUE(*db_->Read(Family::kSessions, ContractKey(1).view(), &row));
}

TEST_F(CommitterTest, ManyThreadsGetEachRevisionOnce) {
  constexpr int kThreads = 8;
  constexpr int kEach = 200;
  std::vector<std::vector<uint64_t>> revisions(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this, t, &mine = revisions[t]] {
      for (int i = 0; i < kEach; ++i) {
        const auto revision = Put(absl::StrCat(t, "/", i));
        ASSERT_TRUE(revision.ok());
        // What was answered is what every reader sees.
        EXPECT_GE(committer_->Revision(), *revision);
        EXPECT_TRUE(Stored(absl::StrCat(t, "/", i)));
        mine.push_back(*revision);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<uint64_t> all;
  for (const auto& mine : revisions) {
    EXPECT_TRUE(std::is_sorted(mine.begin(), mine.end()));
    all.insert(mine.begin(), mine.end());
  }
  EXPECT_EQ(all.size(), size_t{kThreads} * kEach);
  EXPECT_EQ(*all.rbegin(), uint64_t{kThreads} * kEach);
}

}  // namespace
}  // namespace latchkey
