#include "server/session/lease_table.h"

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "gtest/gtest.h"

#include "client/verify/revocation_message.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_archive.h"

namespace latchkey {
namespace {

constexpr absl::Duration kTtl = absl::Seconds(2);
constexpr absl::Duration kInterval = absl::Milliseconds(500);
constexpr absl::Duration kLong = absl::Hours(1);
constexpr absl::Duration kTick = absl::Microseconds(1);
// How long the server waits for a lease.
const absl::Duration kHeld = kTtl + LeaseMargin(kTtl);

// A table whose newest revision is 10, on a disk that never saw a lease.
class LeaseTableTest : public ::testing::Test {
 protected:
  LeaseTableTest() { Restart(kTtl); }

  void Restart(absl::Duration ttl) {
    table_ = *LeaseTable::Open({.ttl = ttl, .heartbeat_interval = kInterval},
                               10, store_, clock_);
  }
  // A stream that has applied `applied` and has a lease.
  LeaseTable::StreamNumber Leased(uint64_t applied = 10) {
    const auto stream = *table_->OpenStream();
    EXPECT_TRUE(table_->Heartbeat(stream, applied).has_value());
    return stream;
  }
  void Wait(uint64_t revision, absl::Duration timeout = kLong) {
    report_.reset();
    table_->Wait(revision, timeout, [this](const PropagationReport& report) {
      EXPECT_FALSE(report_.has_value()) << "told twice";
      report_ = report;
    });
  }
  // Advances to the next deadline, as the owner of the table does.
  void TickAtDeadline() {
    const absl::Duration next = table_->NextDeadline();
    ASSERT_LT(next, absl::InfiniteDuration());
    if (next > clock_.SinceBoot()) clock_.Advance(next - clock_.SinceBoot());
    table_->Tick();
  }
  void Expect(bool complete, int verifiers, int acknowledged, int expired) {
    ASSERT_TRUE(report_.has_value());
    EXPECT_EQ(report_->complete, complete);
    EXPECT_EQ(report_->verifiers, verifiers);
    EXPECT_EQ(report_->acknowledged, acknowledged);
    EXPECT_EQ(report_->lease_expired, expired);
  }

  FakeClock clock_;
  MemoryLeaseStore store_;
  std::unique_ptr<LeaseTable> table_;
  std::optional<PropagationReport> report_;
};

TEST_F(LeaseTableTest, WithoutVerifiersAWaitIsOverAtOnce) {
  table_->Committed(11, true);
  Wait(11);
  Expect(true, 0, 0, 0);
  EXPECT_EQ(report_->elapsed, absl::ZeroDuration());
  EXPECT_EQ(table_->NextDeadline(), absl::InfiniteDuration());
}

TEST_F(LeaseTableTest, ALeaseSaysWhatMustHaveBeenApplied) {
  const auto stream = *table_->OpenStream();
  table_->Committed(11, true);
  const auto grant = table_->Heartbeat(stream, 10);
  ASSERT_TRUE(grant.has_value());
  EXPECT_EQ(grant->revision, 11u);
  EXPECT_EQ(grant->ttl, kTtl);
  EXPECT_EQ(grant->server_time, clock_.Now());
}

TEST_F(LeaseTableTest, AWaitEndsWhenAllHaveAcknowledged) {
  const auto first = Leased();
  const auto second = Leased();
  table_->Committed(11, true);
  Wait(11);
  clock_.Advance(absl::Milliseconds(3));
  table_->Heartbeat(first, 11);
  EXPECT_FALSE(report_.has_value());
  table_->Heartbeat(first, 11);  // again: still only one
  EXPECT_FALSE(report_.has_value());
  table_->Heartbeat(second, 12);
  Expect(true, 2, 2, 0);
  EXPECT_EQ(report_->elapsed, absl::Milliseconds(3));
}

TEST_F(LeaseTableTest, WhoHasAcknowledgedBeforeIsNotWaitedFor) {
  const auto stream = Leased();
  table_->Committed(11, true);
  table_->Heartbeat(stream, 11);
  Wait(11);
  Expect(true, 1, 1, 0);
}

TEST_F(LeaseTableTest, AnOlderAcknowledgementIsNoAcknowledgement) {
  const auto stream = Leased();
  table_->Committed(11, true);
  table_->Committed(12, true);
  Wait(12);
  table_->Heartbeat(stream, 11);
  EXPECT_FALSE(report_.has_value());
  table_->Heartbeat(stream, 12);
  Expect(true, 1, 1, 0);
}

TEST_F(LeaseTableTest, AcknowledgementsDoNotGoBack) {
  const auto stream = Leased();
  table_->Committed(11, true);
  table_->Heartbeat(stream, 11);
  table_->Heartbeat(stream, 10);  // overtaken
  Wait(11);
  Expect(true, 1, 1, 0);
}

TEST_F(LeaseTableTest, ALeaseIsWaitedOutWithItsMargin) {
  Leased();
  table_->Committed(11, true);
  Wait(11);
  clock_.Advance(kHeld - kTick);
  table_->Tick();
  EXPECT_FALSE(report_.has_value());
  clock_.Advance(kTick);
  table_->Tick();
  Expect(true, 1, 0, 1);
  EXPECT_EQ(report_->elapsed, kHeld);
  EXPECT_EQ(kHeld, absl::Milliseconds(2040));
}

TEST_F(LeaseTableTest, TellsWhenItHasSomethingToDo) {
  EXPECT_EQ(table_->NextDeadline(), absl::InfiniteDuration());
  Leased();
  EXPECT_EQ(table_->NextDeadline(), absl::InfiniteDuration());
  table_->Committed(11, true);
  Wait(11);
  EXPECT_EQ(table_->NextDeadline(), clock_.SinceBoot() + kHeld);
  TickAtDeadline();
  Expect(true, 1, 0, 1);
}

TEST_F(LeaseTableTest, ABrokenStreamsLeaseIsWaitedOut) {
  const auto stream = Leased();
  table_->Committed(11, true);
  Wait(11);
  table_->CloseStream(stream);
  EXPECT_FALSE(report_.has_value());
  EXPECT_EQ(table_->figures().streams, 0u);
  EXPECT_EQ(table_->figures().leased, 1u);
  TickAtDeadline();
  Expect(true, 1, 0, 1);
  EXPECT_EQ(report_->elapsed, kHeld);
  EXPECT_EQ(table_->figures().leased, 0u);
}

TEST_F(LeaseTableTest, ANewStreamStandsInForNoOther) {
  const auto old = Leased();
  table_->Committed(11, true);
  Wait(11);
  table_->CloseStream(old);
  const auto fresh = *table_->OpenStream();
  EXPECT_NE(fresh, old);
  EXPECT_TRUE(table_->Heartbeat(fresh, 11).has_value());
  EXPECT_FALSE(report_.has_value());
  // Nor is anything that still comes from a closed one heard.
  EXPECT_FALSE(table_->Heartbeat(old, 11).has_value());
  EXPECT_FALSE(report_.has_value());
  TickAtDeadline();
  Expect(true, 1, 0, 1);
}

TEST_F(LeaseTableTest, ANewLeaseOfAStreamWhoseLeaseEndedIsNotWaitedFor) {
  const auto stream = Leased();
  table_->Committed(11, true);
  Wait(11);
  clock_.Advance(kHeld);
  // The lease has ended, though nobody has ticked; it cannot be made good.
  table_->Heartbeat(stream, 10);
  Expect(true, 1, 0, 1);
}

TEST_F(LeaseTableTest, ALeaseGrantedAfterTheCommitNeedsTheEntryAndIsNotWaited) {
  table_->Committed(11, true);
  Wait(11);
  Expect(true, 0, 0, 0);
  const auto stream = *table_->OpenStream();
  EXPECT_EQ(table_->Heartbeat(stream, 10)->revision, 11u);
}

TEST_F(LeaseTableTest, RenewsWhoHasAppliedWhatIsOlderThanAnInterval) {
  const auto stream = Leased();
  table_->Committed(11, true);
  clock_.Advance(kInterval);
  EXPECT_TRUE(table_->Heartbeat(stream, 10).has_value());
  clock_.Advance(kTick);
  EXPECT_FALSE(table_->Heartbeat(stream, 10).has_value());
  EXPECT_TRUE(table_->Heartbeat(stream, 11).has_value());
  EXPECT_EQ(table_->figures().refusals, 1u);
  EXPECT_EQ(table_->figures().grants, 3u);
}

TEST_F(LeaseTableTest, WhatRevokedNothingMakesNobodyLag) {
  const auto stream = Leased();
  table_->Committed(11, false);
  clock_.Advance(kLong);
  EXPECT_EQ(table_->Heartbeat(stream, 10)->revision, 11u);
}

TEST_F(LeaseTableTest, AtTheStartAllThatIsOnTheDiskIsRequired) {
  const auto stream = *table_->OpenStream();
  EXPECT_FALSE(table_->Heartbeat(stream, 9).has_value());
  EXPECT_TRUE(table_->Heartbeat(stream, 10).has_value());
}

TEST_F(LeaseTableTest, AWaitEndsWithinTheBoundWhateverAVerifierDoes) {
  const auto stream = Leased();
  table_->Committed(11, true);
  Wait(11);
  // It asks for a lease again and again, and applies nothing.
  while (!report_.has_value()) {
    clock_.Advance(absl::Milliseconds(1));
    table_->Heartbeat(stream, 10);
    ASSERT_LE(clock_.SinceBoot(), absl::Hours(1) + table_->Bound());
  }
  Expect(true, 1, 0, 1);
  EXPECT_LE(report_->elapsed, table_->Bound());
  EXPECT_GE(report_->elapsed, kHeld + kInterval - absl::Milliseconds(2));
  EXPECT_EQ(table_->Bound(), absl::Milliseconds(2540));
}

TEST_F(LeaseTableTest, AWaitForWhatRevokedNothingWaitsForWhatDidBefore) {
  const auto stream = Leased();
  table_->Committed(11, true);
  table_->Committed(15, false);
  Wait(15);  // a logout that found its session ended already
  EXPECT_FALSE(report_.has_value());
  table_->Heartbeat(stream, 11);
  Expect(true, 1, 1, 0);
  table_->Committed(16, false);
  Wait(16);
  Expect(true, 1, 1, 0);
}

TEST_F(LeaseTableTest, ATimeoutEndsAWaitIncomplete) {
  Leased();
  table_->Committed(11, true);
  Wait(11, absl::Milliseconds(100));
  EXPECT_EQ(table_->NextDeadline(),
            clock_.SinceBoot() + absl::Milliseconds(100));
  clock_.Advance(absl::Milliseconds(100) - kTick);
  table_->Tick();
  EXPECT_FALSE(report_.has_value());
  clock_.Advance(kTick);
  table_->Tick();
  Expect(false, 1, 0, 0);
  EXPECT_EQ(report_->elapsed, absl::Milliseconds(100));
}

TEST_F(LeaseTableTest, ATimeoutOfZeroOnlyLooks) {
  Leased();
  table_->Committed(11, true);
  Wait(11, absl::ZeroDuration());
  Expect(false, 1, 0, 0);
}

TEST_F(LeaseTableTest, ACancelledWaitIsNeverToldOf) {
  Leased();
  table_->Committed(11, true);
  const auto number =
      table_->Wait(11, kLong, [](const PropagationReport&) { ADD_FAILURE(); });
  table_->Cancel(number);
  table_->Cancel(number);
  table_->Cancel(12345);
  clock_.Advance(kLong);
  table_->Tick();
  EXPECT_EQ(table_->figures().waits, 0u);
}

TEST_F(LeaseTableTest, WaitsThatAreOpenAtTheEndEndIncomplete) {
  Leased();
  table_->Committed(11, true);
  Wait(11);
  table_.reset();
  Expect(false, 1, 0, 0);
}

TEST_F(LeaseTableTest, AReportMayAskTheTable) {
  Leased();
  table_->Committed(11, true);
  bool told = false;
  table_->Wait(11, kLong, [&](const PropagationReport&) {
    table_->Wait(11, kLong,
                 [&](const PropagationReport& report) { told = true; });
  });
  TickAtDeadline();
  EXPECT_TRUE(told);
}

TEST_F(LeaseTableTest, TooManyWaitsAreIncompleteAtOnce) {
  table_ = *LeaseTable::Open({.max_waits = 1}, 10, store_, clock_);
  Leased();
  table_->Committed(11, true);
  Wait(11);
  EXPECT_FALSE(report_.has_value());
  std::optional<PropagationReport> second;
  table_->Wait(11, kLong,
               [&](const PropagationReport& report) { second = report; });
  ASSERT_TRUE(second.has_value());
  EXPECT_FALSE(second->complete);
}

TEST_F(LeaseTableTest, TooManyStreamsAreRefusedWaitedOutOnesIncluded) {
  table_ = *LeaseTable::Open({.max_streams = 2}, 10, store_, clock_);
  const auto first = Leased();
  const auto second = *table_->OpenStream();
  EXPECT_EQ(table_->OpenStream().status().code(),
            absl::StatusCode::kResourceExhausted);
  table_->CloseStream(second);  // without a lease
  const auto third = *table_->OpenStream();
  table_->CloseStream(first);  // with one
  EXPECT_FALSE(table_->OpenStream().ok());
  clock_.Advance(kHeld);
  EXPECT_TRUE(table_->OpenStream().ok());
  table_->CloseStream(third);
}

// --- restarts ---

TEST_F(LeaseTableTest, TheTtlIsStoredBeforeTheFirstGrant) {
  EXPECT_EQ(store_.longest, kTtl);
  Restart(absl::Seconds(5));
  EXPECT_EQ(store_.longest, absl::Seconds(5));
}

TEST_F(LeaseTableTest, AStoreThatFailsGrantsNothing) {
  store_.write_failure = absl::UnavailableError("disk");
  EXPECT_EQ(
      LeaseTable::Open({.ttl = kTtl * 2}, 10, store_, clock_).status().code(),
      absl::StatusCode::kUnavailable);
  store_.read_failure = absl::DataLossError("disk");
  EXPECT_EQ(LeaseTable::Open({.ttl = kTtl}, 10, store_, clock_).status().code(),
            absl::StatusCode::kDataLoss);
}

TEST_F(LeaseTableTest, AfterARestartWhatWasGrantedBeforeIsWaitedOut) {
  Restart(kTtl);
  table_->Committed(11, true);
  Wait(11);
  EXPECT_FALSE(report_.has_value());
  clock_.Advance(kHeld - kTick);
  table_->Tick();
  EXPECT_FALSE(report_.has_value());
  TickAtDeadline();
  Expect(true, 0, 0, 0);
}

TEST_F(LeaseTableTest, AShorterTtlAfterARestartShortensNoWait) {
  Restart(absl::Seconds(1));
  EXPECT_EQ(store_.longest, kTtl);
  Restart(absl::Milliseconds(100));
  table_->Committed(11, true);
  Wait(11);
  clock_.Advance(kHeld - kTick);
  table_->Tick();
  EXPECT_FALSE(report_.has_value());
  TickAtDeadline();
  Expect(true, 0, 0, 0);
}

TEST_F(LeaseTableTest, AcknowledgementsDoNotShortenTheWaitAfterARestart) {
  Restart(kTtl);
  const auto stream = Leased();
  table_->Committed(11, true);
  Wait(11);
  table_->Heartbeat(stream, 11);
  EXPECT_FALSE(report_.has_value());
  TickAtDeadline();
  Expect(true, 1, 1, 0);
}

TEST_F(LeaseTableTest, ImpossibleLeasesAreRefused) {
  for (const LeaseTable::Options& options : std::vector<LeaseTable::Options>{
           {.ttl = absl::ZeroDuration()},
           {.ttl = -kTtl},
           {.ttl = kMaxLeaseTtl + kTick},
           {.heartbeat_interval = absl::ZeroDuration()}}) {
    EXPECT_EQ(LeaseTable::Open(options, 10, store_, clock_).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
  EXPECT_TRUE(LeaseTable::Open({.ttl = kMaxLeaseTtl}, 10, store_, clock_).ok());
}

TEST_F(LeaseTableTest, ManyThreadsEachGetOneReport) {
  constexpr int kWaits = 500;
  constexpr int kStreams = 3;
  std::atomic<uint64_t> head{10};
  std::atomic<int> reports{0};
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < kStreams; ++i) {
    threads.emplace_back([&, i] {
      while (!done) {
        // Refused while the leases of closed streams are waited out and the
        // thread that moves the clock does not come to it.
        const auto stream = table_->OpenStream();
        if (!stream.ok()) {
          std::this_thread::yield();
          continue;
        }
        for (int round = 1; !done && round % (20 + i) != 0; ++round) {
          table_->Heartbeat(*stream, head);
        }
        table_->CloseStream(*stream);
      }
    });
  }
  threads.emplace_back([&] {
    while (!done) {
      clock_.Advance(absl::Milliseconds(10));
      table_->Tick();
      static_cast<void>(table_->NextDeadline());
    }
  });
  for (int i = 0; i < kWaits; ++i) {
    table_->Committed(++head, true);
    table_->Wait(head, kLong, [&](const PropagationReport& report) {
      EXPECT_EQ(report.verifiers, report.acknowledged + report.lease_expired);
      ++reports;
    });
  }
  while (reports < kWaits) std::this_thread::yield();
  done = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(reports, kWaits);
}

}  // namespace
}  // namespace latchkey
