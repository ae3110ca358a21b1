#include "server/session/revocation_stream.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "gtest/gtest.h"

#include "client/verify/revocation_message.h"
#include "server/session/key_set_source.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_archive.h"

namespace latchkey {
namespace {

const absl::Time kExpire = absl::FromUnixSeconds(1893456000);

// A server whose newest revision is 10, all of it on the disk.
class RevocationStreamTest : public ::testing::Test {
 protected:
  RevocationStreamTest() {
    epoch_.array().fill(1);
    for (uint64_t revision = 1; revision <= 10; ++revision) {
      archive_.Add(Ended(revision));
    }
    log_ = std::make_unique<RevocationLog>(
        RevocationLog::Options{.max_entries = 100}, 10, archive_);
    leases_ = *LeaseTable::Open({}, 10, store_, clock_);
    stream_ = *RevocationStream::Open(epoch_, *log_, keys_, *leases_);
  }

  static RevocationsAt Ended(uint64_t revision) {
    SessionId session;
    session.array().fill(static_cast<uint8_t>(revision));
    return {.revision = revision,
            .revocations = {Revocation::OfSession(session, kExpire)}};
  }
  void Publish(uint64_t revision) {
    archive_.Add(Ended(revision));
    log_->Publish(revision, {Ended(revision)});
    leases_->Committed(revision, true);
  }
  void PublishNothing(uint64_t revision) {
    log_->Publish(revision, {});
    leases_->Committed(revision, false);
  }
  absl::StatusCode Receive(const VerifierMessage& message) {
    return stream_->Receive(message).code();
  }
  // The next message, which must be of this type.
  template <typename Message>
  Message Next() {
    const auto next = stream_->Next();
    EXPECT_TRUE(next.ok() && next->has_value());
    if (!next.ok() || !next->has_value()) return {};
    EXPECT_TRUE(std::holds_alternative<Message>(**next));
    const auto* const message = std::get_if<Message>(&**next);
    return message == nullptr ? Message() : *message;
  }
  bool IsIdle() { return !stream_->Next()->has_value(); }
  void Begin(uint64_t resume) {
    EXPECT_EQ(Receive(Subscribe{.epoch = epoch_, .resume = resume}),
              absl::StatusCode::kOk);
    EXPECT_EQ(Next<Welcome>().after, resume);
  }

  struct Keys final : KeySetSource {
    std::shared_ptr<const std::string> Current() const override {
      return current;
    }
    std::shared_ptr<const std::string> current;
  };

  Epoch epoch_;
  FakeClock clock_;
  Keys keys_;
  MemoryArchive archive_;
  MemoryLeaseStore store_;
  std::unique_ptr<RevocationLog> log_;
  std::unique_ptr<LeaseTable> leases_;
  std::unique_ptr<RevocationStream> stream_;
};

TEST_F(RevocationStreamTest, SaysNothingUntilSubscribed) {
  EXPECT_TRUE(IsIdle());
  Publish(11);
  EXPECT_TRUE(IsIdle());
  EXPECT_FALSE(stream_->NextReadsDisk());
}

TEST_F(RevocationStreamTest, ANewVerifierLearnsAllThatMatters) {
  EXPECT_EQ(Receive(Subscribe{}), absl::StatusCode::kOk);
  const Welcome welcome = Next<Welcome>();
  EXPECT_EQ(welcome.epoch, epoch_);
  EXPECT_EQ(welcome.after, 0u);
  EXPECT_TRUE(stream_->NextReadsDisk());
  const auto batch = Next<RevocationBatch>();
  EXPECT_EQ(batch.after, 0u);
  EXPECT_EQ(batch.through, 10u);
  EXPECT_EQ(batch.revocations.size(), 10u);
  EXPECT_FALSE(stream_->NextReadsDisk());
  EXPECT_TRUE(IsIdle());
}

TEST_F(RevocationStreamTest, ASnapshotLargerThanAMessageComesInPieces) {
  const uint64_t many = 3 * kMaxBatchRevocations + 5;
  for (uint64_t revision = 11; revision <= many; ++revision) Publish(revision);
  EXPECT_EQ(Receive(Subscribe{}), absl::StatusCode::kOk);
  Next<Welcome>();
  uint64_t through = 0;
  size_t count = 0;
  while (through < many) {
    const auto batch = Next<RevocationBatch>();
    EXPECT_EQ(batch.after, through);
    EXPECT_LE(batch.revocations.size(), kMaxBatchRevocations);
    ASSERT_GT(batch.through, through);
    through = batch.through;
    count += batch.revocations.size();
  }
  EXPECT_EQ(count, many);
  EXPECT_TRUE(IsIdle());
}

TEST_F(RevocationStreamTest, ResumesFromWhatTheVerifierHasApplied) {
  Begin(7);
  const auto batch = Next<RevocationBatch>();
  EXPECT_EQ(batch.after, 7u);
  EXPECT_EQ(batch.through, 10u);
  EXPECT_EQ(batch.revocations.size(), 3u);
}

TEST_F(RevocationStreamTest,
       WhatWasAppliedElsewhereOrNeverWasCountsForNothing) {
  Epoch other;
  other.array().fill(2);
  for (const Subscribe& subscribe :
       std::vector<Subscribe>{{.epoch = other, .resume = 7},
                              {.epoch = epoch_, .resume = 11},
                              {.epoch = std::nullopt, .resume = 7}}) {
    stream_ = *RevocationStream::Open(epoch_, *log_, keys_, *leases_);
    EXPECT_EQ(Receive(subscribe), absl::StatusCode::kOk);
    EXPECT_EQ(Next<Welcome>().after, 0u);
    EXPECT_EQ(Next<RevocationBatch>().revocations.size(), 10u);
  }
}

TEST_F(RevocationStreamTest, SendsWhatIsPendingBeforeALease) {
  Begin(10);
  Publish(11);
  EXPECT_EQ(Receive(Heartbeat{.nonce = 5, .applied = 10}),
            absl::StatusCode::kOk);
  EXPECT_EQ(Next<RevocationBatch>().through, 11u);
  const Lease lease = Next<Lease>();
  EXPECT_EQ(lease.nonce, 5u);
  EXPECT_EQ(lease.revision, 11u);
  EXPECT_EQ(lease.ttl, absl::Seconds(2));
  EXPECT_EQ(lease.server_time, clock_.Now());
  EXPECT_TRUE(IsIdle());
}

TEST_F(RevocationStreamTest, ALeaseDoesNotWaitForWhatCameAfterIt) {
  Begin(10);
  EXPECT_EQ(Receive(Heartbeat{.nonce = 5, .applied = 10}),
            absl::StatusCode::kOk);
  Publish(11);
  EXPECT_EQ(Next<Lease>().revision, 10u);
  EXPECT_EQ(Next<RevocationBatch>().through, 11u);
}

TEST_F(RevocationStreamTest, RevisionsThatRevokedNothingComeWithTheNextLease) {
  Begin(10);
  PublishNothing(15);
  EXPECT_TRUE(IsIdle());
  EXPECT_EQ(Receive(Heartbeat{.nonce = 1, .applied = 10}),
            absl::StatusCode::kOk);
  const auto batch = Next<RevocationBatch>();
  EXPECT_EQ(batch.through, 15u);
  EXPECT_TRUE(batch.revocations.empty());
  EXPECT_EQ(Next<Lease>().revision, 15u);
  EXPECT_TRUE(IsIdle());
}

TEST_F(RevocationStreamTest, AVerifierThatLagsIsToldHowFarItIsButGetsNoLease) {
  // After a start all is required; this one has missed what revoked nothing.
  PublishNothing(12);
  stream_.reset();
  leases_ = *LeaseTable::Open({}, 12, store_, clock_);
  stream_ = *RevocationStream::Open(epoch_, *log_, keys_, *leases_);
  Begin(10);
  EXPECT_EQ(Receive(Heartbeat{.nonce = 1, .applied = 10}),
            absl::StatusCode::kOk);
  EXPECT_EQ(Next<RevocationBatch>().through, 12u);
  EXPECT_TRUE(IsIdle());
  EXPECT_EQ(Receive(Heartbeat{.nonce = 2, .applied = 12}),
            absl::StatusCode::kOk);
  EXPECT_EQ(Next<Lease>().nonce, 2u);
}

TEST_F(RevocationStreamTest, KeepsOnlyTheNewestLeaseForWhoDoesNotRead) {
  Begin(10);
  for (uint64_t nonce = 1; nonce <= 1000; ++nonce) {
    EXPECT_EQ(Receive(Heartbeat{.nonce = nonce, .applied = 10}),
              absl::StatusCode::kOk);
  }
  EXPECT_EQ(Next<Lease>().nonce, 1000u);
  EXPECT_TRUE(IsIdle());
}

TEST_F(RevocationStreamTest, WhoDoesNotReadLosesTheLease) {
  Begin(10);
  EXPECT_EQ(Receive(Heartbeat{.nonce = 1, .applied = 10}),
            absl::StatusCode::kOk);
  Next<Lease>();
  Publish(11);
  clock_.Advance(absl::Milliseconds(501));
  EXPECT_EQ(Receive(Heartbeat{.nonce = 2, .applied = 10}),
            absl::StatusCode::kOk);
  EXPECT_EQ(Next<RevocationBatch>().through, 11u);
  EXPECT_TRUE(IsIdle());
}

TEST_F(RevocationStreamTest, WhatAVerifierMayNotSayEndsTheStream) {
  const auto refused = absl::StatusCode::kInvalidArgument;
  EXPECT_EQ(Receive(Heartbeat{.nonce = 1, .applied = 0}), refused);
  EXPECT_EQ(Receive(Subscribe{.epoch = epoch_, .resume = 10}),
            absl::StatusCode::kOk);
  EXPECT_EQ(Receive(Subscribe{.epoch = epoch_, .resume = 10}), refused);
  EXPECT_EQ(Receive(Heartbeat{.nonce = 1, .applied = 10}), refused);
  Next<Welcome>();
  EXPECT_EQ(Receive(Heartbeat{.nonce = 1, .applied = 11}), refused);
  EXPECT_EQ(Receive(Heartbeat{.nonce = 1, .applied = UINT64_MAX}), refused);
  Publish(11);  // exists, but was not sent
  EXPECT_EQ(Receive(Heartbeat{.nonce = 1, .applied = 11}), refused);
  EXPECT_EQ(leases_->figures().grants, 0u);
}

TEST_F(RevocationStreamTest, KeysComeFirstAndAgainWhenTheyChange) {
  keys_.current = std::make_shared<const std::string>("a");
  Begin(9);
  EXPECT_EQ(Next<KeySetUpdate>().jwks, "a");
  EXPECT_EQ(Next<RevocationBatch>().through, 10u);
  EXPECT_TRUE(IsIdle());
  keys_.current = std::make_shared<const std::string>("b");
  EXPECT_EQ(Receive(Heartbeat{.nonce = 1, .applied = 10}),
            absl::StatusCode::kOk);
  EXPECT_EQ(Next<KeySetUpdate>().jwks, "b");
  EXPECT_EQ(Next<Lease>().nonce, 1u);
  EXPECT_TRUE(IsIdle());
}

TEST_F(RevocationStreamTest, ABrokenDiskEndsTheStream) {
  Begin(3);
  archive_.failure = absl::DataLossError("bad");
  EXPECT_EQ(stream_->Next().status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(RevocationStreamTest, ItsEndLeavesTheLeaseRunning) {
  Begin(10);
  EXPECT_EQ(Receive(Heartbeat{.nonce = 1, .applied = 10}),
            absl::StatusCode::kOk);
  stream_.reset();
  EXPECT_EQ(leases_->figures().streams, 0u);
  EXPECT_EQ(leases_->figures().leased, 1u);
}

}  // namespace
}  // namespace latchkey
