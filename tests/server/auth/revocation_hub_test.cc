#include "server/auth/revocation_hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "server/base/error.h"
#include "tests/server/auth/world.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_archive.h"
#include "tests/support/notification.h"

namespace latchkey {
namespace {

class RecordingWatcher final : public Watcher {
 public:
  void Wake() override { ++woken; }
  void End(const absl::Status& why) override { ended.push_back(why); }
  absl::Duration LastHeard() const override { return heard; }

  int woken = 0;
  std::vector<absl::Status> ended;
  absl::Duration heard;
};

class RevocationHubTest : public testing::Test {
 protected:
  RevocationHubTest() {
    options_.leases.max_streams = 1;
    hub_ = *RevocationHub::Open(options_, [] { return uint64_t{10}; },
                                {.epoch = epoch_,
                                 .archive = archive_,
                                 .lease_store = store_,
                                 .keys = world_.keys(),
                                 .clock = world_.clock()});
    watcher_->heard = world_.clock().SinceBoot();
    EXPECT_TRUE(hub_->Add(watcher_).ok());
    // The keys are new to it once.
    RunDue();
    watcher_->woken = 0;
  }

  absl::Duration RunDue() { return hub_->RunDue(world_.clock().SinceBoot()); }

  // The answer to a heartbeat of `stream`; nothing else is left to be written.
  std::optional<Lease> Beat(RevocationStream& stream, uint64_t applied) {
    EXPECT_TRUE(stream.Receive(Heartbeat{.nonce = 1, .applied = applied}).ok());
    std::optional<Lease> lease;
    while (true) {
      const auto next = stream.Next();
      if (!next->has_value()) return lease;
      if (const auto* one = std::get_if<Lease>(&**next)) lease = *one;
    }
  }

  void Revoke(uint64_t revision) {
    const RevocationsAt change = {
        .revision = revision,
        .revocations = {Revocation::OfKey("kid", absl::InfiniteFuture())}};
    hub_->listener().Committed(revision, {change});
  }

  World world_;
  const Epoch epoch_;
  MemoryArchive archive_;
  MemoryLeaseStore store_;
  RevocationHub::Options options_;
  std::unique_ptr<RevocationHub> hub_;
  const std::shared_ptr<RecordingWatcher> watcher_ =
      std::make_shared<RecordingWatcher>();
};

TEST_F(RevocationHubTest, StoresTheLeaseBeforeAnyIsGranted) {
  EXPECT_EQ(store_.longest, options_.leases.ttl);
}

TEST_F(RevocationHubTest, WakesStreamsForWhatIsTakenBackAndForNothingElse) {
  hub_->listener().Committed(11, {});
  RunDue();
  EXPECT_EQ(watcher_->woken, 0);
  Revoke(12);
  RunDue();
  EXPECT_EQ(watcher_->woken, 1);
  RunDue();
  EXPECT_EQ(watcher_->woken, 1);
}

TEST_F(RevocationHubTest, WakesStreamsForNewKeysWithinASecond) {
  ASSERT_TRUE(world_.keys().Rotate(world_.clock().Now()).ok());
  world_.clock().Advance(absl::Seconds(1));
  RunDue();
  EXPECT_EQ(watcher_->woken, 1);
}

TEST_F(RevocationHubTest, EndsWhoIsSilent) {
  world_.clock().Advance(options_.silence_limit);
  RunDue();
  EXPECT_TRUE(watcher_->ended.empty());
  world_.clock().Advance(absl::Seconds(1));
  RunDue();
  ASSERT_FALSE(watcher_->ended.empty());
  EXPECT_EQ(watcher_->ended[0].code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(ReasonOf(watcher_->ended[0]), Reason::kVerifierSilent);
}

TEST_F(RevocationHubTest, AStreamThatWasRemovedIsLeftAlone) {
  hub_->Remove(watcher_);
  Revoke(11);
  RunDue();
  EXPECT_EQ(watcher_->woken, 0);
}

TEST_F(RevocationHubTest, OnceStreamsWereEndedNoneIsAdded) {
  hub_->EndStreams();
  ASSERT_EQ(watcher_->ended.size(), 1u);
  EXPECT_EQ(ReasonOf(watcher_->ended[0]), Reason::kShuttingDown);
  EXPECT_EQ(ReasonOf(hub_->Add(std::make_shared<RecordingWatcher>())),
            Reason::kShuttingDown);
}

TEST_F(RevocationHubTest, TooManyStreamsAreToldWhenToComeAgain) {
  const auto first = hub_->OpenStream();
  ASSERT_TRUE(first.ok());
  const absl::Status refused = hub_->OpenStream().status();
  EXPECT_EQ(ReasonOf(refused), Reason::kTooManyVerifiers);
  EXPECT_GT(*RetryDelayOf(refused), options_.leases.ttl);
}

TEST_F(RevocationHubTest, AWaitEndsWithTheAcknowledgement) {
  const auto stream = *hub_->OpenStream();
  ASSERT_TRUE(stream->Receive(Subscribe{}).ok());
  ASSERT_TRUE(stream->Next()->has_value());  // the welcome
  ASSERT_TRUE(stream->Next()->has_value());  // the keys
  archive_.newest = 10;
  Beat(*stream, 0);
  ASSERT_TRUE(Beat(*stream, 10).has_value());

  Revoke(11);
  std::optional<PropagationReport> report;
  hub_->Wait(11, std::nullopt,
             [&](const PropagationReport& one) { report = one; });
  EXPECT_FALSE(report.has_value());
  ASSERT_TRUE(stream->Next()->has_value());
  world_.clock().Advance(absl::Milliseconds(3));
  Beat(*stream, 11);
  ASSERT_TRUE(report.has_value());
  EXPECT_TRUE(report->complete);
  EXPECT_EQ(report->acknowledged, 1);
  EXPECT_EQ(report->elapsed, absl::Milliseconds(3));
  EXPECT_EQ(hub_->propagation().Read().total, 1u);
}

TEST_F(RevocationHubTest, AWaitEndsWithTheLeaseAndTheHubKnowsWhen) {
  const auto stream = *hub_->OpenStream();
  ASSERT_TRUE(stream->Receive(Subscribe{}).ok());
  ASSERT_TRUE(stream->Next()->has_value());
  ASSERT_TRUE(stream->Next()->has_value());
  archive_.newest = 10;
  Beat(*stream, 0);
  ASSERT_TRUE(Beat(*stream, 10).has_value());
  Revoke(11);
  std::optional<PropagationReport> report;
  hub_->Wait(11, std::nullopt,
             [&](const PropagationReport& one) { report = one; });
  while (!report.has_value()) {
    const absl::Duration due = RunDue();
    ASSERT_LE(due - world_.clock().SinceBoot(), absl::Seconds(1));
    world_.clock().Advance(due - world_.clock().SinceBoot());
    RunDue();
  }
  EXPECT_TRUE(report->complete);
  EXPECT_EQ(report->lease_expired, 1);
}

TEST_F(RevocationHubTest, ItsThreadDoesWhatIsDue) {
  hub_->Remove(watcher_);
  Notification woken;
  class Waking final : public Watcher {
   public:
    explicit Waking(Notification& note) : note_(note) {}
    void Wake() override { note_.Notify(); }
    void End(const absl::Status&) override {}
    absl::Duration LastHeard() const override {
      return absl::InfiniteDuration();
    }

   private:
    Notification& note_;
  };
  ASSERT_TRUE(hub_->Add(std::make_shared<Waking>(woken)).ok());
  hub_->Start();
  Revoke(11);
  woken.Wait();
  hub_->Stop();
}

}  // namespace
}  // namespace latchkey
